"""Joints that a detector missed for a moment, filled in from what it saw before and after."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dancegen.pose.skeleton import BODY, N_JOINTS

#: A filled-in joint's confidence never reaches this: what was seen and what was guessed stay apart.
FILLED_CONFIDENCE = 0.5
_BODY_JOINTS = tuple(range(N_JOINTS))[BODY]


def fill_gaps(keypoints: np.ndarray, max_gap: int, joints: Iterable[int] = _BODY_JOINTS) -> np.ndarray:
    """(T, 18, 3) keypoints with the joints' gaps of up to max_gap frames filled in.

    Between two sightings the joint moves smoothly, without overshoot; before the first and after the last it holds
    still. Filled joints have half the confidence of their surroundings, always under FILLED_CONFIDENCE. By default only
    the body is filled: a face point that is missing is usually hidden by the head.
    """
    filled = np.array(keypoints, dtype=np.float32)
    for joint in joints:
        missing = filled[:, joint, 2] <= 0
        if missing.any() and not missing.all():
            wanted = missing & _in_short_gap(missing, max_gap)
            filled[wanted, joint] = _between(filled[:, joint], np.flatnonzero(~missing), np.flatnonzero(wanted))
    return filled


def _in_short_gap(missing: np.ndarray, max_gap: int) -> np.ndarray:
    """(T,) bool: frames of runs of missing ones that are no longer than max_gap."""
    change = np.diff(np.pad(missing.astype(np.int8), 1))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    short = np.zeros(len(missing), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        short[start:end] = end - start <= max_gap
    return short


def _between(track: np.ndarray, seen: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(W, 3) what a joint's (T, 3) track may have been at the wanted frames, given those where it was seen."""
    at = wanted.clip(seen[0], seen[-1])
    if len(seen) == 1:
        positions = np.repeat(track[seen, :2], len(at), axis=0)
    else:
        from scipy.interpolate import PchipInterpolator

        positions = PchipInterpolator(seen, track[seen, :2].astype(np.float64))(at)
    confidence = np.interp(at, seen, track[seen, 2]) / 2
    return np.column_stack([positions, np.minimum(confidence, FILLED_CONFIDENCE - 0.01)])
