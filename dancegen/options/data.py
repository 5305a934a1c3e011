"""What the verbs take that make datasets and models: prepare, extract-poses and train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dancegen.choreographers.registry import FAMILIES, usual_family
from dancegen.dataset.splits import SPLITS
from dancegen.options.declare import Role, above, lasting, option, pixels, within
from dancegen.options.shared import Canvas, Cleaning, Extracting, Listening, Parallel, Seeded
from dancegen.store import Artifact


@dataclass(frozen=True, kw_only=True)
class PrepareOptions(Listening, Seeded, Parallel):
    """From recorded dance and songs to a dataset."""

    sources: tuple[str | Path, ...] = option(
        help="Recorded dance: motion capture or videos, or folders of them.", metavar="SOURCE...", argument=True,
        role=Role.INPUT,
    )  # fmt: skip
    music: str | Path | None = option(
        None, help="Songs: silent dance is warped onto their beats.", metavar="PATH", role=Role.INPUT
    )
    source_fps: float | None = option(
        None, help="The files' true rate, where their header is wrong.", metavar="FPS",
        parse=within(1.0, 1000.0, "frames a second"),
    )  # fmt: skip
    joints: str | Path | None = option(
        None, help="Names of a skeleton's joints that are not known: a JSON map.", metavar="FILE", role=Role.INPUT
    )
    json_canvas: tuple[int, int] | None = option(
        None, help="Size of the pictures that OpenPose JSON shows, where it does not say.", metavar="WxH", parse=pixels
    )
    fps: float | None = option(
        None, help="Frames a second; else 30, and of a video its own rate, evenly lowered to about 30.", metavar="FPS",
        parse=within(1.0, 240.0, "frames a second"),
    )  # fmt: skip
    clip_seconds: float = option(10.0, help="Length of a clip.", metavar="S", parse=lasting(1.0, 60.0))
    pairs: int = option(4, help="Songs that each take is paired with.", metavar="N", parse=within(1, 1000))
    val_fraction: float = option(
        0.1, help="Share of takes kept for validation.", metavar="0..1", parse=within(0.0, 0.999)
    )
    split: str | Path = option(
        "own", help="own (a database's lists hold), random, train, val or test (that side alone), or a file of names.",
        metavar="HOW", role=Role.DERIVED, through="split", names=SPLITS,
    )  # fmt: skip
    genre: str | None = option(
        None, help="The genre of all; else what genres.json says of a take, or its folder's name.", metavar="NAME",
        role=Role.DERIVED, through="genres",
    )  # fmt: skip
    licence: str | None = option(None, help="The data's licence, noted with every clip.", metavar="TEXT")


@dataclass(frozen=True, kw_only=True)
class ExtractPosesOptions(Extracting, Cleaning, Canvas, Parallel):
    """From a dataset to what cameras see of it."""

    dataset: Artifact | str | Path | None = option(
        None, help="A prepared dataset: path or digest; else the newest. Or footage.", metavar="DATASET", argument=True,
        role=Role.INPUT,
    )  # fmt: skip
    views: str | tuple = option(
        "0,45,90,135", help="Camera angles around captured motion, or orbit, follow, cuts.", metavar="DEGREES"
    )


def _config_number(help: str, metavar: str) -> Any:
    """A number over 0 that goes into the family's configuration; None leaves it to the preset."""
    return option(None, help=help, metavar=metavar, role=Role.DERIVED, through="config", parse=above(0))


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Seeded):
    """From a dataset to a model."""

    dataset: Artifact | str | Path | None = option(
        None, help="A dataset of prepare, for the GAN one of extract-poses; else the newest.", metavar="DATASET",
        argument=True, role=Role.INPUT,
    )  # fmt: skip
    family: str = option(
        usual_family(), help=f"Family of choreographers: {' or '.join(FAMILIES)}.", metavar="NAME",
        names=tuple(FAMILIES),
    )  # fmt: skip
    preset: str = option(
        "small", help="Size and settings: small (for two CPU cores), base; original (gan).", metavar="NAME",
        role=Role.DERIVED, through="config", names=("small", "base", "original"),
    )  # fmt: skip
    epochs: int | None = _config_number("Stop when every clip was shown N times.", "N")
    max_steps: int | None = _config_number("Stop after N optimiser steps.", "N")
    minutes: float | None = _config_number("Stop after M minutes.", "M")
    batch: int | None = _config_number("Clips a step, in all processes together.", "N")
    learning_rate: float | None = _config_number("The optimiser's rate at the start.", "R")
    decay: float | None = _config_number("Factor on the rate at each decay (gan).", "F")
    decay_steps: int | None = _config_number("Decay every N steps instead of every epoch (gan).", "N")
    init: str | Path | None = option(
        None,
        help="Start from these weights: a bundled model, a path or a digest.",
        metavar="MODEL",
        role=Role.INPUT,
        names=tuple(FAMILIES),
    )
    vgg: str | Path | None = option(
        None, help="VGG16 weights for the perceptual loss (gan; safetensors or .pth).", metavar="PATH",
        role=Role.INPUT,
    )  # fmt: skip
    perceptual: float | None = option(
        None, help="Weight of the perceptual loss; 0 needs no VGG (gan).", metavar="W", role=Role.DERIVED,
        through="config",
    )  # fmt: skip
    settings: tuple[str, ...] = option(
        (), help="Any other setting, like loss.l1=40; repeatable.", metavar="NAME=VALUE", flag="--set",
        role=Role.DERIVED, through="config",
    )  # fmt: skip
    wandb: str | None = option(
        None, help="Also log to Weights & Biases (needs the wandb extra).", metavar="PROJECT", role=Role.HARMLESS
    )
