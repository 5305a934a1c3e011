"""dancegen render: poses become a video with the song's music."""

from __future__ import annotations

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

NAME = "render"
EXAMPLES = common.examples(
    "dancegen render",
    "dancegen render 3f2a9c41 --size 720x1280 -o dance.mp4",
    "dancegen render --style openpose --size 512x512",
)


def command(
    poses: Annotated[
        str | None, typer.Argument(metavar="POSES", help="Generated poses: path or digest; else the newest.")
    ] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help="What paints: skeleton.")] = "skeleton",
    style: Annotated[
        str, typer.Option(metavar="NAME", help="neon is for the eye, openpose is what ControlNet wants.")
    ] = "neon",
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to paint, for an engine that reads it.")
    ] = None,
    fps: Annotated[float | None, typer.Option(metavar="FPS", help="Frames a second; else the poses' own.")] = None,
    size: Annotated[str, typer.Option(metavar="WxH", help="The video's size in pixels.")] = "1280x720",
    seed: SeedOption = 0,
    device: DeviceOption = Device.auto,
    store: StoreOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    debug: DebugOption = False,
) -> None:
    """Paint a choreography: an MP4 with the music it was made for."""
    from dancegen import render

    common.perform(
        lambda progress: render(
            poses, engine=engine, style=style, prompt=prompt, fps=fps, size=size, seed=seed, device=device.value,
            store=store, output=output, force=force, progress=progress,
        ),
        output=output, as_json=as_json, quiet=quiet,
    )  # fmt: skip
