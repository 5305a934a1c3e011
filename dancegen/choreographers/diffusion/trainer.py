"""Training the denoiser: windows drawn from memory, noised and restored; now and then its average dances alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.data import Batch, Recording, Windows
from dancegen.choreographers.diffusion.denoiser import Denoiser, Wishes
from dancegen.choreographers.diffusion.losses import LOSSES, dance_losses, noised
from dancegen.choreographers.diffusion.model import Model, load_model, save_model
from dancegen.choreographers.diffusion.scale import Scale
from dancegen.choreographers.diffusion.validation import Validation, validate
from dancegen.choreographers.training.checkpoint import resume, save_checkpoint
from dancegen.choreographers.training.clock import Clock
from dancegen.choreographers.training.history import History
from dancegen.choreographers.training.loading import stream
from dancegen.choreographers.training.run import run
from dancegen.mocap.body import Body
from dancegen.progress import SILENT, Progress

CLIP = 1.0
"""Norm of the gradient beyond which a step is shortened."""


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
        self.clock = Clock(t, self.windows.count / t.batch)
        self.best, self.kept = float("inf"), None
        self.recent: list[dict[str, float]] = []
        self._resume()

    def run(self) -> dict[str, float]:
        """Train to the end; returns the figures of the model in `best/`.

        Ctrl-C ends it after the step at hand, with all that was learnt in the folder; a second one ends it at once.
        """
        run(self, self._label(), self.config.train.validate_every)
        if self.kept is None:  # a run that was killed between its last step and its publication
            self.kept = validate(load_model(self.folder / "best", self.device), self.held_out, seed=self.seed)
        return asdict(self.kept)

    def batches(self) -> Iterator[Batch]:
        """From the clock's step on, endlessly: windows drawn from the step's number."""
        drawn = partial(_draw, self.windows, self.config.train.batch, self.scale.to("cpu"), self.seed)
        return stream(drawn, count(self.clock.step), self.device)

    def step(self, batch: Batch) -> dict[str, float]:
        """One update on one batch; returns the losses by name."""
        t, step = self.config.train, self.clock.step
        chance = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        torch.manual_seed(self.seed * 1_000_003 + step)
        clips = len(batch.features)
        real, known, song = (x.to(self.device, non_blocking=True) for x in (batch.features, batch.known, batch.song))
        wanted = self.scale.normalise(real)
        fixed = (known @ self.parts).clamp(max=1)
        time_ = torch.rand(clips, generator=chance).to(self.device)
        noise = torch.randn(wanted.shape, generator=chance).to(self.device)
        blur = t.prefix_noise * torch.randn(wanted.shape, generator=chance).to(self.device)
        noisy = torch.where(fixed > 0, wanted + blur, noised(wanted, noise, time_))
        heard = (torch.rand(clips, generator=chance) >= t.music_dropout).to(self.device)
        wishes = _told(batch.wishes, t.condition_dropout, chance).map(lambda x: x.to(self.device))
        with self._precision():
            found = self.denoiser(noisy, known, time_, self.denoiser.hear(song, heard), wishes)
        terms = dance_losses(found.float(), wanted, self.scale, self.offsets, self.config.window.fps)
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
            "step": self.clock.step,
            "seconds": self.clock.elapsed_s,
            "best": self.best,
            "kept": asdict(self.kept) if self.kept else None,
            "recent": self.recent,
        }
        save_checkpoint(self.folder, state)

    def _label(self) -> str:
        millions = sum(p.numel() for p in self.denoiser.parameters()) / 1e6
        return f"training the denoiser ({millions:.1f} M parameters, {len(self.windows.recordings)} clips)"

    def _rate(self) -> float:
        """A linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (self.clock.step + 1) / self.config.train.warmup)
        return warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * self.clock.done))))

    def _precision(self):
        if self.config.train.precision != "bf16":
            return nullcontext()
        return torch.autocast("cuda" if self.device.startswith("cuda") else "cpu", torch.bfloat16)

    def _follow(self) -> None:
        """Exponential moving average of the weights: what is validated, kept and danced with."""
        keep = min(self.config.train.ema, (1 + self.clock.step) / (10 + self.clock.step))
        with torch.no_grad():
            for name, value in self.denoiser.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)

    def report(self) -> None:
        """Validate by free-running, keep the best, write history, samples and the checkpoint, and say how it goes."""
        model = self.averaged()
        sheet = self.folder / "samples" / f"step_{self.clock.step:06d}.png"
        with self._precision():
            v = validate(model, self.held_out, sheet, seed=self.seed)
        means = {name: float(np.mean([r[name] for r in self.recent])) if self.recent else 0.0 for name in LOSSES}
        self.recent = []
        self._log(means, v)
        save_model(self.folder / "last", model)
        if v.score < self.best or not (self.folder / "best").is_dir():
            self.best, self.kept = v.score, v
            save_model(self.folder / "best", model)
        self.save_checkpoint()
        losses = ", ".join(f"{name} {value:.4f}" for name, value in means.items())
        self.progress.say(
            f"step {self.clock.step}: {losses}; free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), "
            f"acceleration {v.accel:.1f} ({v.real_accel:.1f}), freeze {v.freeze:.2f} ({v.real_freeze:.2f}), "
            f"skating {v.skating:.2f} ({v.real_skating:.2f}), variety {v.variety:.3f} ({v.real_variety:.3f}), "
            f"beat {v.beat:.2f} (off {v.beat_shifted:.2f}), footfall {v.footfall:.2f} "
            f"(off {v.footfall_shifted:.2f}), score {v.score:.2f}"
        )

    def _log(self, means: dict[str, float], validation: Validation) -> None:
        row = {"step": self.clock.step, "seconds": round(self.clock.elapsed_s, 1), "rate": self._rate()}
        row |= {k: round(v, 6) for k, v in (means | asdict(validation)).items()}
        self.history.add(row)

    def _resume(self) -> None:
        if resume(self.folder, self._restore, self.device):
            self.history.forget_after(self.clock.step)
            self.progress.say(f"going on from step {self.clock.step} of an interrupted run")

    def _restore(self, state: dict) -> None:
        self.denoiser.load_state_dict(state["denoiser"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.recent, self.best = state["average"], state["recent"], state["best"]
        self.clock.start(state["step"], state["seconds"])
        self.kept = Validation(**state["kept"]) if state["kept"] else None


def _draw(windows: Windows, clips: int, scale: Scale, seed: int, step: int) -> Batch:
    return windows.draw(clips, np.random.default_rng([seed, step]), scale)


def _told(wishes: Wishes, dropout: float, chance: torch.Generator) -> Wishes:
    """The wishes with some of them left untold."""

    def keep(like: Tensor) -> Tensor:
        kept = torch.rand(len(like), generator=chance) >= dropout
        return kept if like.dim() == 1 else kept[:, None]

    return wishes.map(lambda told: told * keep(told))
