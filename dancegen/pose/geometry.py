"""Keypoints as points of a picture: on which canvas they lie, and how large the body is that they show.

A pixel's centre has whole coordinates, so the picture spans -0.5 to width - 0.5. (OpenPose's own pixel indices are of
this kind too: controlnet-aux divides them by the width only to multiply again before it draws.)
"""

from __future__ import annotations

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.skeleton import INDEX, LIMBS

#: Neck to mid-ankle, and neck to mid-hip, as shares of the height of a standing person.
NECK_TO_ANKLE = 0.82
NECK_TO_HIP = 0.30

# How a dance lies on a canvas: shares of its sides. Arms that reach up need more room than feet.
MARGIN = 0.04
"""Left free on each side."""
FLOOR_LINE = 0.90
"""Where the floor is, from the top."""
BODY_FRACTION = 0.62
"""How high a standing body is."""
_NECK = INDEX["neck"]
_HIPS = (INDEX["r_hip"], INDEX["l_hip"])
_ANKLES = (INDEX["r_ankle"], INDEX["l_ankle"])


def place(keypoints: np.ndarray, scale: float | np.ndarray, offset: tuple[float, float] | np.ndarray) -> np.ndarray:
    """Scale and shift present joints of (..., 3) keypoints; missing ones stay (0, 0, 0).

    scale, offset: of all, or arrays that go with (..., 1) and (..., 2).
    x' = (x + 0.5) * scale - 0.5 + offset: the same point of the picture, pixel centres being whole numbers.
    """
    keypoints = np.asarray(keypoints, dtype=np.float32)
    placed = keypoints.copy()
    scale, offset = np.asarray(scale, np.float32), np.asarray(offset, np.float32)
    placed[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5 + offset
    return np.where(keypoints[..., 2:] > 0, placed, 0).astype(np.float32)


def to_canvas(keypoints: np.ndarray, size_from: tuple[int, int], size_to: tuple[int, int]) -> np.ndarray:
    """Move (..., 3) keypoints from a canvas (width, height) to another: one scale, centred, never stretched."""
    scale = min(size_to[0] / size_from[0], size_to[1] / size_from[1])
    offset = ((size_to[0] - size_from[0] * scale) / 2, (size_to[1] - size_from[1] * scale) / 2)
    return place(keypoints, scale, offset)


def limb_lengths(keypoints: np.ndarray) -> np.ndarray:
    """(..., 18, 3) keypoints -> (..., 17) float32 lengths in pixels, as LIMBS lists them; NaN if a joint is missing."""
    keypoints = np.asarray(keypoints, dtype=np.float32)
    parents, children = np.array(LIMBS).T
    start, end = keypoints[..., parents, :], keypoints[..., children, :]
    lengths = np.linalg.norm(end[..., :2] - start[..., :2], axis=-1)
    return np.where((start[..., 2] > 0) & (end[..., 2] > 0), lengths, np.float32(np.nan))


def torso_length(keypoints: np.ndarray) -> np.ndarray:
    """(T,) pixels from the neck to the middle of the hips that are there, NaN where either is missing."""
    hips = keypoints[:, _HIPS, :]
    weight = (hips[..., 2] > 0).astype(float)
    count = weight.sum(axis=1)
    middle = (hips[..., :2] * weight[..., None]).sum(axis=1) / np.maximum(count, 1)[:, None]
    length = np.linalg.norm(middle - keypoints[:, _NECK, :2], axis=-1)
    return np.where((count > 0) & (keypoints[:, _NECK, 2] > 0) & (length > 0), length, np.nan)


def body_height(keypoints: np.ndarray) -> float:
    """The dancer's standing height in pixels, from (T, 18, 3) keypoints.

    The 95th percentile over time of the distance from neck to mid-ankle, divided by 0.82: people bend and jump, but a
    projection never makes them longer. Where no frame shows an ankle, neck to mid-hip stands in. Raises PoseError if no
    frame shows either.
    """
    for ends, share in ((_ANKLES, NECK_TO_ANKLE), (_HIPS, NECK_TO_HIP)):
        distances = _distance_to_middle(keypoints, ends)
        if len(distances) and (length := np.percentile(distances, 95)) > 0:
            return float(length / share)
    raise PoseError("no frame shows the neck together with the hips or ankles, so the dancer's height is unknown")


def _distance_to_middle(keypoints: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    """Distances from the neck to the middle of two joints, of the frames that show all three."""
    shown = (keypoints[:, (_NECK, *ends), 2] > 0).all(axis=1)
    middle = keypoints[shown][:, ends, :2].mean(axis=1)
    return np.linalg.norm(keypoints[shown, _NECK, :2] - middle, axis=-1)
