"""Joints without a detector's trembling, and with their turns: beats stay where they are.

A Whittaker smoother (Eilers, "A perfect smoother", 2003) with third differences: of all tracks the one that is near to
what was seen, weighted by confidence, and whose acceleration changes least. It has no delay. Measured on motion capture
with a detector's noise (body heights 0.006; `tests/pose/cleaning/test_smoothing.py`) at 30 frames a second, it brings
the acceleration from 5.7 times the true one to 1.4 times, and beats are found 6 ms from where they are (median; 8 ms
before). Gaussians and zero-phase one-euro filters of the same strength move beats more; a Savitzky-Golay filter of
0.2 s moves them as little, and leaves more trembling.
"""

from __future__ import annotations

import numpy as np

_ORDER = 3
_LEAST_WEIGHT = 0.05


def smooth_joints(keypoints: np.ndarray, fps: float, smooth_s: float) -> np.ndarray:
    """(T, J, 3) keypoints, smoothed in time where they are seen without a gap; confidences stay.

    smooth_s: half the period of a swing that comes out half as large, in seconds. Quicker ones are taken for trembling.
    """
    smoothed = keypoints.copy()
    if smooth_s <= 0:
        return smoothed
    penalty = _penalty(fps, smooth_s)
    for joint in range(keypoints.shape[1]):
        for first, last in _runs(keypoints[:, joint, 2] > 0):
            if last - first > _ORDER:
                track = keypoints[first:last, joint].astype(np.float64)
                weights = np.maximum(track[:, 2] / track[:, 2].mean(), _LEAST_WEIGHT)
                smoothed[first:last, joint, :2] = _whittaker(track[:, :2], weights, penalty)
    return smoothed


def _penalty(fps: float, smooth_s: float) -> float:
    """The weight of third differences with which a swing of half a period `smooth_s` comes out half as large."""
    turn = 2 * np.sin(np.pi * min(0.5, 1 / (2 * smooth_s * fps)))
    return float(turn ** (-2 * _ORDER))


def _whittaker(track: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    """(T, D): the minimum of sum w (x - track)^2 + penalty * sum (third differences of x)^2."""
    from scipy.linalg import solveh_banded

    count = len(track)
    differences = np.array([-1.0, 3.0, -3.0, 1.0])
    bands = np.zeros((_ORDER + 1, count))  # upper form: bands[_ORDER - k, k:] is the k-th diagonal above
    for k in range(_ORDER + 1):
        for i in range(_ORDER + 1 - k):
            bands[_ORDER - k, i + k : count - _ORDER + i + k] += penalty * differences[i] * differences[i + k]
    bands[_ORDER] += weights
    return solveh_banded(bands, weights[:, None] * track)


def _runs(seen: np.ndarray) -> list[tuple[int, int]]:
    """(first, after the last) of each run of frames in which something is seen."""
    change = np.diff(np.pad(seen.astype(np.int8), 1))
    return list(zip(np.flatnonzero(change == 1).tolist(), np.flatnonzero(change == -1).tolist(), strict=True))
