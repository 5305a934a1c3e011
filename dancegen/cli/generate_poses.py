"""dancegen generate-poses: a song becomes a choreography."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "generate-poses"
EXAMPLES = examples(
    "dancegen generate-poses song.mp3",
    "dancegen generate-poses song.mp3 --model 3f2a9c41 --start 60 --seconds 30 --seed 7",
    "dancegen generate-poses song.mp3 -o poses.npz",
)


@common_options()
def command(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="A song: wav, flac, ogg, mp3, m4a and more.")],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="The bundled gan, a model's path or digest, or a baseline."),
    ] = "gan",
    fps: Annotated[float, typer.Option(metavar="FPS", help="Frames a second.")] = 30.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Canvas in pixels.")] = "512x512",
    start: Annotated[float, typer.Option(metavar="S", help="Where in the song to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long to dance; else to the end.")] = None,
    *,
    options: CommonOptions,
) -> None:
    """Choreograph a song: poses, OpenPose JSON, its beats, and a preview with the music."""
    from dancegen import generate_poses

    options.perform(generate_poses, song, model=model, fps=fps, size=size, start=start, seconds=seconds)
