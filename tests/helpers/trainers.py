"""Trainers of both families on tiny models."""

from __future__ import annotations

from dataclasses import replace

from dancegen.choreographers.diffusion.trainer import DiffusionTrainer
from dancegen.choreographers.gan.data import choose_starts
from dancegen.choreographers.gan.trainer import GanTrainer
from dancegen.progress import Silent
from helpers.tiny_diffusion import BODY, CONFIG, clips
from helpers.tiny_gan import takes, tiny_config


def gan(folder, *settings, progress=None, **options):
    config = tiny_config("train.epochs=1000", "train.steps=40", "train.validate_every=2", *settings)
    clips = takes(4, config)
    return GanTrainer(
        config, clips, takes(2, config), choose_starts(clips, config, 0), folder, progress=progress or Silent(),
        **options,
    )  # fmt: skip


def diffusion(folder, progress=None, **settings):
    config = replace(CONFIG, train=replace(CONFIG.train, steps=40, **settings))
    return DiffusionTrainer(config, clips(), clips(1), BODY, folder, progress=progress or Silent())
