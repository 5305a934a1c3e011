"""Reads the joints that AIST++ found with nine cameras: `keypoints3d/*.pkl` (Li et al., ICCV 2021).

COCO's 17 points in centimetres, y up, at 60 frames a second, and no rotations: `motions/*.pkl` of the same sequence has
them, see `readers.smpl`. The floor is wherever the cameras were set up, and points are missing here and there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError, reading
from dancegen.motion.anatomy import ANKLE_HEIGHT, FACE, body_height
from dancegen.motion.cleaning import clean
from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import is_aist_file
from dancegen.motion.readers.mocap import say_cleaned
from dancegen.motion.readers.person import FLOOR_PERCENTILE, metres_per_unit
from dancegen.motion.readers.pickles import PICKLES, load_pickle
from dancegen.motion.readers.protocol import JOINTS_RANK, Hints, Reader, has_word, is_there
from dancegen.pose.keypoint_sets import COCO_17
from dancegen.pose.skeleton import INDEX, N_JOINTS
from dancegen.progress import Progress

FPS, CENTIMETRE = 60.0, 0.01
LONGEST_GAP_S = 0.5
"""What is missing longer than this is not guessed: it is no part of the dance."""
SHOWN_GAPS = 3


def read_keypoints3d(path: str | Path) -> np.ndarray:
    """(T, 17, 3) COCO-17 joints in centimetres, nan where one is missing; those that were optimised where there are.

    Raises MocapError where the file holds none, or would run code when it is read.
    """
    path = Path(path)
    with reading(path, "file of AIST++ keypoints", MocapError):
        found = load_pickle(path)
        names = [name for name in ("keypoints3d_optim", "keypoints3d") if isinstance(found, dict) and name in found]
        if not names:
            raise MocapError(f"{path} holds no keypoints3d")
        joints = np.asarray(found[names[0]], np.float64)
    if joints.ndim != 3 or joints.shape[1:] != (len(COCO_17), 3) or len(joints) < 2:
        raise MocapError(f"{path}: keypoints of shape {joints.shape}; COCO's are (frames, {len(COCO_17)}, 3)")
    return np.where(np.isfinite(joints).all(axis=-1, keepdims=True), joints, np.nan)


def _read(path: Path, hints: Hints, progress: Progress) -> Motion:
    fps = hints.fps or FPS
    joints, gaps, begins_s = _whole(read_keypoints3d(path), path, fps, progress)
    forward, up = head_axes(joints)
    body = np.zeros((len(joints), N_JOINTS, 3))
    for column, name in enumerate(COCO_17):
        body[:, INDEX[name]] = joints[:, column]
    units = body_height(body)
    scale = metres_per_unit(units, CENTIMETRE)
    body *= scale
    body[:, INDEX["neck"]] = (body[:, INDEX["r_shoulder"]] + body[:, INDEX["l_shoulder"]]) / 2
    lower = body[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1].min(axis=1)
    body[..., 1] -= np.percentile(lower, FLOOR_PERCENTILE) - ANKLE_HEIGHT * units * scale
    cleaned = clean(body, forward, up, fps)
    say_cleaned(path, cleaned, fps, progress)
    return Motion(
        joints3d=cleaned.joints,
        head_forward=cleaned.head_forward,
        head_up=cleaned.head_up,
        fps=fps,
        height_m=units * scale,
        name=path.stem,
        source=path,
        gaps=gaps,
        begins_s=begins_s,
    )


def head_axes(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the face looks and where the crown points, (T, 3) unit vectors each, from (T, 17, 3) COCO-17 joints."""
    nose, left, right = (joints[:, COCO_17.index(name)] for name in ("nose", "l_ear", "r_ear"))
    across = unit(left - right)
    outward = nose - (left + right) / 2
    outward = unit(outward - np.einsum("ti,ti->t", outward, across)[:, None] * across)
    # The nose is a little lower than the ears: turned up by that angle about the line between them.
    _, below, ahead = FACE["nose"]
    angle = np.arctan2(-below, ahead)
    crown = np.cross(outward, across)
    return np.cos(angle) * outward + np.sin(angle) * crown, np.cos(angle) * crown - np.sin(angle) * outward


def _whole(
    joints: np.ndarray, path: Path, fps: float, progress: Progress
) -> tuple[np.ndarray, tuple[tuple[float, float], ...], float]:
    """The joints, what is missing bridged by straight lines, where that is for too long: (start, end) seconds, and with
    which second of the file they begin."""
    missing = np.isnan(joints[..., 0])
    if missing.all(axis=0).any():
        raise MocapError(f"{path}: {COCO_17[int(missing.all(axis=0).argmax())]} is missing in every frame")
    frames = np.arange(len(joints))
    usable = np.ones(len(joints), bool)
    filled = joints.copy()
    for joint in np.flatnonzero(missing.any(axis=0)):
        seen = frames[~missing[:, joint]]
        for axis in range(3):
            filled[:, joint, axis] = np.interp(frames, seen, joints[seen, joint, axis])
        usable &= _gaps(missing[:, joint]) <= LONGEST_GAP_S * fps
        usable &= (frames >= seen[0]) & (frames <= seen[-1])
    if np.count_nonzero(usable) < 2:
        raise MocapError(f"{path}: joints are missing in almost every frame")
    first, last = int(usable.argmax()), len(usable) - int(usable[::-1].argmax())
    gaps = tuple((start / fps, end / fps) for start, end in _runs(~usable[first:last]))
    unknown = [(start / fps, end / fps) for start, end in _runs(~usable)]
    if unknown:
        spans = ", ".join(f"{start:.1f} to {end:.1f}" for start, end in unknown[:SHOWN_GAPS])
        more = f" and {len(unknown) - SHOWN_GAPS} more" if len(unknown) > SHOWN_GAPS else ""
        progress.warn(f"{path.name}: joints are missing for long; {spans} s{more} are left out.")
    return filled[first:last], gaps, first / fps


def _gaps(missing: np.ndarray) -> np.ndarray:
    """(T,) of every frame the length of the gap that it lies in; 0 where the joint is there."""
    lengths = np.zeros(len(missing), int)
    for start, end in _runs(missing):
        lengths[start:end] = end - start
    return lengths


def _runs(frames: np.ndarray) -> list[tuple[int, int]]:
    """First frame and the frame after the last of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], frames, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _claims(path: Path) -> bool:
    if path.suffix.lower() not in PICKLES or not is_there(path):
        return False
    return is_aist_file(path, "keypoints3d") or has_word(path, b"keypoints3d")


READER = Reader("keypoints of AIST++ (.pkl)", _claims, _read, rank=JOINTS_RANK)
