"""Reads what the nine cameras of AIST++ saw: `keypoints2d/*.pkl` (Li et al., ICCV 2021).

COCO's 17 points with their scores, in pixels of each camera's picture, at 60 frames a second; not a number where nobody
was found. Scores under 0.15 are left out, as the authors' own code does before it looks for the joints in space.
"""

from __future__ import annotations

from contextlib import suppress
from mmap import ACCESS_READ, mmap
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError, PoseError, reading
from dancegen.motion.readers.aist import FPS
from dancegen.motion.readers.aist_cameras import MOST_CAMERAS, cameras_of, read_cameras
from dancegen.motion.readers.beside import describe
from dancegen.motion.readers.databases import take_info
from dancegen.motion.readers.pickles import load_pickle
from dancegen.motion.readers.protocol import FLAT_RANK, Hints, Reader
from dancegen.pose.flat_dance import FlatDance
from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18
from dancegen.pose.sequence import FARTHEST, PoseSequence
from dancegen.progress import Progress

SIZE = (1920, 1080)
"""Of AIST's pictures, where no camera says it."""
LEAST_SCORE = 0.15
OUT_OF_STEP = {("gBR_sBM_cAll_d04_mBR0_ch01", "c05")}
"""Views that the authors' code leaves out, because they are not in time with the others."""
OTHER_SIZES = {("gJB_sBM_cAll_d07_mJB3_ch05", "c07"): (640, 480)}
"""Views that the authors' code names for the size of their pictures."""


def read_keypoints2d(path: str | Path) -> np.ndarray:
    """(views, T, 17, 3) float32 COCO-17 keypoints in pixels with scores; nan where a joint was not found.

    Raises MocapError where the file holds none, or would run code when it is read.
    """
    path = Path(path)
    with reading(path, "file of AIST++ keypoints", MocapError):
        found = load_pickle(path)
        if not isinstance(found, dict) or "keypoints2d" not in found:
            raise MocapError(f"{path} holds no keypoints2d")
        points = np.array(found["keypoints2d"], np.float32)
    if points.ndim != 4 or points.shape[2:] != (len(COCO_17), 3) or points.shape[1] < 2:
        raise MocapError(
            f"{path}: keypoints of shape {points.shape}; AIST++'s are (cameras, frames, {len(COCO_17)}, 3)"
        )
    if not 0 < len(points) <= MOST_CAMERAS:
        raise MocapError(f"{path}: keypoints of {len(points)} cameras")
    points[..., 2] = np.minimum(points[..., 2], 1)
    found = np.isfinite(points).all(axis=-1) & (points[..., 2] >= LEAST_SCORE)
    found &= (np.abs(points[..., :2]) <= FARTHEST).all(axis=-1)
    points[~found] = np.nan
    return points


def _read(path: Path, hints: Hints, progress: Progress) -> FlatDance:
    sequence = take_info(path).performance
    points = coco17_to_coco18(read_keypoints2d(path))
    sizes, views, unseen = _sizes(path, sequence, progress), {}, []
    for number, keypoints in enumerate(points, 1):
        name = f"c{number:02d}"
        if not (keypoints[..., 2] > 0).any():
            unseen.append(name)
        elif (sequence, name) in OUT_OF_STEP:
            progress.say(f"{path.name}: {name} is left out, since it is not in time with the other cameras.")
        else:
            size = OTHER_SIZES.get((sequence, name), sizes.get(name, SIZE))
            views[name] = PoseSequence(keypoints, hints.fps or FPS, size)
    if not views:
        raise PoseError(f"{path}: nobody is seen by any of its {len(points)} cameras")
    if unseen:
        progress.say(f"{path.name}: nobody is seen by {', '.join(unseen)}.")
    return FlatDance(views)


def _sizes(path: Path, sequence: str, progress: Progress) -> dict[str, tuple[int, int]]:
    """The size of each camera's picture; none are known where the dataset's cameras are not there."""
    try:
        setting = cameras_of(path, sequence)
        return {} if setting is None else {camera.name: camera.size for camera in read_cameras(setting)}
    except MocapError as error:
        progress.warn(f"{path.name}: pictures of {SIZE[0]}x{SIZE[1]} are assumed, because {error}")
        return {}


def _companions(path: Path) -> tuple[Path, ...]:
    with suppress(MocapError):
        setting = cameras_of(path, take_info(path).performance)
        return () if setting is None else (setting,)
    return ()


def _claims(path: Path) -> bool:
    if path.suffix.lower() not in (".pkl", ".pickle") or not path.is_file():
        return False
    with suppress(OSError, ValueError), open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        return text.find(b"keypoints2d") >= 0
    return False


READER = Reader("2D keypoints of AIST++ (.pkl)", _claims, _read, describe, _companions, kind="poses", rank=FLAT_RANK)
