"""render: poses become a video with the music they were made for."""

from __future__ import annotations

import shlex
from pathlib import Path

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.generate_poses import AUDIO, BEATS, POSES
from dancegen.stages.reference import resolve
from dancegen.stages.size import parse_size
from dancegen.store import Artifact, Input, Recipe, Store, open_store

STAGE = "render"
VERSION = 1
ENGINES = ("skeleton",)
VIDEO, POSTER = "video.mp4", "poster.png"


def render(
    poses: Artifact | str | Path | None = None,
    *,
    engine: str = "skeleton",
    style: str = "neon",
    prompt: str | None = None,
    fps: float | None = None,
    size: str | tuple[int, int] = "1280x720",
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> Artifact:
    """A video of a choreography, with its music, and a poster.

    poses: a generate-poses artifact, its path or digest; by default the newest. style: `neon` for the eye, `openpose`
    for ControlNet. fps: the poses' own by default. `seed` and `device` belong to engines that draw lots or compute on
    one; the skeleton engine does neither. Raises InputError for what no engine here can do.
    """
    return paint(
        poses, engine=engine, style=style, prompt=prompt, fps=fps, size=size, store=store, force=force,
        progress=progress,
    )  # fmt: skip


def paint(
    poses: Artifact | str | Path | None,
    *,
    engine: str = "skeleton",
    style: str,
    prompt: str | None,
    fps: float | None,
    size: str | tuple[int, int],
    store: Store | str | Path | None,
    force: bool,
    progress: Progress,
    standalone: bool = True,
) -> Artifact:
    """render, also as a step of something larger: then `standalone` is False."""
    check_engine(engine, prompt)
    canvas = check_look(style, size)
    store = open_store(store)
    poses = resolve(poses, "generate-poses", store, progress)
    rate = float(fps if fps is not None else poses.summary["fps"])
    if not 1 <= rate <= 120:
        raise InputError(f"--fps {rate:g}: choose 1 to 120 frames a second")
    recipe = Recipe(
        STAGE,
        VERSION,
        {"engine": engine, "style": style, "fps": rate, "size": list(canvas)},
        (Input.artifact("poses", poses),),
    )
    command = ["dancegen", "render", poses.digest[:16], "--style", style, "--size", f"{canvas[0]}x{canvas[1]}"]
    tags = {"digest": recipe.digest, "command": shlex.join([*command, "--fps", f"{rate:g}"])}

    def build(directory: Path) -> dict:
        return _build(directory, poses, style, rate, canvas, tags, progress)

    return store.obtain(recipe, build, force=force, progress=progress, standalone=standalone)


def check_engine(engine: str, prompt: str | None) -> None:
    """InputError for an engine that does not exist, and for a prompt given to one that cannot read."""
    if engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}; this version has {', '.join(ENGINES)}")
    if prompt is not None:
        raise InputError(
            "--prompt needs the diffusion engine, which this version does not have; leave it out to render the "
            "dancer as a skeleton (--style neon), or render --style openpose for a ControlNet of your own"
        )


def check_look(style: str, size: str | tuple[int, int]) -> tuple[int, int]:
    """The size in pixels. InputError for a style that does not exist and for a size that no video can have."""
    from dancegen.renderers import get_renderer

    get_renderer(style)
    width, height = parse_size(size)
    if width % 2 or height % 2:
        raise InputError(f"--size {width}x{height}: H.264 needs even sides")
    return width, height


def _build(
    directory: Path,
    poses: Artifact,
    style: str,
    fps: float,
    size: tuple[int, int],
    tags: dict[str, str],
    progress: Progress,
) -> dict:
    import cv2

    from dancegen.audio.beats import Beats
    from dancegen.audio.song import analyse
    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers import get_renderer
    from dancegen.renderers.light import SongLight
    from dancegen.video import VideoWriter

    sequence = PoseSequence.load(poses.file(POSES))
    song = analyse(poses.file(AUDIO), progress=progress)
    light = SongLight.of(song, Beats.load(poses.file(BEATS)))
    total = round(sequence.seconds * fps)
    frames = get_renderer(style).frames(sequence, light, size=size, fps=fps)
    with (
        VideoWriter(directory / VIDEO, size, fps, audio=poses.file(AUDIO), metadata=tags) as video,
        progress.task(f"rendering ({style})", total) as advance,
    ):
        for number, frame in enumerate(frames):
            if number == total // 3:
                cv2.imwrite(str(directory / POSTER), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            video.write(frame)
            advance(1)
    return {"seconds": round(video.frames / fps, 3), "frames": video.frames, "fps": fps, "size": list(size)}
