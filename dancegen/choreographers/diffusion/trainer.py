"""Training the denoiser: windows drawn from memory, noised and restored; now and then its average dances alone."""

from __future__ import annotations

import time
from contextlib import closing, nullcontext
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.data import Batch, Recording, Windows
from dancegen.choreographers.diffusion.denoiser import Denoiser, Wishes
from dancegen.choreographers.diffusion.losses import LOSSES, dance_losses, noised, synchrony_loss
from dancegen.choreographers.diffusion.metronome import Metronome
from dancegen.choreographers.diffusion.model import Model, load_model, save_model
from dancegen.choreographers.diffusion.scale import Scale
from dancegen.choreographers.diffusion.validation import Validation, validate
from dancegen.choreographers.training.checkpoint import resume, save_checkpoint
from dancegen.choreographers.training.history import History
from dancegen.choreographers.training.interrupt import interrupt_deferred
from dancegen.mocap.body import Body
from dancegen.progress import SILENT, Progress

CLIP = 1.0
"""Norm of the gradient beyond which a step is shortened."""
BEGINNING = 512
"""Windows whose principal directions the denoiser begins with."""
METRONOME_BATCH = 48


class Trainer:
    """Trains one denoiser in `folder`, which holds all that a killed run needs to go on: `checkpoint.pt`, `best/`,
    `history.csv`, `samples/` and TensorBoard's events.

    init: a model directory to start from, whose body, scale and styles it keeps.
    """

    def __init__(
        self,
        config: DiffusionConfig,
        train: list[Recording],
        held_out: list[Recording],
        body: Body,
        folder: Path,
        *,
        init: Path | None = None,
        seed: int = 0,
        device: str = "cpu",
        progress: Progress = SILENT,
    ):
        torch.manual_seed(seed)
        self.config, self.folder, self.seed, self.device, self.progress = config, folder, seed, device, progress
        self.held_out = held_out
        given = load_model(init) if init else None
        self.body = given.body if given else body
        self.styles = given.styles if given else tuple(sorted({r.style for r in train}))
        self.windows = Windows(train, list(self.styles), config)
        self.scale: Scale = (given.scale if given else self.windows.scale(seed)).to(device)
        self.denoiser = (given.denoiser if given else Denoiser(config, len(self.styles))).to(device).train()
        self.average = {k: v.detach().clone() for k, v in self.denoiser.state_dict().items()}
        t = config.train
        self.optimiser = torch.optim.AdamW(
            self.denoiser.parameters(), t.learning_rate, (0.9, 0.99), weight_decay=t.weight_decay, fused=True
        )
        self.offsets = torch.from_numpy(self.body.offsets).float().to(device)
        self.parts = f.part_masks().to(device)
        self.history = History(folder)
        self.step, self.seconds, self.started = 0, 0.0, time.monotonic()
        self.best, self.kept = float("inf"), None
        self.recent: list[dict[str, float]] = []
        self.metronome = Metronome(config.window.fps).to(device) if config.loss.synchrony else None
        if not self._resume():
            self._begin(fresh=given is None)

    @property
    def elapsed_s(self) -> float:
        return self.seconds + time.monotonic() - self.started

    @property
    def done(self) -> float:
        """Share of the training that is over, 0..1: whichever of epochs, steps and minutes is nearest its end."""
        t = self.config.train
        shares = [self.step * t.batch / (t.epochs * self.windows.count)]
        if t.steps is not None:
            shares.append(self.step / t.steps)
        if t.minutes is not None:
            shares.append(self.elapsed_s / (60 * t.minutes))
        return min(1.0, max(shares))

    def run(self) -> dict[str, float]:
        """Train to the end; returns the figures of the model in `best/`.

        Ctrl-C ends it after the step at hand, with all that was learnt in the folder; a second one ends it at once.
        """
        with (
            closing(self.history),
            self.progress.task(self._label(), 100) as advance,
            interrupt_deferred() as interrupted,
        ):
            shown = 0.0
            while self.done < 1.0:
                chance = np.random.default_rng([self.seed, self.step])
                self.recent.append(self.learn(self.windows.draw(self.config.train.batch, chance, self._on_cpu())))
                self.step += 1
                advance(100 * self.done - shown)
                shown = 100 * self.done
                if self.step % self.config.train.validate_every == 0 or self.done >= 1.0:
                    self._report()
                if interrupted():
                    self.save_checkpoint()
                    raise KeyboardInterrupt
        if self.kept is None:  # a run that was killed between its last step and its publication
            self.kept = validate(load_model(self.folder / "best", self.device), self.held_out, seed=self.seed)
        return asdict(self.kept)

    def learn(self, batch: Batch) -> dict[str, float]:
        """One update on one batch; returns the losses by name."""
        t = self.config.train
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
        torch.manual_seed(self.seed * 1_000_003 + self.step)
        count = len(batch.features)
        real, known, song = (x.to(self.device) for x in (batch.features, batch.known, batch.song))
        wanted = self.scale.normalise(real)
        fixed = (known @ self.parts).clamp(max=1)
        time_ = torch.rand(count, generator=chance).to(self.device)
        noise = torch.randn(wanted.shape, generator=chance).to(self.device)
        blur = t.prefix_noise * torch.randn(wanted.shape, generator=chance).to(self.device)
        noisy = torch.where(fixed > 0, wanted + blur, noised(wanted, noise, time_))
        heard = (torch.rand(count, generator=chance) >= t.music_dropout).to(self.device)
        wishes = _told(batch.wishes, t.condition_dropout, chance).map(lambda x: x.to(self.device))
        with self._precision():
            found = self.denoiser(noisy, known, time_, self.denoiser.hear(song, heard), wishes)
        found = found.float()
        terms = dance_losses(found, wanted, self.scale, self.offsets, self.config.window.fps)
        if self.metronome is not None:
            own = self._danced_to(song)
            terms["synchrony"] = synchrony_loss(found, own, heard * time_, self.scale, self.offsets, self.metronome)
        total = sum(getattr(self.config.loss, name) * term for name, term in terms.items())
        self.optimiser.param_groups[0]["lr"] = t.learning_rate * self._rate()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.denoiser.parameters(), CLIP)
        self.optimiser.step()
        self._follow()
        return {name: term.item() for name, term in terms.items()}

    def averaged(self) -> Model:
        """The model with the averaged weights, ready to dance."""
        denoiser = Denoiser(self.config, len(self.styles)).to(self.device)
        denoiser.load_state_dict(self.average)
        return Model(self.config, denoiser.eval(), self.body, self.scale, self.styles)

    def save_checkpoint(self) -> None:
        """All that a later run needs to go on as if there had been no break; a kill leaves the old one whole."""
        state = {
            "denoiser": self.denoiser.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "metronome": self.metronome.state_dict() if self.metronome else None,
            "step": self.step,
            "seconds": self.elapsed_s,
            "best": self.best,
            "kept": asdict(self.kept) if self.kept else None,
            "recent": self.recent,
        }
        save_checkpoint(self.folder, state)

    def _label(self) -> str:
        millions = sum(p.numel() for p in self.denoiser.parameters()) / 1e6
        return f"training the denoiser ({millions:.1f} M parameters, {len(self.windows.recordings)} clips)"

    def _on_cpu(self) -> Scale:
        return self.scale.to("cpu")

    def _rate(self) -> float:
        """A linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (self.step + 1) / self.config.train.warmup)
        return warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * self.done))))

    def _precision(self):
        if self.config.train.precision != "bf16":
            return nullcontext()
        return torch.autocast("cuda" if self.device.startswith("cuda") else "cpu", torch.bfloat16)

    def _follow(self) -> None:
        """Exponential moving average of the weights: what is validated, kept and danced with."""
        keep = min(self.config.train.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.denoiser.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)

    def _report(self) -> None:
        """Validate by free-running, keep the best, write history, samples and the checkpoint, and say how it goes."""
        model = self.averaged()
        sheet = self.folder / "samples" / f"step_{self.step:06d}.png"
        with self._precision():
            v = validate(model, self.held_out, sheet, seed=self.seed)
        means = {
            name: float(np.mean([r.get(name, 0.0) for r in self.recent])) if self.recent else 0.0 for name in LOSSES
        }
        self.recent = []
        self._log(means, v)
        save_model(self.folder / "last", model)
        if v.score < self.best or not (self.folder / "best").is_dir():
            self.best, self.kept = v.score, v
            save_model(self.folder / "best", model)
        self.save_checkpoint()
        losses = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self.progress.say(
            f"step {self.step}: {losses}; free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), acceleration "
            f"{v.accel:.1f} ({v.real_accel:.1f}), freeze {v.freeze:.2f} ({v.real_freeze:.2f}), skating {v.skating:.2f} "
            f"({v.real_skating:.2f}), variety {v.variety:.3f} ({v.real_variety:.3f}), beat {v.beat:.2f} "
            f"(off {v.beat_shifted:.2f}), footfall {v.footfall:.2f} "
            f"(off {v.footfall_shifted:.2f}), score {v.score:.2f}"
        )

    def _log(self, means: dict[str, float], validation: Validation) -> None:
        row = {"step": self.step, "seconds": round(self.elapsed_s, 1), "rate": self._rate()}
        row |= {k: round(v, 6) for k, v in (means | asdict(validation)).items()}
        self.history.add(row)

    def _begin(self, fresh: bool) -> None:
        """What is learnt from the real dances before the first step: the ways they go, and their beat."""
        if fresh:
            windows = self.windows.draw(BEGINNING, np.random.default_rng(self.seed), self._on_cpu())
            self.denoiser.begin_from(self.scale.normalise(windows.features.to(self.device)))
            self.average = {k: v.detach().clone() for k, v in self.denoiser.state_dict().items()}
        if self.metronome is not None:
            steps = self.config.train.metronome_steps
            self.metronome.learn(self._real_joints, steps, seed=self.seed, progress=self.progress)

    def _real_joints(self, step: int) -> tuple[Tensor, Tensor]:
        """Joints (B, T, 24, 3) of real windows and the song (B, T, music.WIDTH) they were danced to."""
        batch = self.windows.draw(METRONOME_BATCH, np.random.default_rng([self.seed, step, 1]))
        joints = f.positions(batch.features.to(self.device), self.offsets)
        return joints, self._danced_to(batch.song).to(self.device)

    def _danced_to(self, song: Tensor) -> Tensor:
        """The music without what is heard before and after the window."""
        context = self.config.window.context
        return song[:, context : context + self.config.window.frames]

    def _resume(self) -> bool:
        if not resume(self.folder, self._restore, self.device):
            return False
        self.history.forget_after(self.step)
        self.progress.say(f"going on from step {self.step} of an interrupted run")
        return True

    def _restore(self, state: dict) -> None:
        self.denoiser.load_state_dict(state["denoiser"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.metronome is not None:
            self.metronome.load_state_dict(state["metronome"])
            self.metronome.freeze()
        self.average, self.recent, self.best = state["average"], state["recent"], state["best"]
        self.step, self.seconds = state["step"], state["seconds"]
        self.kept = Validation(**state["kept"]) if state["kept"] else None


def _told(wishes: Wishes, dropout: float, chance: torch.Generator) -> Wishes:
    """The wishes with some of them left untold."""

    def keep(like: Tensor) -> Tensor:
        kept = torch.rand(len(like), generator=chance) >= dropout
        return kept if like.dim() == 1 else kept[:, None]

    return wishes.map(lambda told: told * keep(told))
