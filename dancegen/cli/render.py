"""dancegen render: poses become a video with the song's music."""

from __future__ import annotations

from typing import Annotated

import typer

from dancegen.cli import result
from dancegen.cli.common import CommonOptions, common_options, examples, stdout_reserved
from dancegen.cli.diffusion import with_film_options

NAME = "render"
EXAMPLES = examples(
    "dancegen render",
    "dancegen render 3f2a9c41 --size 720x1280 -o dance.mp4",
    "dancegen render --style openpose --size 512x512",
    "dancegen render --prompt 'a dancer in a red dress, ballroom' --dry-run",
    "dancegen render --prompt '0:00 a ballroom | 0:32 a neon street at night' --fast -o film.mp4",
)


@common_options()
@with_film_options
def command(
    poses: Annotated[
        str | None, typer.Argument(metavar="POSES", help="Generated poses: path or digest; else the newest.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(metavar="NAME", help="What paints: skeleton, or animatediff with a prompt.")
    ] = None,
    style: Annotated[
        str, typer.Option(metavar="NAME", help="neon is for the eye, openpose is what ControlNet wants.")
    ] = "neon",
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What to paint; '0:00 TEXT | 0:32 TEXT' changes it in the song.")
    ] = None,
    fps: Annotated[float | None, typer.Option(metavar="FPS", help="Frames a second; else the poses' own.")] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="The video's size: 1280x720, or 384x512 with a prompt.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what a painted film would take, and stop.")] = False,
    *,
    film: dict,
    options: CommonOptions,
) -> None:
    """Paint a choreography: an MP4 with the music it was made for.

    Without --prompt the dancer is drawn as a skeleton. With it, Stable Diffusion and AnimateDiff paint what it says.
    MODEL is a name on the hub (owner/name, with @revision if you like), a directory or a checkpoint file.
    """
    from dancegen import render

    settings = {"engine": engine, "prompt": prompt, "fps": fps, "size": size, **film}
    if dry_run:
        _show_plan(poses, settings, options)
        return
    options.perform(render, poses, style=style, **settings)


def _show_plan(poses: str | None, settings: dict, options: CommonOptions) -> None:
    from dancegen.cli.progress import CommandProgress
    from dancegen.stages.render import plan_render

    own = {name: options.keywords[name] for name in ("seed", "device", "store")}
    with CommandProgress(quiet=options.quiet) as progress, stdout_reserved():
        plan = plan_render(poses, **settings, **own, progress=progress)
    if options.as_json:
        result.print_json(plan.to_dict())
    else:
        print("\n".join(plan.lines()))
