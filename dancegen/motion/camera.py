"""Cameras round the dancer: three dimensions become keypoints in pixels, with the hidden face points left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dancegen.arrays import smooth
from dancegen.motion.anatomy import facing
from dancegen.motion.motion import Motion
from dancegen.pose.skeleton import INDEX

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence

MARGIN = 0.04  # of the canvas, left free on each side
FLOOR_LINE = 0.90  # where the floor is, from the top: arms that reach up need more room than feet
DOMINANT = 0.2  # length of the mean facing vector from which a clip has a front

# Which way each face point looks, as degrees to the right of the face, and how far from the camera that may turn
# before the head is in between. A far eye goes a little before the profile, an ear once the head turns away from it;
# from behind both ears are there and nothing else: as detectors see people.
FACE_NORMALS = {"nose": (0.0, 100.0), "r_eye": (30.0, 107.0), "l_eye": (-30.0, 107.0)} | {
    "r_ear": (90.0, 112.0),
    "l_ear": (-90.0, 112.0),
}
HYSTERESIS_DEG = 5.0  # a point that is there stays a little longer than one that is not takes to come
SMOOTH_S = 0.05
AT_FRONT = (0.0, 0.0, 1.0)


def project(
    motion: Motion, azimuth_deg: float, *, size: tuple[int, int] = (512, 512), body_fraction: float = 0.62
) -> PoseSequence:
    """What a camera sees that stands `azimuth_deg` round the dancer: 0 in front, 90 on the dancer's left.

    Orthographic (a long lens far away: size says nothing about distance), at the height of the dancer. One scale and
    one place for the clip: the body is `body_fraction` of the canvas high, less only where the clip would not fit.
    In front is where the dancer looks on average over the clip, or at its start where no direction prevails.
    `joints3d` of the result is turned so that this front is +z. Hidden face points are (0, 0, 0).
    """
    from dancegen.pose.sequence import PoseSequence

    motion = facing_camera(motion)
    seen = motion.turned(-azimuth_deg)
    points = seen.joints3d[..., :2].astype(np.float64) * (1.0, -1.0)
    keypoints = np.ones((len(motion), motion.joints3d.shape[1], 3), dtype=np.float32)
    keypoints[..., :2] = fit(points, motion.height_m, size, body_fraction)
    for joint, visible in face_visibility(seen).items():
        keypoints[~visible, INDEX[joint]] = 0.0
    return PoseSequence(keypoints=keypoints, fps=motion.fps, size=size, joints3d=motion.joints3d)


def facing_camera(motion: Motion) -> Motion:
    """The clip turned so that its front is +z."""
    x, z = front(motion)
    return motion.turned(-float(np.rad2deg(np.arctan2(x, z))))


def front(motion: Motion) -> tuple[float, float]:
    """The direction (x, z) that the dancer faces over the clip: the mean, or the first half second's if none."""
    directions = facing(motion.joints3d)
    mean = directions.mean(axis=0)
    if np.linalg.norm(mean) < DOMINANT:
        mean = directions[: max(round(motion.fps / 2), 1)].mean(axis=0)
    if np.linalg.norm(mean) < 1e-6:
        return 0.0, 1.0
    return float(mean[0]), float(mean[1])


def face_visibility(
    motion: Motion, towards: np.ndarray | tuple[float, float, float] = AT_FRONT
) -> dict[str, np.ndarray]:
    """Which face points a camera sees: (T,) bool for each. Smoothed and with hysteresis, so nothing flickers.

    towards: unit vectors to the camera, (3,) or (T, 3); by default it stands at +z.
    """
    right = np.cross(motion.head_forward, motion.head_up)
    result = {}
    for joint, (degrees, limit) in FACE_NORMALS.items():
        angle = np.deg2rad(degrees)
        normal = np.cos(angle) * motion.head_forward + np.sin(angle) * right
        turned = (normal * towards).sum(axis=-1)
        away = np.rad2deg(np.arccos(np.clip(smooth(turned.astype(np.float64), SMOOTH_S * motion.fps), -1.0, 1.0)))
        result[joint] = _latch(away, limit)
    return result


def _latch(away: np.ndarray, limit: float) -> np.ndarray:
    """True below the limit, False above it; inside the band round it, what was decided last."""
    decided = np.where(away < limit - HYSTERESIS_DEG, 1, np.where(away > limit + HYSTERESIS_DEG, 0, -1))
    if decided[0] < 0:
        decided[0] = away[0] < limit
    last = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return decided[last].astype(bool)


def fit(points: np.ndarray, height_m: float, size: tuple[int, int], body_fraction: float) -> np.ndarray:
    """(T, 18, 2) pixels from metres across the view (x to the right, y down): one scale and one place for all frames.

    A body of `height_m` is `body_fraction` of the canvas high, less only where the clip would not fit.
    """
    width, height = size
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    room = np.array([width, height]) * (1 - 2 * MARGIN)
    scale = min(body_fraction * height / height_m, *(room / np.maximum(high - low, 1e-6)))
    hips = (points[:, INDEX["r_hip"], 0] + points[:, INDEX["l_hip"], 0]) / 2
    wanted = np.array([width / 2 - scale * np.median(hips), FLOOR_LINE * height])
    margin = np.array([width, height]) * MARGIN
    # Everything inside the margins comes first, the dancer's usual place second.
    offset = np.clip(wanted, margin - scale * low, margin + room - scale * high)
    return scale * points + offset
