"""dance: a song becomes a dance video, in one go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import GeneratePosesOptions, RenderOptions
from dancegen.options.declare import flag_of
from dancegen.options.verbs import render_options
from dancegen.stages.generate_poses import generate_poses
from dancegen.stages.import_poses import dance_to_render
from dancegen.stages.in_space import check_model_in_space, check_source_in_space, what_needs_space
from dancegen.stages.render import check_render, render
from dancegen.store import Artifact


def dance(options: Any, context: Context) -> Artifact:
    """A dance video of the song: generate_poses and render, each answered from the store where it is there.

    A video's own dance is filmed instead, to its own music, unless its sound alone is asked for. options:
    `dance_options()`, those of both steps. Raises what the two raise.
    """
    from dancegen.video.info import is_video

    video_options = replace(options.only(render_options()), camera=None)  # the dance has its own
    if is_video(options.song) and not options.sound_only:
        return _own_dance(options, video_options, context)
    request = check_render(video_options, context)
    check_model_in_space(what_needs_space(video_options, request), options.model, context)
    poses = generate_poses(options.only(GeneratePosesOptions), context.step())
    if poses.cached:
        context.progress.say("the choreography is there already")
    return render(video_options, context.step(), poses, request)


def _own_dance(options: Any, video_options: RenderOptions, context: Context) -> Artifact:
    """A film of the dance that a video shows. Raises InputError for options that only a choreography has."""
    path, given = Path(options.song), options.given()
    shared = {each.name for each in fields(video_options)} - {"camera"} | {"song"}
    for each in fields(GeneratePosesOptions):
        if each.name in given and each.name not in shared:
            raise InputError(
                f"{flag_of(each)} is for a choreography, and {path.name} is a video, whose own dance is filmed: "
                "leave it out, or add --sound-only to dance anew to its music"
            )
    fps = options.fps if "fps" in given else None  # else the video's own
    video_options = replace(video_options, poses=path, fps=fps)
    request = check_render(video_options, context)
    check_source_in_space(what_needs_space(video_options, request), video_options, context)
    poses = dance_to_render(video_options, context)
    context.progress.say("its own dance is filmed; --sound-only would dance anew to its music")
    return render(video_options, context.step(), poses, request)


def default_names(song: Path, suffix: str = ".mp4") -> Iterator[Path]:
    """Where a dance goes that nobody named a place for: SONG.mp4 here, then SONG-dance.mp4, SONG-dance-2.mp4 and so on.

    The song itself is none of them. suffix: of its codec's files.
    """
    numbered = (f"{song.stem}-dance-{number}{suffix}" for number in range(2, 10_000))
    for name in (f"{song.stem}{suffix}", f"{song.stem}-dance{suffix}", *numbered):
        path = Path(name)
        if not (song.exists() and path.exists() and path.samefile(song)):
            yield path
