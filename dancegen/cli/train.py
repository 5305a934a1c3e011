"""dancegen train: a choreographer learns from a pose dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "train"
EXAMPLES = examples(
    "dancegen train --preset small --epochs 5",
    "dancegen train --init gan --minutes 30",
    "dancegen train --family diffusion --minutes 90",
    "dancegen train --set loss.l1=100 --set train.ema=0.99",
    "dancegen train --minutes 90 --wandb my-dancers",
    "dancegen train --preset original --device cuda --vgg vgg16.safetensors",
)


@common_options()
def command(
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="POSES", help="A pose dataset (diffusion: a dataset of prepare); else the newest."),
    ] = None,
    family: Annotated[str, typer.Option(metavar="NAME", help="Kind of choreographer: gan or diffusion.")] = "gan",
    preset: Annotated[
        str, typer.Option(metavar="NAME", help="small trains on two CPU cores; original is the published size.")
    ] = "small",
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Stop when every clip was shown N times.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Stop after N optimiser steps.")] = None,
    minutes: Annotated[float | None, typer.Option(metavar="M", help="Stop after M minutes.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Clips a step, in all processes together.")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(metavar="R", help="Adam's rate at the start, 0.0005 to 0.001.")
    ] = None,
    decay: Annotated[float | None, typer.Option(metavar="F", help="Factor on the rate at each decay.")] = None,
    decay_steps: Annotated[
        int | None, typer.Option(metavar="N", help="Decay every N steps instead of every epoch.")
    ] = None,
    init: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Start from these weights: gan, a path or a digest.")
    ] = None,
    vgg: Annotated[
        Path | None, typer.Option(metavar="PATH", help="VGG16 weights for the perceptual loss (safetensors or .pth).")
    ] = None,
    perceptual: Annotated[
        float | None, typer.Option(metavar="W", help="Weight of the perceptual loss; 0 needs no VGG.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other setting, like loss.l1=40; repeatable."),
    ] = None,
    wandb: Annotated[
        str | None,
        typer.Option(metavar="PROJECT", help="Also log to Weights & Biases (needs the wandb extra)."),
    ] = None,
    *,
    options: CommonOptions,
) -> None:
    """Train a choreographer. Ctrl-C keeps what was learnt; the same command goes on from there."""
    from dancegen import train

    options.perform(
        train, dataset, family=family, preset=preset, epochs=epochs, steps=steps, minutes=minutes, batch=batch,
        learning_rate=learning_rate, decay=decay, decay_steps=decay_steps, init=init, vgg=vgg, perceptual=perceptual,
        settings=settings, wandb=wandb,
    )  # fmt: skip
