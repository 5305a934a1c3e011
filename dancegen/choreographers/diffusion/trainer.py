"""Training the denoiser: windows of dance are noised and restored; now and then its averaged weights dance alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.beat_critic import BodyBeatCritic
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.data import (
    Batch,
    TrainClip,
    Windows,
    body_of,
    learnt_from,
    load_motions,
    train_clips,
)
from dancegen.choreographers.diffusion.denoiser import Conditioning, Denoiser
from dancegen.choreographers.diffusion.features import Normalizer
from dancegen.choreographers.diffusion.guidance import draw_guidance, unguided_by
from dancegen.choreographers.diffusion.losses import LOSSES, dance_losses, q_sample, synchrony_loss
from dancegen.choreographers.diffusion.model import Model, load_model, save_model
from dancegen.choreographers.diffusion.validation import Validation, validate
from dancegen.choreographers.family import TrainingJob
from dancegen.choreographers.training.diagnostics import Sign, dance_signs
from dancegen.choreographers.training.loading import stream
from dancegen.choreographers.training.memory_estimate import (
    MemoryEstimate,
    growing,
    kept_for_backward,
    networks_bytes,
)
from dancegen.choreographers.training.processes import ALONE, Processes
from dancegen.choreographers.training.trainer import Trainer
from dancegen.dataset.format import share_of
from dancegen.motion.body import Body
from dancegen.progress import SILENT, Progress

CLIP_NORM = 1.0
"""Norm of the gradient beyond which a step is shortened."""
PROJECTION_WINDOWS = 512
"""Windows whose principal directions the denoiser's projections are initialised with."""
CRITIC_BATCH = 48


class DiffusionTrainer(Trainer[Batch, Model, Validation]):
    """Trains one denoiser in `folder`.

    init: a model directory to start from, whose body and normalizer it keeps, and whose styles it adds to.
    """

    FIGURES = Validation
    LOSSES = LOSSES

    def __init__(
        self,
        config: DiffusionConfig,
        train: list[TrainClip],
        held_out: list[TrainClip],
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
        device, t = processes.device, config.train
        self.held_out, self.fresh = held_out, init is None
        given = load_model(init) if init else None
        self.body = given.body if given else body
        self.styles = tuple(sorted({r.style for r in train} | set(given.styles if given else ())))
        self.learnt = learnt_from(train, given.learnt if given else {})
        self.windows = Windows(train, list(self.styles), config)
        measured = self.windows.normalizer(seed)
        self.normalizer = (with_styles_of(measured, self.styles, given) if given else measured).to(device)
        self.denoiser = Denoiser(config, len(self.styles)).to(device).train()
        if given:
            self.denoiser.load_state_dict(extended(given, self.denoiser.state_dict(), self.styles))
        self.optimiser = torch.optim.AdamW(
            self.denoiser.parameters(), t.learning_rate, (0.9, 0.99), weight_decay=t.weight_decay, fused=True
        )
        self.offsets = torch.from_numpy(self.body.offsets).float().to(device)
        self.parts = f.part_masks().to(device)
        self.beat_critic = (
            BodyBeatCritic(config.window.fps).to(device).freeze() if config.loss.synchrony else None
        )  # fmt: skip
        super().__init__(
            config,
            folder,
            self.denoiser,
            critics={} if self.beat_critic is None else {"beat critic": self.beat_critic},
            optimisers={"denoiser": self.optimiser},
            epoch_steps=self.windows.count / t.batch,
            seed=seed,
            processes=processes,
            wandb=wandb,
            progress=progress,
        )
        self.start()

    def title(self) -> str:
        millions = sum(p.numel() for p in self.denoiser.parameters()) / 1e6
        return f"training the denoiser ({millions:.1f} M parameters, {len(self.windows.clips)} clips)"

    def begin(self) -> None:
        """What is learnt from the real dances before the first step: their principal directions, and their beat."""
        if self.fresh:
            windows = self.windows.draw(
                PROJECTION_WINDOWS, np.random.default_rng(self.seed), self.normalizer.to("cpu")
            )  # fmt: skip
            self.denoiser.init_projections(self.normalizer.normalise(windows.features.to(self.device)))
            self.average = {k: v.detach().clone() for k, v in self.denoiser.state_dict().items()}
        if self.beat_critic is not None:
            steps = self.config.train.beat_critic_steps
            self.beat_critic.learn(self._real_joints, steps, self.guarded, seed=self.seed, progress=self.progress)

    def _real_joints(self, step: int) -> tuple[Tensor, Tensor]:
        """Joints (B, T, 24, 3) of real windows and the song (B, T, music.WIDTH) they were danced to."""
        batch = self.windows.draw(CRITIC_BATCH, np.random.default_rng([self.seed, step, 1]))
        joints = f.positions(batch.features.to(self.device), self.offsets)
        return joints, self._without_context(batch.song).to(self.device)

    def _without_context(self, song: Tensor) -> Tensor:
        """The music without that before and after the window."""
        context = self.config.window.context
        return song[:, context : context + self.config.window.frames]

    def batches(self) -> Iterator[Batch]:
        """From the budget's step on, endlessly: windows drawn from the step's number."""
        clips = len(self.processes.part(range(self.config.train.batch)))
        drawn = partial(draw_batch, self.windows, clips, self.normalizer.to("cpu"), self.seed, self.processes.index)
        return stream(drawn, count(self.budget.step), self.device)

    def step(self, batch: Batch) -> dict[str, float]:
        """One update on one batch; returns the losses by name, none where it had to be left out."""
        step = self.budget.step
        seed = self.processes.seed_for(self.seed, step)
        torch.manual_seed(seed)
        terms = self._losses(batch, torch.Generator().manual_seed(seed))
        total: Any = sum(getattr(self.config.loss, name) * term for name, term in terms.items())
        self.optimiser.param_groups[0]["lr"] = self.config.train.learning_rate * self._rate()
        losses = self.guarded.update("denoiser", self.optimiser, total, terms, CLIP_NORM)
        if not self.guarded.finish(step):
            return {}
        self.update_average()
        return losses

    def _losses(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """How well the batch's windows are restored, each from noise of a random time."""
        t, clips = self.config.train, len(batch.features)
        real, known, song = (x.to(self.device, non_blocking=True) for x in (batch.features, batch.known, batch.song))
        wanted = self.normalizer.normalise(real)
        fixed = (known @ self.parts).clamp(max=1)
        time = torch.rand(clips, generator=rng).to(self.device)
        noise = torch.randn(wanted.shape, generator=rng).to(self.device)
        prefix_noise = t.prefix_noise * torch.randn(wanted.shape, generator=rng).to(self.device)
        noisy = torch.where(fixed > 0, wanted + prefix_noise, q_sample(wanted, noise, time))
        music_mask = (torch.rand(clips, generator=rng) >= t.music_dropout).to(self.device)
        conditioning = drop_conditions(batch.conditioning, t.condition_dropout, rng).map(lambda x: x.to(self.device))
        guidance = torch.ones(clips, device=self.device)
        if self.config.denoiser.guidance_embeds:
            conditioning = replace(conditioning, style=conditioning.style * music_mask)
            guidance = draw_guidance(music_mask, t.guided, rng)
        with self.precision():
            tokens = self.denoiser.encode_music(song, music_mask)
            found = self.denoiser(noisy, known, time, tokens, conditioning, guidance)
        found = self._unguided(found.float(), noisy, known, time, song, conditioning, guidance)
        terms = dance_losses(found, wanted, self.normalizer, self.offsets, self.config.window.fps)
        if self.beat_critic is not None:
            terms["synchrony"] = synchrony_loss(
                found, self._without_context(song), music_mask * time, self.normalizer, self.offsets, self.beat_critic
            )
        return terms

    def _unguided(
        self,
        found: Tensor,
        noisy: Tensor,
        known: Tensor,
        time: Tensor,
        song: Tensor,
        conditioning: Conditioning,
        guidance: Tensor,
    ) -> Tensor:
        """The windows with those that are guided as they would be without: only what is guided learns by it."""
        rows = guidance > 1
        if not rows.any():
            return found
        nothing = torch.zeros_like(conditioning.style[rows])
        without = replace(conditioning.map(lambda x: x[rows]), style=nothing)
        with torch.no_grad(), self.precision():
            silence = self.denoiser.encode_music(song[rows], nothing.bool())
            said = self.denoiser(noisy[rows], known[rows], time[rows], silence, without).float()
        return found.index_put((rows,), unguided_by(guidance[rows], found[rows], said))

    def _rate(self) -> float:
        """A linear warm-up, then half a cosine down to a hundredth."""
        warm = min(1.0, (self.budget.step + 1) / self.config.train.warmup)
        return warm * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * self.budget.done))))

    def averaged(self) -> Model:
        """The model with the averaged weights, ready to dance."""
        denoiser = Denoiser(self.config, len(self.styles)).to(self.device)
        denoiser.load_state_dict(self.average)
        return Model(self.config, denoiser.eval(), self.body, self.normalizer, self.styles, self.learnt)

    def load(self, folder: Path) -> Model:
        return load_model(folder, self.device)

    def save(self, folder: Path, dancer: Model) -> None:
        save_model(folder, dancer)

    def validate(self, dancer: Model, sheet: Path | None) -> Validation:
        return validate(dancer, self.held_out, sheet, seed=self.seed)

    def summary(self, losses: Mapping[str, float], found: Validation) -> str:
        v, terms = found, ", ".join(f"{name} {value:.4f}" for name, value in losses.items() if np.isfinite(value))
        return (
            f"{terms}; free-running: speed {v.speed:.2f} (real {v.real_speed:.2f}), "
            f"acceleration {v.accel:.1f} ({v.real_accel:.1f}), freeze {v.freeze:.2f} ({v.real_freeze:.2f}), "
            f"skating {v.skating:.2f} ({v.real_skating:.2f}), variety {v.variety:.3f} ({v.real_variety:.3f}), "
            f"beat {v.beat:.2f} (off {v.beat_shifted:.2f}), footfall {v.footfall:.2f} "
            f"(off {v.footfall_shifted:.2f}), score {v.score:.2f}"
        )

    def signs(self, losses: Mapping[str, float], found: Validation) -> list[Sign]:
        return dance_signs(found, "more or longer clips, or a longer training")

    def columns(self) -> dict[str, float]:
        return {"seconds": round(self.budget.elapsed_s, 1), "rate": self._rate()}

    def memory_estimate(self) -> MemoryEstimate:
        """Measured on batches of one and of two windows."""
        critics = list(self.critics.values())

        def measure(clips: int) -> int:
            batch = draw_batch(self.windows, clips, self.normalizer.to("cpu"), self.seed, 0, 0)
            return kept_for_backward(
                lambda: self._losses(batch, torch.Generator().manual_seed(0)), [self.denoiser, *critics]
            )

        clips = len(self.processes.part(range(self.config.train.batch)))
        activations, each = growing(measure, clips)
        arrays = [array for r in (*self.windows.clips, *self.held_out) for array in (r.features, r.song, r.speed)]
        return MemoryEstimate(
            networks=networks_bytes([self.denoiser], [self.denoiser], critics),
            activations=activations,
            data=sum(array.nbytes for array in arrays),
            clips=clips,
            each=each,
        )


class Measured(DiffusionTrainer):
    """One that is built to be measured: it continues nothing and learns nothing."""

    def start(self) -> None:
        """Nothing."""


def memory_needed(config: DiffusionConfig, job: TrainingJob) -> MemoryEstimate:
    """What a training will need of memory, measured on the dataset's longest clip before the others are read."""
    motions = load_motions(job.dataset, "train", SILENT, most=1)
    body = body_of(motions)
    clips = train_clips(job.dataset, motions, body, config, SILENT, floor_moves=True)
    own = len(job.processes.part(range(config.train.batch)))
    config = replace(config, train=replace(config.train, batch=own))
    with TemporaryDirectory() as folder:
        trainer = Measured(
            config, clips, [], body, Path(folder), init=job.init, seed=job.seed,
            processes=Processes(job.processes.device),
        )  # fmt: skip
        return trainer.memory_estimate().of_dataset(share_of(job.dataset, motions[0][0]))


def with_styles_of(measured: Normalizer, styles: tuple[str, ...], given: Model) -> Normalizer:
    """A given model's normalizer with the liveliness of the styles it does not know, as `measured`."""
    liveliness = measured.liveliness.clone()
    for name, row in zip(given.styles, given.normalizer.liveliness, strict=True):
        liveliness[styles.index(name)] = row
    return replace(given.normalizer, liveliness=liveliness)


def extended(given: Model, fresh: Mapping[str, Tensor], styles: tuple[str, ...]) -> dict[str, Tensor]:
    """A given model's weights for a denoiser that knows more styles.

    fresh: the denoiser's own weights, which stay where the given one has none: of new styles, which have to differ from
    the first step on, and of a new input, which start at zero.
    """
    weights = dict(fresh) | given.denoiser.state_dict()
    rows, known = fresh["style.weight"].clone(), weights["style.weight"]
    rows[0] = known[0]
    for name, row in zip(given.styles, known[1:], strict=True):
        rows[1 + styles.index(name)] = row
    return weights | {"style.weight": rows}


def draw_batch(windows: Windows, clips: int, normalizer: Normalizer, seed: int, process: int, step: int) -> Batch:
    """The batch of a step of a process."""
    return windows.draw(clips, np.random.default_rng([seed, step, process]), normalizer)


def drop_conditions(conditioning: Conditioning, dropout: float, rng: torch.Generator) -> Conditioning:
    """The conditioning with a share of each kind left out."""

    def keep(like: Tensor) -> Tensor:
        kept = torch.rand(len(like), generator=rng) >= dropout
        return kept if like.dim() == 1 else kept[:, None]

    return conditioning.map(lambda given: given * keep(given))
