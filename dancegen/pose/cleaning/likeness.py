"""How near two people seen in pictures are to each other: the measure that tracking and cuts share."""

from __future__ import annotations

import numpy as np

from dancegen.pose.skeleton import MIRROR

FEWEST_JOINTS = 3
"""That two people must both show to be compared; who shows fewer is nobody."""
_MIRRORED = 0.05
"""Added where only a person whose left and right are exchanged is near: detectors do that, rarely."""


def points_of(body: np.ndarray) -> np.ndarray:
    """(..., 18, 2) float64 positions of (..., 18, 3) keypoints, nan where a joint is missing."""
    return np.where(body[..., 2:] > 0, body[..., :2], np.nan).astype(np.float64)


def shows_somebody(body: np.ndarray) -> bool:
    """Whether the (18, 3) keypoints have joints enough to be somebody."""
    return int((body[:, 2] > 0).sum()) >= FEWEST_JOINTS and extent(points_of(body)) > 0


def extent(points: np.ndarray) -> float:
    """The diagonal of the box round a person's (18, 2) points, in pixels; 0 for nobody."""
    seen = points[np.isfinite(points[:, 0])]
    return float(np.linalg.norm(np.ptp(seen, axis=0))) if len(seen) else 0.0


def apart(one: np.ndarray, other: np.ndarray, size: float) -> float:
    """The mean distance of the joints that two people's (18, 2) points both show, in sizes of a person; inf where they
    share too few. Left and right may be exchanged."""
    return min(_apart(one, other, size), _apart(one, other[MIRROR], size) + _MIRRORED)


def _apart(one: np.ndarray, other: np.ndarray, size: float) -> float:
    distances = np.linalg.norm(one - other, axis=1)
    distances = distances[np.isfinite(distances)]
    return float(distances.mean()) / size if len(distances) >= FEWEST_JOINTS else float("inf")


def growth(one: np.ndarray, other: np.ndarray) -> float:
    """The logarithm of how much larger the second person is, by the joints that both show; 0 for too few of them."""
    both = np.isfinite(one[:, 0]) & np.isfinite(other[:, 0])
    if both.sum() < FEWEST_JOINTS:
        return 0.0
    before, after = (np.linalg.norm(points[both] - points[both].mean(axis=0)) for points in (one, other))
    return float(np.log(max(after, 1e-6) / max(before, 1e-6)))
