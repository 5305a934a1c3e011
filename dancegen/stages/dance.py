"""dance: a song becomes a dance video, in one go."""

from __future__ import annotations

from pathlib import Path

from dancegen.choreographers import DEFAULT_MODEL
from dancegen.choreographers.steering import Steering
from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.generate_poses import choreograph
from dancegen.stages.render import VIDEO, check_render, paint
from dancegen.stages.wishes import Wishes
from dancegen.store import Artifact, Store, check_output, deliver, open_store

DEMO = "demo"


def dance(
    song: str | Path,
    *,
    model: str | Path = DEFAULT_MODEL,
    style: str = "neon",
    prompt: str | None = None,
    fps: float = 30.0,
    size: str | tuple[int, int] | None = None,
    start: float = 0.0,
    seconds: float | None = None,
    camera: str = "front",
    seed: int = 0,
    output: str | Path | None = None,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
    **options,
) -> Artifact:
    """A dance video of the song: generate_poses and render, each answered from the store where it is there.

    song: a file, or `demo` for the song that comes with dancegen. prompt, options: as `render` takes them. output:
    where the video goes, by default `<song>.mp4` in the current directory; never the song itself. camera: front, side,
    orbit, follow or cuts, for a model that dances in three dimensions. Raises what the two stages raise.
    """
    check_render(None, prompt, style, size, options)
    source = song_path(song)
    target = output_path(song, output)
    check_output(target, (VIDEO,))
    store = open_store(store)
    poses = choreograph(
        source, model=model, fps=fps, size="512x512", start=start, seconds=seconds, seed=seed, device=device,
        store=store, force=force, progress=progress, standalone=False, wishes=Wishes(Steering(camera=camera)),
    )  # fmt: skip
    if poses.cached:
        progress.say("the choreography is there already")
    video = paint(
        poses, style=style, prompt=prompt, fps=fps, size=size, seed=seed, device=device, store=store, force=force,
        progress=progress, standalone=False, options=options,
    )  # fmt: skip
    deliver(video, target, (VIDEO,))
    progress.say(f"the video is {target}")
    return video


def song_path(song: str | Path) -> Path:
    """The song's file; `demo` is the bundled one, unless a file of that name lies here."""
    if str(song) == DEMO and not Path(DEMO).exists():
        from dancegen.assets import asset

        return asset("demo.ogg")
    return Path(song)


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
