"""dancegen dance: a song becomes a dance video, in one go."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.choreographers import DEFAULT_MODEL
from dancegen.cli.common import CommonOptions, common_options, examples
from dancegen.cli.diffusion import with_film_options

NAME = "dance"
EXAMPLES = examples(
    "dancegen dance demo",
    "dancegen dance song.mp3",
    "dancegen dance song.mp3 --seconds 30 --size 720x1280 --seed 7 -o short.mp4",
    "dancegen dance song.mp3 --prompt 'a dancer in a red dress, ballroom' --fast",
)


@common_options()
@with_film_options
def command(
    song: Annotated[str, typer.Argument(metavar="SONG", help="A song's path, or demo for the one that comes along.")],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="diffusion, gan, a model's path or digest, or a baseline."),
    ] = DEFAULT_MODEL,
    style: Annotated[
        str, typer.Option(metavar="NAME", help="neon is for the eye, openpose is what ControlNet wants.")
    ] = "neon",
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to paint; '0:00 TEXT | 0:32 TEXT' changes it in the song.")
    ] = None,
    fps: Annotated[float, typer.Option(metavar="FPS", help="Frames a second.")] = 30.0,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="The video's size: 1280x720, or 384x512 with a prompt.")
    ] = None,
    start: Annotated[float, typer.Option(metavar="S", help="Where in the song to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long to dance; else to the end.")] = None,
    camera: Annotated[
        str,
        typer.Option(metavar="NAME", help="front; for models with depth also side, orbit, follow or cuts."),
    ] = "front",
    *,
    film: dict,
    options: CommonOptions,
) -> None:
    """Make a dance video: SONG.mp4 in the current directory, unless --output says otherwise.

    It is generate-poses and render in one go; what either has made before is not made again.
    """
    from dancegen import dance
    from dancegen.stages.dance import output_path

    target = str(output_path(song, options.output))
    options.to(target).perform(
        dance, song, model=model, style=style, prompt=prompt, fps=fps, size=size, start=start, seconds=seconds,
        camera=camera, **film,
    )  # fmt: skip
