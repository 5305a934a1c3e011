"""extract-poses: the dances of a dataset, as cameras see them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import CAMERAS
from dancegen.options.data import ExtractPosesOptions
from dancegen.options.declare import recipe_for
from dancegen.progress import Progress
from dancegen.store import Artifact, Input

if TYPE_CHECKING:
    import numpy as np

STAGE = "extract-poses"
VERSION = 2


def extract_poses(options: ExtractPosesOptions, context: Context) -> Artifact:
    """A pose dataset: every clip of a dataset seen from several camera angles, with the clip's music beside it.

    views: degrees of azimuth round the dancer, 0 from the front, and cameras with a perspective by name (see
    `motion.cameras`). Motion capture is projected. The result needs neither the dataset nor its sources.
    """
    azimuths, canvas, workers = parse_views(options.views), options.canvas, options.workers or os.cpu_count() or 1
    dataset = context.resolve(options.dataset, "prepare")
    recipe = recipe_for(STAGE, VERSION, options, {"dataset": (Input.artifact("dataset", dataset),)}, views=azimuths)

    def build(directory: Path) -> dict:
        return _build(dataset, directory, azimuths, canvas, workers, context.progress)

    return context.obtain(recipe, build)


def parse_views(views: str | Iterable[float | str]) -> list[int | str]:
    """Cameras from "0,45,orbit" or a list: whole degrees, 0 to 359, then names; sorted, each once.

    Raises InputError.
    """
    texts = [str(text).strip() for text in (views.split(",") if isinstance(views, str) else views)]
    names = sorted({text for text in texts if text in CAMERAS})
    try:
        degrees = sorted({round(float(text)) % 360 for text in texts if text and text not in CAMERAS})
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"--views {views} is not a list of camera angles in degrees, like 0,45,90,135, or of cameras: "
            f"{', '.join(CAMERAS)}"
        ) from error
    if not degrees and not names:
        raise InputError("--views names no camera angle: give degrees, like 0,45,90,135")
    return [*degrees, *names]


def _build(
    dataset: Artifact,
    directory: Path,
    azimuths: list[int | str],
    size: tuple[int, int],
    workers: int,
    progress: Progress,
) -> dict:
    import numpy as np
    from joblib import Parallel, delayed

    from dancegen.dataset.format import read_clips, view_name, write_clips

    clips = read_clips(dataset)
    frames, seen = 0, np.zeros(len(azimuths))
    pool = Parallel(n_jobs=min(workers, len(clips)), return_as="generator_unordered")
    jobs = (delayed(_extract_clip)(dataset.path, directory, clip.id, azimuths, size) for clip in clips)
    with progress.task("Looking from every camera", len(clips)) as advance:
        for count, faces in cast("Iterator[tuple[int, np.ndarray]]", pool(jobs)):
            frames += count
            seen += faces
            advance(1)
    write_clips(directory, clips)
    return {
        "clips": len(clips),
        "val_clips": sum(clip.split == "val" for clip in clips),
        "views": [view_name(azimuth) for azimuth in azimuths],
        "sequences": len(clips) * len(azimuths),
        "frames": frames * len(azimuths),
        "seconds": round(sum(clip.seconds for clip in clips), 1),
        "size": list(size),
        "nose_visible": {
            view_name(azimuth): round(float(share), 3)
            for azimuth, share in zip(azimuths, seen / max(frames, 1), strict=True)
        },
    }


def _extract_clip(
    source: Path, target: Path, clip_id: str, azimuths: list[int | str], size: tuple[int, int]
) -> tuple[int, np.ndarray]:
    """Project one clip from all cameras; returns its frames and, a camera, in how many of them the nose shows."""
    import numpy as np

    from dancegen.audio.beats import Beats, bar_lines
    from dancegen.dataset.format import MUSIC_FILES, ClipMotion, clip_dir, link_or_copy, load_mel, poses_path, view_name
    from dancegen.motion.cameras import facing_camera, film, project

    motion = ClipMotion.load(clip_dir(source, clip_id) / "motion.npz").motion
    faces = np.zeros(len(azimuths))
    for index, azimuth in enumerate(azimuths):
        path = poses_path(target, clip_id, view_name(azimuth))
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(azimuth, str):
            music = clip_dir(source, clip_id)
            bars_s = bar_lines(Beats.load(music / "beats.json"), load_mel(source, clip_id))
            poses = film(facing_camera(motion), azimuth, size=size, bars_s=bars_s)
        else:
            poses = project(motion, azimuth, size=size)
        poses.save(path)
        faces[index] = np.count_nonzero(poses.keypoints[:, 0, 2])
    for name in MUSIC_FILES:
        link_or_copy(clip_dir(source, clip_id) / name, clip_dir(target, clip_id) / name)
    return len(motion), faces
