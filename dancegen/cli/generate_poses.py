"""dancegen generate-poses: a song becomes a choreography."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.cli import common
from dancegen.cli.common import (
    DebugOption,
    Device,
    DeviceOption,
    ForceOption,
    JsonOption,
    OutputOption,
    QuietOption,
    SeedOption,
    StoreOption,
)

NAME = "generate-poses"
EXAMPLES = common.examples(
    "dancegen generate-poses song.mp3",
    "dancegen generate-poses song.mp3 --model 3f2a9c41 --start 60 --seconds 30 --seed 7",
    "dancegen generate-poses song.mp3 -o poses.npz",
)


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
    seed: SeedOption = 0,
    device: DeviceOption = Device.auto,
    store: StoreOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    debug: DebugOption = False,
) -> None:
    """Choreograph a song: poses, OpenPose JSON, its beats, and a preview with the music."""
    from dancegen import generate_poses

    common.perform(
        lambda progress: generate_poses(
            song, model=model, fps=fps, size=size, start=start, seconds=seconds, seed=seed, device=device.value,
            store=store, output=output, force=force, progress=progress,
        ),
        output=output, as_json=as_json, quiet=quiet,
    )  # fmt: skip
