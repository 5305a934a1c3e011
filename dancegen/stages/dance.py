"""dance: a song becomes a dance video, in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.verbs import render_options
from dancegen.stages.generate_poses import generate_poses
from dancegen.stages.render import check_render, render
from dancegen.stages.songs import song_path
from dancegen.store import Artifact


def dance(options: Any, context: Context) -> Artifact:
    """A dance video of the song: generate_poses and render, each answered from the store where it is there.

    options: `dance_options()`, those of both steps. Raises what the two raise.
    """
    video_options = options.only(render_options())
    request = check_render(video_options)
    poses = generate_poses(options.only(GeneratePosesOptions), context.step())
    if poses.cached:
        context.progress.say("the choreography is there already")
    return render(video_options, context.step(), poses, request)


def output_path(song: str | Path, output: str | Path | None = None) -> Path:
    """Where the video goes: `output`, else `<song>.mp4` in the current directory, unless that is the song itself."""
    source = song_path(song)
    if output is not None:
        if _is_same(Path(output), source):
            raise InputError(f"--output {output} is the song itself; give the video another name")
        return Path(output)
    target = Path(f"{source.stem}.mp4")
    return Path(f"{source.stem}-dance.mp4") if _is_same(target, source) else target


def _is_same(target: Path, song: Path) -> bool:
    return song.exists() and target.exists() and target.samefile(song)
