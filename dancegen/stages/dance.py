"""dance: a song becomes a dance video, in one go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dancegen.context import Context
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.verbs import render_options
from dancegen.stages.generate_poses import generate_poses
from dancegen.stages.render import check_render, render
from dancegen.store import Artifact


def dance(options: Any, context: Context) -> Artifact:
    """A dance video of the song: generate_poses and render, each answered from the store where it is there.

    options: `dance_options()`, those of both steps. Raises what the two raise.
    """
    video_options = options.only(render_options())
    request = check_render(video_options, context)
    poses = generate_poses(options.only(GeneratePosesOptions), context.step())
    if poses.cached:
        context.progress.say("the choreography is there already")
    return render(video_options, context.step(), poses, request)


def default_names(song: Path) -> Iterator[Path]:
    """Where a dance goes that nobody named a place for: SONG.mp4 here, then SONG-dance.mp4, SONG-dance-2.mp4 and so on.

    The song itself is none of them.
    """
    numbered = (f"{song.stem}-dance-{number}.mp4" for number in range(2, 10_000))
    for name in (f"{song.stem}.mp4", f"{song.stem}-dance.mp4", *numbered):
        path = Path(name)
        if not (song.exists() and path.exists() and path.samefile(song)):
            yield path
