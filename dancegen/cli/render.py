"""dancegen render: poses become a video with the song's music."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "render"
EXAMPLES = examples(
    "dancegen render",
    "dancegen render 3f2a9c41 --size 720x1280 -o dance.mp4",
    "dancegen render --style openpose --size 512x512",
)


@common_options()
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
    *,
    options: CommonOptions,
) -> None:
    """Paint a choreography: an MP4 with the music it was made for."""
    from dancegen import render

    options.perform(render, poses, engine=engine, style=style, prompt=prompt, fps=fps, size=size)
