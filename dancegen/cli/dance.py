"""dancegen dance: a song becomes a dance video, in one go."""

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

NAME = "dance"
EXAMPLES = common.examples(
    "dancegen dance demo",
    "dancegen dance song.mp3",
    "dancegen dance song.mp3 --seconds 30 --size 720x1280 --seed 7 -o short.mp4",
)


def command(
    song: Annotated[str, typer.Argument(metavar="SONG", help="A song's path, or demo for the one that comes along.")],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="The bundled gan, a model's path or digest, or a baseline."),
    ] = "gan",
    style: Annotated[
        str, typer.Option(metavar="NAME", help="neon is for the eye, openpose is what ControlNet wants.")
    ] = "neon",
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to paint, for an engine that reads it.")
    ] = None,
    fps: Annotated[float, typer.Option(metavar="FPS", help="Frames a second.")] = 30.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="The video's size in pixels.")] = "1280x720",
    start: Annotated[float, typer.Option(metavar="S", help="Where in the song to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long to dance; else to the end.")] = None,
    camera: Annotated[
        str,
        typer.Option(metavar="NAME", help="front; for models with depth also side, orbit, follow or cuts."),
    ] = "front",
    seed: SeedOption = 0,
    device: DeviceOption = Device.auto,
    store: StoreOption = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    force: ForceOption = False,
    debug: DebugOption = False,
) -> None:
    """Make a dance video: SONG.mp4 in the current directory, unless --output says otherwise.

    It is generate-poses and render in one go; what either has made before is not made again.
    """
    from dancegen import dance
    from dancegen.stages.dance import output_path

    target = str(output_path(song, output))
    common.perform(
        lambda progress: dance(
            song, model=model, style=style, prompt=prompt, fps=fps, size=size, start=start, seconds=seconds,
            camera=camera, seed=seed, device=device.value, store=store, output=target, force=force, progress=progress,
        ),
        output=target, as_json=as_json, quiet=quiet,
    )  # fmt: skip
