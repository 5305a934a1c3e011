"""dancegen prepare: motion capture, and songs to lock it to, become a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "prepare"
EXAMPLES = examples(
    "dancegen prepare mocap/salsa mocap/modern --music songs",
    "dancegen prepare mocap/salsa --music songs --source-fps 60 --licence 'CMU, free to use'",
)


@common_options(without=("device",))
def command(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SOURCE...", help="Motion capture: .bvh or .amc files, or folders of them.")
    ],
    music: Annotated[
        Path | None, typer.Option("--music", metavar="DIR", help="Songs to lock silent dance to, beat by beat.")
    ] = None,
    source_fps: Annotated[
        float | None, typer.Option(metavar="FPS", help="The files' true rate, where their header is wrong.")
    ] = None,
    fps: Annotated[float, typer.Option(metavar="FPS", help="Frames a second of the dataset.")] = 30.0,
    clip_seconds: Annotated[float, typer.Option(metavar="S", help="Length of a clip.")] = 10.0,
    pairs: Annotated[int, typer.Option(metavar="N", help="Songs that each take is paired with.")] = 4,
    val_fraction: Annotated[float, typer.Option(metavar="0..1", help="Share of takes kept for validation.")] = 0.1,
    genre: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The dance's genre; else its folder's name.")
    ] = None,
    licence: Annotated[str | None, typer.Option(metavar="TEXT", help="The data's licence, noted likewise.")] = None,
    workers: Annotated[int | None, typer.Option(metavar="N", help="Processes at work; all cores if left out.")] = None,
    *,
    options: CommonOptions,
) -> None:
    """Make a dataset: dance as joints in metres, in clips, each with its music.

    Silent takes are warped gently so that their steps fall on the beats of the songs.
    """
    from dancegen import prepare

    options.perform(
        prepare, sources, music=music, source_fps=source_fps, fps=fps, clip_seconds=clip_seconds, pairs=pairs,
        val_fraction=val_fraction, genre=genre, licence=licence, workers=workers,
    )  # fmt: skip
