"""Motion at another frame rate: cubic splines in time that respect gaps and do not ring."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from dancegen.pose.shots import shot_starts


def resample_points(points: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(T, ...) points, all present, at fractional frame numbers (M,): (M, ...) float32."""
    if not len(points):
        return np.zeros((len(frames), *points.shape[1:]), dtype=np.float32)
    flat = np.asarray(points, dtype=np.float64).reshape(len(points), -1)
    resampled = _spline(flat, np.asarray(frames, dtype=np.float64))
    return resampled.reshape(len(frames), *points.shape[1:]).astype(np.float32)


def resample_shots(keypoints: np.ndarray, frames: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """As `resample_keypoints`, each shot by itself. frames: ascending, as `within_shots` gives them."""
    edges = [0, *cuts, len(keypoints)]
    places = [0, *shot_starts(frames, cuts), len(frames)]
    shots = [
        resample_keypoints(keypoints[first:stop], frames[begin:end] - first)
        for (first, stop), (begin, end) in zip(pairwise(edges), pairwise(places), strict=True)
    ]
    return np.concatenate(shots)


def resample_keypoints(keypoints: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(T, ..., 3) keypoints at fractional frame numbers (M,): (M, ..., 3) float32.

    Each unbroken run of a joint gets a spline of its own; its confidence is interpolated linearly. A joint is present
    where the nearest source frame has it (where two are equally near, both).
    """
    frames = np.asarray(frames, dtype=np.float64)
    flat = np.asarray(keypoints, dtype=np.float64).reshape(len(keypoints), math.prod(keypoints.shape[1:-1]), 3)
    result = np.zeros((len(frames), flat.shape[1], 3), dtype=np.float32)
    for (first, last), joints in _runs(flat[..., 2] > 0).items():
        inside = _nearest_within(frames, first, last, len(flat))
        # Up to half a frame beyond a run's end the joint holds still; only at the clip's own end does it move on.
        at = frames[inside] - first if last == len(flat) - 1 else np.clip(frames[inside] - first, 0, last - first)
        run = flat[first : last + 1, joints]
        positions = _spline(run[..., :2].reshape(len(run), -1), np.maximum(at, 0))
        confidence = _linear(run[..., 2], at)
        found = np.dstack([positions.reshape(len(at), len(joints), 2), confidence])
        result[np.ix_(inside, np.array(joints))] = found
    return result.reshape(len(frames), *keypoints.shape[1:])


def _runs(present: np.ndarray) -> dict[tuple[int, int], list[int]]:
    """The unbroken runs (first, last) of (T, J) presence, each with the joints that have it."""
    padded = np.pad(present.astype(np.int8), ((1, 1), (0, 0)))
    change = np.diff(padded, axis=0)
    runs: dict[tuple[int, int], list[int]] = {}
    for joint in range(present.shape[1]):
        starts = np.flatnonzero(change[:, joint] == 1)
        ends = np.flatnonzero(change[:, joint] == -1) - 1
        for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
            runs.setdefault((first, last), []).append(joint)
    return runs


def _nearest_within(frames: np.ndarray, first: int, last: int, count: int) -> np.ndarray:
    """Indices of the frame numbers whose nearest source frames (both, of a tie) lie in first..last."""
    tie = 1e-6
    below = np.ceil(frames - 0.5 - tie)
    above = np.minimum(np.floor(frames + 0.5 + tie), count - 1)
    return np.flatnonzero((np.minimum(below, count - 1) >= first) & (above <= last))


def _spline(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(T, K) values at the frame numbers ``at``; a clip's last frame interval is continued in a straight line."""
    count = len(values)
    if count == 1:
        return np.repeat(values, len(at), axis=0)
    from scipy.interpolate import CubicSpline

    interval = np.clip(np.floor(at).astype(int), 0, count - 2)
    within = CubicSpline(np.arange(count), values)(np.minimum(at, count - 1))
    within = _bounded(within, values, interval)
    beyond = np.maximum(at - (count - 1), 0)[:, None] * (values[-1] - values[-2])
    return within + beyond


def _bounded(splined: np.ndarray, values: np.ndarray, interval: np.ndarray) -> np.ndarray:
    """Keep each value near the two samples it lies between: past them by half the largest step nearby, no further.

    A spline may round a turn between two frames, but it must not ring where the dancer stands still after a jump cut.
    """
    step = np.abs(np.diff(values, axis=0))
    padded = np.pad(step, ((1, 1), (0, 0)))
    # The steps before, in and after each interval; a turn needs the smaller of the neighbours to be real.
    slack = np.maximum(padded[1:-1], np.minimum(padded[:-2], padded[2:]))[interval] / 2
    low = np.minimum(values[interval], values[interval + 1]) - slack
    high = np.maximum(values[interval], values[interval + 1]) + slack
    return np.clip(splined, low, high)


def _linear(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    at = np.clip(at, 0, len(values) - 1)
    below = np.floor(at).astype(int)
    above = np.minimum(below + 1, len(values) - 1)
    share = (at - below)[:, None]
    return values[below] * (1 - share) + values[above] * share
