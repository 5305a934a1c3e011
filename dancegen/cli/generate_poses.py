"""dancegen generate-poses: a song becomes a choreography."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dancegen.choreographers import DEFAULT_MODEL
from dancegen.cli.common import CommonOptions, common_options, examples

NAME = "generate-poses"
_BODY = "For models that dance in three dimensions"
EXAMPLES = examples(
    "dancegen generate-poses song.mp3",
    "dancegen generate-poses song.mp3 --model 3f2a9c41 --start 60 --seconds 30 --seed 7",
    "dancegen generate-poses song.mp3 -o poses.npz",
    "dancegen generate-poses song.mp3 --camera orbit --style salsa --energy 0.8",
    "dancegen generate-poses song.mp3 --edit 8c1e20aa --keep 12.0-20.5 --seed 3",
)


@common_options()
def command(
    song: Annotated[Path, typer.Argument(metavar="SONG", help="A song: wav, flac, ogg, mp3, m4a and more.")],
    model: Annotated[
        str,
        typer.Option("--model", metavar="MODEL", help="diffusion, gan, a model's path or digest, or a baseline."),
    ] = DEFAULT_MODEL,
    fps: Annotated[float, typer.Option(metavar="FPS", help="Frames a second.")] = 30.0,
    size: Annotated[str, typer.Option(metavar="WxH", help="Canvas in pixels.")] = "512x512",
    start: Annotated[float, typer.Option(metavar="S", help="Where in the song to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How long to dance; else to the end.")] = None,
    camera: Annotated[
        str, typer.Option(metavar="NAME", help="front, side, orbit, follow or cuts.", rich_help_panel=_BODY)
    ] = "front",
    guidance: Annotated[
        float | None,
        typer.Option(metavar="W", help="How closely to follow the music: 1 plain, 2 usual.", rich_help_panel=_BODY),
    ] = None,
    stage: Annotated[
        str, typer.Option(metavar="WxD", help="Metres to dance in; none: endless.", rich_help_panel=_BODY)
    ] = "3x3",
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="A genre the model knows.", rich_help_panel=_BODY)
    ] = None,
    energy: Annotated[
        float, typer.Option(metavar="0..1", help="Calm to wild; 0.5 is usual.", rich_help_panel=_BODY)
    ] = 0.5,
    start_pose: Annotated[
        str | None,
        typer.Option(metavar="DANCE[@S]", help="Begin as that dance does, or is after S s.", rich_help_panel=_BODY),
    ] = None,
    end_pose: Annotated[
        str | None,
        typer.Option(metavar="DANCE[@S]", help="End as that dance begins, or is after S s.", rich_help_panel=_BODY),
    ] = None,
    edit: Annotated[
        str | None, typer.Option(metavar="DANCE", help="An earlier dance, to be kept in part.", rich_help_panel=_BODY)
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="FROM-TO", help="Seconds of the song to keep of it; repeatable.", rich_help_panel=_BODY),
    ] = None,
    keep_joints: Annotated[
        list[str] | None,
        typer.Option(metavar="LIMBS", help="legs, trunk, or arms (with the trunk) to keep.", rich_help_panel=_BODY),
    ] = None,
    repeat_sections: Annotated[
        bool,
        typer.Option("--repeat-sections", help="A chorus that returns brings its moves back.", rich_help_panel=_BODY),
    ] = False,
    retime: Annotated[
        bool, typer.Option("--retime", help="Put steps onto the beats afterwards.", rich_help_panel=_BODY)
    ] = False,
    *,
    options: CommonOptions,
) -> None:
    """Choreograph a song: poses, OpenPose JSON, its beats, and a preview with the music."""
    from dancegen import generate_poses

    options.perform(
        generate_poses, song, model=model, fps=fps, size=size, start=start, seconds=seconds, camera=camera,
        guidance=guidance, stage=stage, style=style, energy=energy, start_pose=start_pose, end_pose=end_pose,
        edit=edit, keep=keep, keep_joints=keep_joints, repeat_sections=repeat_sections, retime=retime,
    )  # fmt: skip
