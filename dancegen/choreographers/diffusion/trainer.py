"""Training the denoiser: windows drawn from memory, noised and restored; now and then its average dances alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.beat_critic import Metronome
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.data import Batch, Recording, Windows
from dancegen.choreographers.diffusion.denoiser import Denoiser, Wishes
from dancegen.choreographers.diffusion.losses import LOSSES, dance_losses, noised, synchrony_loss
from dancegen.choreographers.diffusion.model import Model, load_model, save_model
from dancegen.choreographers.diffusion.scale import Scale
from dancegen.choreographers.diffusion.validation import Validation, validate
from dancegen.choreographers.training.checkpoint import save_checkpoint
from dancegen.choreographers.training.clock import Clock
from dancegen.choreographers.training.collapse import Watch, dance_signs
from dancegen.choreographers.training.descent import Descent, advice
from dancegen.choreographers.training.footprint import Footprint, growing, kept_for_backward, networks_bytes
from dancegen.choreographers.training.history import History, mean_losses
from dancegen.choreographers.training.loading import stream
from dancegen.choreographers.training.precision import autocast, settled
from dancegen.choreographers.training.processes import ALONE, Processes
from dancegen.choreographers.training.run import go_on, run
from dancegen.motion.body import Body
from dancegen.progress import SILENT, Progress

CLIP = 1.0
"""Norm of the gradient beyond which a step is shortened."""
BEGINNING = 512
"""Windows whose principal directions the denoiser begins with."""
METRONOME_BATCH = 48


class Trainer:
    """Trains one denoiser in `folder`, which holds all that a killed run needs to go on: `checkpoint.pt`, `best/`,
    `history.csv`, `samples/` and TensorBoard's events.

    init: a model directory to start from, whose body, scale and styles it keeps; wandb: a project of Weights & Biases
    to tell of it.
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
        processes: Processes = ALONE,
        wandb: str | None = None,
        progress: Progress = SILENT,
    ):
        torch.manual_seed(seed)
        self.config, self.folder, self.seed, self.progress = config, folder, seed, progress
        self.processes, self.device = processes, (device := processes.device)
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
        self.history = History(folder, wandb=wandb, settings=config.to_dict(), progress=progress)
        self.watch = Watch()
        self.clock = Clock(t, self.windows.count / t.batch, processes)
        self.best, self.kept = float("inf"), None
        self.recent: list[dict[str, float]] = []
        self.metronome = Metronome(config.window.fps).to(device) if config.loss.synchrony else None
        hints = advice(t.learning_rate, settled(t.precision, device), folder / "best")
        self.descent = Descent([self.denoiser], processes, progress, hints)
        resumed = go_on(self)
        processes.agree(self.clock.step)
        if not resumed:
            self._begin(fresh=given is None)
        processes.share(self.denoiser, *self._judges())

    def run(self) -> dict[str, float]:
        """Train to the end; returns the figures of the model in `best/`, which the main process alone knows.

        Ctrl-C ends it after the step at hand, with all that was learnt in the folder; a second one ends it at once.
        """
        if self.processes.main and self.clock.done < 1.0:
            self.footprint().state(self.device, self.progress)
        run(self, self._label(), self.config.train.validate_every)
        if not self.processes.main:
            return {}
        if self.kept is None:  # a run that was killed between its last step and its publication
            self.kept = validate(load_model(self.folder / "best", self.device), self.held_out, seed=self.seed)
        return asdict(self.kept)

    def batches(self) -> Iterator[Batch]:
        """From the clock's step on, endlessly: windows drawn from the step's number."""
        clips = len(self.processes.part(range(self.config.train.batch)))
        drawn = partial(_draw, self.windows, clips, self.scale.to("cpu"), self.seed, self.processes.index)
        return stream(drawn, count(self.clock.step), self.device)

    def step(self, batch: Batch) -> dict[str, float]:
        """One update on one batch; returns the losses by name, none where it had to be left out."""
        t, step = self.config.train, self.clock.step
        dice = self.processes.dice(self.seed, step)
        torch.manual_seed(dice)
        terms = self._losses(batch, torch.Generator().manual_seed(dice))
        total = sum(getattr(self.config.loss, name) * term for name, term in terms.items())
        self.optimiser.param_groups[0]["lr"] = t.learning_rate * self._rate()
        losses = self.descent.step("denoiser", self.optimiser, total, terms, CLIP)
        if not self.descent.finish(step):
            return {}
        self._follow()
        return losses

    def _losses(self, batch: Batch, chance: torch.Generator) -> dict[str, Tensor]:
        """How well the batch's windows are restored, each from as much noise as chance will have it."""
        t, clips = self.config.train, len(batch.features)
        real, known, song = (x.to(self.device, non_blocking=True) for x in (batch.features, batch.known, batch.song))
        wanted = self.scale.normalise(real)
        fixed = (known @ self.parts).clamp(max=1)
        time_ = torch.rand(clips, generator=chance).to(self.device)
        noise = torch.randn(wanted.shape, generator=chance).to(self.device)
        blur = t.prefix_noise * torch.randn(wanted.shape, generator=chance).to(self.device)
        noisy = torch.where(fixed > 0, wanted + blur, noised(wanted, noise, time_))
        heard = (torch.rand(clips, generator=chance) >= t.music_dropout).to(self.device)
        wishes = _told(batch.wishes, t.condition_dropout, chance).map(lambda x: x.to(self.device))
        with self.precision():
            found = self.denoiser(noisy, known, time_, self.denoiser.hear(song, heard), wishes)
        found = found.float()
        terms = dance_losses(found, wanted, self.scale, self.offsets, self.config.window.fps)
        if self.metronome is not None:
            own = self._danced_to(song)
            terms["synchrony"] = synchrony_loss(found, own, heard * time_, self.scale, self.offsets, self.metronome)
        return terms

    def footprint(self) -> Footprint:
        """What the training needs of memory, measured on batches of one and of two windows."""
        networks = [self.denoiser, *self._judges()]

        def measure(clips: int) -> int:
            batch = _draw(self.windows, clips, self.scale.to("cpu"), self.seed, 0, 0)
            return kept_for_backward(lambda: self._losses(batch, torch.Generator().manual_seed(0)), networks)

        clips = len(self.processes.part(range(self.config.train.batch)))
        activations, each = growing(measure, clips)
        arrays = [array for r in (*self.windows.recordings, *self.held_out) for array in (r.features, r.song, r.speed)]
        return Footprint(
            networks=networks_bytes([self.denoiser], [self.denoiser], self._judges()),
            activations=activations,
            data=sum(array.nbytes for array in arrays),
            clips=clips,
            each=each,
        )

    def averaged(self) -> Model:
        """The model with the averaged weights, ready to dance."""
        denoiser = Denoiser(self.config, len(self.styles)).to(self.device)
        denoiser.load_state_dict(self.average)
        return Model(self.config, denoiser.eval(), self.body, self.scale, self.styles)

    def save_checkpoint(self) -> None:
        """All that a later run needs to go on as if there had been no break; a kill leaves the old one whole."""
        self.descent.check(self.clock.step, self.average)
        state = {
            "denoiser": self.denoiser.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "metronome": self.metronome.state_dict() if self.metronome else None,
            "step": self.clock.step,
            "seconds": self.clock.elapsed_s,
            "best": self.best,
            "kept": asdict(self.kept) if self.kept else None,
            "recent": self.recent,
            "skipped": self.descent.skipped,
            "signs": self.watch.seen,
        }
        if self.processes.main:
            save_checkpoint(self.folder, state)

    def _label(self) -> str:
        millions = sum(p.numel() for p in self.denoiser.parameters()) / 1e6
        return f"training the denoiser ({millions:.1f} M parameters, {len(self.windows.recordings)} clips)"

    def _rate(self) -> float:
        """A linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (self.clock.step + 1) / self.config.train.warmup)
        return warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * self.clock.done))))

    def precision(self) -> AbstractContextManager:
        return autocast(self.config.train.precision, self.device)

    def _follow(self) -> None:
        """Exponential moving average of the weights: what is validated, kept and danced with."""
        keep = min(self.config.train.ema, (1 + self.clock.step) / (10 + self.clock.step))
        with torch.no_grad():
            for name, value in self.denoiser.state_dict().items():
                self.average[name].lerp_(value, 1 - keep)

    def report(self) -> None:
        """Validate by free-running, keep the best, write history, samples and the checkpoint, and say how it goes."""
        self.descent.check(self.clock.step, self.average)
        said = self._judge() if self.processes.main else ""
        self.recent = []
        self.save_checkpoint()
        self.progress.say(said)

    def _judge(self) -> str:
        """Validate, keep the last and the best, write history and samples; returns what to say of it."""
        model = self.averaged()
        sheet = self.folder / "samples" / f"step_{self.clock.step:06d}.png"
        with self.precision():
            v = validate(model, self.held_out, sheet, seed=self.seed)
        means = mean_losses(self.recent, LOSSES)
        self._log(means, v, sheet)
        for words in self.watch.notice(dance_signs(v, "more or longer clips, or a longer training")):
            self.progress.warn(f"step {self.clock.step}: {words}")
        save_model(self.folder / "last", model)
        if v.score < self.best or not (self.folder / "best").is_dir():
            self.best, self.kept = v.score, v
            save_model(self.folder / "best", model)
        losses = ", ".join(f"{name} {value:.4f}" for name, value in means.items() if np.isfinite(value))
        return (
            f"step {self.clock.step}: {losses}; free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), "
            f"acceleration {v.accel:.1f} ({v.real_accel:.1f}), freeze {v.freeze:.2f} ({v.real_freeze:.2f}), "
            f"skating {v.skating:.2f} ({v.real_skating:.2f}), variety {v.variety:.3f} ({v.real_variety:.3f}), "
            f"beat {v.beat:.2f} (off {v.beat_shifted:.2f}), footfall {v.footfall:.2f} "
            f"(off {v.footfall_shifted:.2f}), score {v.score:.2f}"
        )

    def _log(self, means: dict[str, float], validation: Validation, sheet: Path) -> None:
        row = {"step": self.clock.step, "seconds": round(self.clock.elapsed_s, 1), "rate": self._rate()}
        row |= {k: round(v, 6) for k, v in (means | asdict(validation)).items()}
        row["skipped"] = self.descent.skipped
        self.history.add(row, sheet)

    def _begin(self, fresh: bool) -> None:
        """What is learnt from the real dances before the first step: the ways they go, and their beat."""
        if fresh:
            windows = self.windows.draw(BEGINNING, np.random.default_rng(self.seed), self.scale.to("cpu"))
            self.denoiser.begin_from(self.scale.normalise(windows.features.to(self.device)))
            self.average = {k: v.detach().clone() for k, v in self.denoiser.state_dict().items()}
        if self.metronome is not None:
            steps = self.config.train.metronome_steps
            self.metronome.learn(self._real_joints, steps, self.descent, seed=self.seed, progress=self.progress)

    def _real_joints(self, step: int) -> tuple[Tensor, Tensor]:
        """Joints (B, T, 24, 3) of real windows and the song (B, T, music.WIDTH) they were danced to."""
        batch = self.windows.draw(METRONOME_BATCH, np.random.default_rng([self.seed, step, 1]))
        joints = f.positions(batch.features.to(self.device), self.offsets)
        return joints, self._danced_to(batch.song).to(self.device)

    def _danced_to(self, song: Tensor) -> Tensor:
        """The music without what is heard before and after the window."""
        context = self.config.window.context
        return song[:, context : context + self.config.window.frames]

    def _judges(self) -> list[Metronome]:
        """The networks that only judge the denoiser."""
        return [self.metronome] if self.metronome is not None else []

    def restore(self, state: dict) -> None:
        self.denoiser.load_state_dict(state["denoiser"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.metronome is not None:
            self.metronome.load_state_dict(state["metronome"])
            self.metronome.freeze()
        self.average, self.recent, self.best = state["average"], state["recent"], state["best"]
        self.clock.start(state["step"], state["seconds"])
        self.descent.start(state.get("skipped", 0))
        self.watch.seen = state.get("signs", {})
        self.kept = Validation(**state["kept"]) if state["kept"] else None


def _draw(windows: Windows, clips: int, scale: Scale, seed: int, process: int, step: int) -> Batch:
    return windows.draw(clips, np.random.default_rng([seed, step, process]), scale)


def _told(wishes: Wishes, dropout: float, chance: torch.Generator) -> Wishes:
    """The wishes with some of them left untold."""

    def keep(like: Tensor) -> Tensor:
        kept = torch.rand(len(like), generator=chance) >= dropout
        return kept if like.dim() == 1 else kept[:, None]

    return wishes.map(lambda told: told * keep(told))
