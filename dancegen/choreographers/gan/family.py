"""The gan family: a pix2pix generator with a ConvLSTM paints pose images one after the other, in the plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.choreographers.config import configured
from dancegen.choreographers.family import CONFIG, WEIGHTS, Family, TrainingJob
from dancegen.choreographers.gan.config import PRESETS, GanConfig, check

if TYPE_CHECKING:
    from dancegen.choreographers.gan.choreographer import GanChoreographer

SETTINGS = {
    "epochs": "train.epochs", "max_steps": "train.steps", "minutes": "train.minutes", "batch": "train.batch",
    "learning_rate": "train.learning_rate", "decay": "train.decay", "decay_steps": "train.decay_steps",
    "perceptual": "loss.perceptual",
}  # fmt: skip
"""The settings that flags of train stand for."""


class Gan(Family):
    """Pose images that a generator paints, conditioned on the spectrogram and the pose before (pix2pix, SAVP)."""

    name = "gan"
    who = "the GAN"
    version = 11
    training_version = 3
    presets = tuple(PRESETS)
    learns_from = "extract-poses"
    bundled = True
    init_files = (WEIGHTS, CONFIG, "discriminator.safetensors")

    def configure(
        self, preset: str, flags: Mapping[str, Any], settings: tuple[str, ...] = (), init: Path | None = None
    ) -> GanConfig:
        flags = {name: value for name, value in flags.items() if name != "vgg"}
        config = configured(self.who, PRESETS, preset, SETTINGS, flags, settings)
        check(config)
        if init is None:
            return config
        from dancegen.choreographers.gan.model import load_config

        given = load_config(init)
        return replace(config, image=given.image, generator=given.generator, discriminator=given.discriminator)

    def weights(self, config: GanConfig, flags: Mapping[str, Any]) -> dict[str, Path]:
        from dancegen.choreographers.gan.losses import find_vgg

        vgg = flags.get("vgg")
        return {"vgg": find_vgg(Path(vgg) if vgg else None)} if config.loss.perceptual else {}

    def train(self, config: GanConfig, job: TrainingJob) -> dict[str, float]:
        from dancegen.choreographers.gan.data import choose_starts, load_clips
        from dancegen.choreographers.gan.trainer import GanTrainer, memory_needed
        from dancegen.choreographers.training.memory_estimate import say_memory

        say_memory(lambda: memory_needed(config, job), job.processes, job.progress)
        clips = load_clips(job.dataset, "train", config, job.progress, accent=config.train.accent)
        held_out = load_clips(job.dataset, "val", config, job.progress)
        trainer = GanTrainer(
            config, clips, held_out, choose_starts(clips, config, job.seed), job.folder, init=job.init,
            vgg=job.weights.get("vgg"), seed=job.seed, processes=job.processes, wandb=job.wandb, progress=job.progress,
        )  # fmt: skip
        return trainer.run()

    def load(self, folder: Path, device: str) -> GanChoreographer:
        from dancegen.choreographers.gan.choreographer import GanChoreographer

        return GanChoreographer(folder, device)
