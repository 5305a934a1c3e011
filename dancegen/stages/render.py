"""render: poses become a video with the music they were made for."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.generate_poses import AUDIO, BEATS, POSES
from dancegen.stages.reference import resolve
from dancegen.stages.size import parse_size
from dancegen.store import Artifact, Input, Recipe, Store, open_store

if TYPE_CHECKING:
    from dancegen.renderers.animatediff.plan import Plan

STAGE = "render"
VERSION = 4
ENGINES = ("skeleton", "animatediff")
SKELETON_SIZE = "1280x720"
VIDEO, POSTER = "video.mp4", "poster.png"


def render(
    poses: Artifact | str | Path | None = None,
    *,
    engine: str | None = None,
    style: str = "neon",
    prompt: str | None = None,
    fps: float | None = None,
    size: str | tuple[int, int] | None = None,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    force: bool = False,
    progress: Progress = SILENT,
    **options,
) -> Artifact:
    """A video of a choreography, with its music, and a poster.

    poses: a generate-poses artifact, its path or digest; by default the newest. engine: `skeleton` draws the dancer in
    a style: `neon` for the eye, `openpose` for ControlNet; `animatediff` paints what `prompt` says, and is what a
    prompt means. fps: the poses' own by default. size: 1280x720, painted 384x512. seed, device and `options` (the
    fields of `renderers.animatediff.settings.Settings` and `Execution`) belong to animatediff. Raises InputError for
    what no engine here can do, ModelError for a model that cannot be had.
    """
    return paint(
        poses, engine=engine, style=style, prompt=prompt, fps=fps, size=size, seed=seed, device=device, store=store,
        force=force, progress=progress, options=options,
    )  # fmt: skip


def plan_render(
    poses: Artifact | str | Path | None = None,
    *,
    engine: str | None = None,
    prompt: str | None = None,
    fps: float | None = None,
    size: str | tuple[int, int] | None = None,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None = None,
    progress: Progress = SILENT,
    **options,
) -> Plan:
    """What `render` with the same keywords would download and need. Nothing is loaded. Raises as `render` does."""
    if prompt is None:
        raise InputError('--dry-run plans what a prompt says: add --prompt "what to paint"')
    check_render(engine, prompt, "neon", size, options)
    from dancegen.stages.film import describe

    film = describe(
        poses, prompt=prompt, fps=fps, size=size, seed=seed, device=device, store=open_store(store),
        options=options, progress=progress,
    )  # fmt: skip
    return film.plan()


def paint(
    poses: Artifact | str | Path | None,
    *,
    engine: str | None = None,
    style: str,
    prompt: str | None,
    fps: float | None,
    size: str | tuple[int, int] | None,
    seed: int = 0,
    device: str = "auto",
    store: Store | str | Path | None,
    force: bool,
    progress: Progress,
    standalone: bool = True,
    options: Mapping[str, object] | None = None,
) -> Artifact:
    """render, also as a step of something larger: then `standalone` is False."""
    check_render(engine, prompt, style, size, options or {})
    if prompt is not None:
        from dancegen.stages.film import paint_film

        return paint_film(
            poses, prompt=prompt, fps=fps, size=size, seed=seed, device=device, store=store, force=force,
            progress=progress, standalone=standalone, options=options or {},
        )  # fmt: skip
    canvas = check_look(style, size)
    store = open_store(store)
    poses = resolve(poses, "generate-poses", store, progress)
    rate = float(fps if fps is not None else poses.summary["fps"])
    if not 1 <= rate <= 120:
        raise InputError(f"--fps {rate:g}: choose 1 to 120 frames a second")
    recipe = Recipe(
        STAGE,
        VERSION,
        {"engine": "skeleton", "style": style, "fps": rate, "size": list(canvas)},
        (Input.artifact("poses", poses),),
    )
    command = ["dancegen", "render", poses.digest[:16], "--style", style, "--size", f"{canvas[0]}x{canvas[1]}"]
    tags = {"digest": recipe.digest, "command": shlex.join([*command, "--fps", f"{rate:g}"])}

    def build(directory: Path) -> dict:
        return _build(directory, poses, style, rate, canvas, tags, progress)

    return store.obtain(recipe, build, force=force, progress=progress, standalone=standalone)


def check_render(
    engine: str | None,
    prompt: str | None,
    style: str,
    size: str | tuple[int, int] | None,
    options: Mapping[str, object],
) -> None:
    """Everything about a video that can be checked before there are poses. Raises InputError."""
    if engine is not None and engine not in ENGINES:
        raise InputError(f"there is no engine {engine!r}; this version has {', '.join(ENGINES)}")
    if prompt is not None:
        if engine == "skeleton":
            raise InputError("--engine skeleton reads no --prompt: leave one of them out")
        from dancegen.stages.film import check_film

        check_film(prompt, size, options)
        return
    given = [name for name, value in options.items() if value is not None and value is not False]
    if engine == "animatediff" or given:
        why = f"--{given[0].replace('_', '-')}" if given else "--engine animatediff"
        raise InputError(f'{why} paints what a prompt says: add --prompt "what to paint"')
    check_look(style, size)


def check_look(style: str, size: str | tuple[int, int] | None) -> tuple[int, int]:
    """The size in pixels. InputError for a style that does not exist and for a size that no video can have."""
    from dancegen.renderers import get_renderer

    get_renderer(style)
    width, height = parse_size(SKELETON_SIZE if size is None else size)
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
    from dancegen.renderers.skeleton.audio_envelope import SongLight
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
