"""Reads what the nine cameras of AIST++ saw: `keypoints2d/*.pkl` (Li et al., ICCV 2021).

COCO's 17 points with their scores, in pixels of each camera's picture, at 60 frames a second; not a number where nobody
was found. Scores under 0.15 are left out, as the authors' own code does before it looks for the joints in space. What a
camera missed of the body is where the others see it, if `keypoints3d` and `cameras` of the sequence lie there too.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError, PoseError, reading
from dancegen.motion.pinhole import Pinhole
from dancegen.motion.readers.aist import FPS, read_keypoints3d
from dancegen.motion.readers.aist_cameras import MOST_CAMERAS, cameras_of, read_cameras
from dancegen.motion.readers.beside import describe
from dancegen.motion.readers.databases import is_aist_file, take_info
from dancegen.motion.readers.pickles import PICKLES, load_pickle
from dancegen.motion.readers.protocol import FLAT_RANK, Hints, Reader, has_word, is_there
from dancegen.pose.flat_dance import FlatDance
from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18
from dancegen.pose.sequence import FARTHEST, PoseSequence
from dancegen.progress import Progress

SIZE = (1920, 1080)
"""Of AIST's pictures, where no camera says it."""
LEAST_SCORE = 0.15
GUESSED = 0.4
"""The confidence of a joint that a camera missed."""
FARTHEST_APART = 0.1
"""Of the dancer's height: what keypoints and joints in space may lie apart, by the median, if they belong together."""
_FIRST_OF_BODY = COCO_17.index("l_shoulder")
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
    points = read_keypoints2d(path)
    cameras, joints = _cameras(path, sequence, progress), _in_space(path, points.shape[1], progress)
    views, unseen = {}, []
    for number, keypoints in enumerate(points, 1):
        name = f"c{number:02d}"
        camera, other_size = cameras.get(name), OTHER_SIZES.get((sequence, name))
        if (sequence, name) in OUT_OF_STEP:
            progress.say(f"{path.name}: {name} is left out, since it is not in time with the other cameras.")
            continue
        if camera is not None and joints is not None and other_size is None:
            keypoints = fill_from_space(keypoints, camera.pixels(joints))
        if not np.isfinite(keypoints).all(axis=-1).any():
            unseen.append(name)
            continue
        size = other_size or (SIZE if camera is None else camera.size)
        views[name] = PoseSequence(coco17_to_coco18(keypoints), hints.fps or FPS, size)
    if not views:
        raise PoseError(f"{path}: nobody is seen by any of its {len(points)} cameras")
    if unseen:
        progress.say(f"{path.name}: nobody is seen by {', '.join(unseen)}.")
    return FlatDance(views)


def fill_from_space(keypoints: np.ndarray, projected: np.ndarray) -> np.ndarray:
    """(T, 17, 3) keypoints of one camera with what it missed of the body, from where the joints in space are in its
    picture, (T, 17, 2), at a confidence that says so.

    As they were where the two do not fit together. The face is left alone: what is missing of it the head hides.
    """
    missing, known = np.isnan(keypoints[..., 2]), np.isfinite(projected).all(axis=-1)
    both = ~missing & known
    apart = np.linalg.norm(keypoints[..., :2] - projected, axis=-1)[both]
    if not known.any() or (both.any() and np.median(apart) > FARTHEST_APART * _tall(projected)):
        return keypoints
    wanted = missing & known & (np.arange(len(COCO_17)) >= _FIRST_OF_BODY)
    filled = keypoints.copy()
    filled[wanted] = np.concatenate([projected[wanted], np.full((wanted.sum(), 1), GUESSED)], axis=-1)
    return filled


def _tall(projected: np.ndarray) -> float:
    """How high the dancer is in the picture, in pixels, over the whole dance."""
    return float(np.nanmax(projected[..., 1]) - np.nanmin(projected[..., 1]))


def _cameras(path: Path, sequence: str, progress: Progress) -> dict[str, Pinhole]:
    """The cameras of a sequence by name; none where the dataset's are not there, or cannot be read."""
    try:
        setting = cameras_of(path, sequence)
        return {} if setting is None else {camera.name: camera for camera in read_cameras(setting)}
    except MocapError as error:
        progress.warn(f"{path.name}: pictures of {SIZE[0]}x{SIZE[1]} are assumed, because {error}")
        return {}


def _in_space(path: Path, frames: int, progress: Progress) -> np.ndarray | None:
    """(T, 17, 3) joints of the same sequence in space, in centimetres; None where there are none that belong to it."""
    beside = _beside(path)
    if not beside.is_file():
        return None
    try:
        joints = read_keypoints3d(beside)
    except MocapError as error:
        progress.warn(f"{path.name}: what a camera missed stays missing, because {error}")
        return None
    return joints if len(joints) == frames else None


def _beside(path: Path) -> Path:
    return path.absolute().parent.parent / "keypoints3d" / path.name


def _companions(path: Path) -> tuple[Path, ...]:
    with suppress(MocapError):
        setting = cameras_of(path, take_info(path).performance)
        return () if setting is None else tuple(each for each in (setting, _beside(path)) if each.is_file())
    return ()


def _claims(path: Path) -> bool:
    if path.suffix.lower() not in PICKLES or not is_there(path):
        return False
    return is_aist_file(path, "keypoints2d") or has_word(path, b"keypoints2d")


READER = Reader("2D keypoints of AIST++ (.pkl)", _claims, _read, describe, _companions, kind="poses", rank=FLAT_RANK)
