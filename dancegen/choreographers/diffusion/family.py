"""The diffusion family: a transformer denoises windows of joint rotations in space, as EDGE does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.choreographers.config import configured
from dancegen.choreographers.controls import DanceControls
from dancegen.choreographers.diffusion.config import PRESETS, DiffusionConfig, check, genre_number
from dancegen.choreographers.family import Family, TrainingJob

if TYPE_CHECKING:
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
    from dancegen.choreographers.genres import Genre
    from dancegen.motion.body import Body

SETTINGS = {
    "epochs": "train.epochs", "max_steps": "train.steps", "minutes": "train.minutes", "batch": "train.batch",
    "learning_rate": "train.learning_rate",
}  # fmt: skip
"""The settings that flags of train stand for."""


class Diffusion(Family):
    """Motion in space out of noise, guided by music (Tseng, Castellon and Liu, EDGE, CVPR 2023)."""

    name = "diffusion"
    who = "the diffusion choreographer"
    version = 12
    training_version = 5
    presets = tuple(PRESETS)
    learns_from = "prepare"
    bundled = True
    in_space = True
    controls = DanceControls.names()

    def configure(
        self, preset: str, flags: Mapping[str, Any], settings: tuple[str, ...] = (), init: Path | None = None
    ) -> DiffusionConfig:
        config = configured(self.who, PRESETS, preset, SETTINGS, flags, settings)
        check(config)
        if init is None:
            return config
        from dancegen.choreographers.diffusion.model_settings import load_config

        given = load_config(init)
        denoiser = replace(given.denoiser, guidance_embeds=config.denoiser.guidance_embeds)
        return replace(config, window=given.window, denoiser=denoiser)

    def train(self, config: DiffusionConfig, job: TrainingJob) -> dict[str, float]:
        from dancegen.choreographers.diffusion.data import body_of, load_motions, train_clips
        from dancegen.choreographers.diffusion.model import load_model
        from dancegen.choreographers.diffusion.trainer import DiffusionTrainer, memory_needed
        from dancegen.choreographers.training.memory_estimate import say_memory

        progress = job.progress
        say_memory(lambda: memory_needed(config, job), job.processes, progress)
        motions, held_out = (load_motions(job.dataset, split, progress) for split in ("train", "val"))
        body = load_model(job.init).body if job.init is not None else body_of(motions)
        clips = train_clips(job.dataset, motions, body, config, progress, accent=config.train.accent)
        trainer = DiffusionTrainer(
            config, clips, train_clips(job.dataset, held_out, body, config, progress), body, job.folder, init=job.init,
            seed=job.seed, processes=job.processes, wandb=job.wandb, progress=progress,
        )  # fmt: skip
        return trainer.run()

    def check(self, controls: DanceControls, folder: Path | None = None) -> None:
        from dancegen.choreographers.diffusion.model_settings import load_styles

        if controls.genre is not None and folder is not None:
            genre_number(load_styles(folder), controls.genre)

    def genres(self, folder: Path) -> tuple[Genre, ...]:
        from dancegen.choreographers.diffusion.model_settings import read_model_settings

        return read_model_settings(folder).genres

    def body(self, folder: Path) -> Body:
        from dancegen.choreographers.diffusion.model import load_body

        return load_body(folder)

    def load(self, folder: Path, device: str) -> DiffusionChoreographer:
        from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer

        return DiffusionChoreographer(folder, device)
