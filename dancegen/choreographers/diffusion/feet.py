"""Feet that stand where they stand: what slides while it is in contact is held, by inverse kinematics of the legs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from dancegen.motion.body import AT, FEET, TURNING, BodyMotion
from dancegen.motion.leg_reach import moved_leg

SHORTEST_S = 0.1
"""A contact shorter than this is a brush, not a stand; and a foot that is up for less has not left the floor:
in real dances it comes down 3 cm away then, at the median."""
MOST_M = 0.12
"""A foot is moved by no more than this."""
EASE_S = 0.12


def fix_foot_contacts(motion: BodyMotion, contacts: np.ndarray, free: np.ndarray | float = 1.0) -> BodyMotion:
    """The dance with its feet held to the floor while they stand, and none of it under the floor.

    contacts: (T, 4) bool, which joints of FEET stand. A standing foot's pivot (toes, else ankle) keeps its place; the
    correction is shared out over the stand and fades between stands. Only hips, knees and ankles turn; limbs keep
    their lengths and their twist. free: (T,), by what share feet may be moved.
    """
    rotations = motion.rotations.copy()
    for side, pair in (("l", (0, 1)), ("r", (2, 3))):
        shift = _held(motion, contacts[:, pair], [FEET[i] for i in pair]) * np.reshape(free, (-1, 1))
        leg = [TURNING.index(AT[f"{side}_{joint}"]) for joint in ("hip", "knee", "ankle")]
        rotations[:, leg] = moved_leg(motion, side, shift)
    return replace(motion, rotations=rotations)


def _held(motion: BodyMotion, standing: np.ndarray, joints: list[int]) -> np.ndarray:
    """(T, 3) metres by which a foot has to move, from which of its ankle and toes stand (T, 2)."""
    ankle, toe = motion.positions[:, joints[0]], motion.positions[:, joints[1]]
    pivot = np.where(standing[1:, 1:], np.diff(toe, axis=0), np.diff(ankle, axis=0))
    shift, known = np.zeros_like(ankle), np.zeros(len(ankle), bool)
    for first, last in _stands(np.any(standing, axis=1), max(2, round(SHORTEST_S * motion.fps))):
        slide = np.concatenate([np.zeros((1, 3)), np.cumsum(pivot[first : last - 1], 0)])
        shift[first:last] = slide.mean(0) - slide
        known[first:last] = True
    shift[:, 1] = 0
    shift = _between(shift, known, motion.fps)
    size = np.linalg.norm(shift, axis=1, keepdims=True)
    shift *= np.minimum(1, MOST_M / np.maximum(size, 1e-9))
    lowest = np.minimum(ankle[:, 1] - motion.body.floor_heights[0], toe[:, 1] - motion.body.floor_heights[1])
    shift[:, 1] = _eased(np.maximum(-lowest, 0), motion.fps)
    return shift


def _stands(there: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """[first, last) of every stand of a foot, from when it is in contact (T,); short gaps do not end one."""
    joined = there.copy()
    for first, last in _runs(~there, 1):
        if last - first < shortest and first > 0 and last < len(there):
            joined[first:last] = True
    return _runs(joined, shortest)


def _runs(there: np.ndarray, shortest: int) -> list[tuple[int, int]]:
    """[first, last) of every run of True that is long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= shortest]


def _between(shift: np.ndarray, known: np.ndarray, fps: float) -> np.ndarray:
    """The shifts (T, 3) with what lies between stands filled in smoothly, fading to none where stands are far."""
    if not known.any():
        return np.zeros_like(shift)
    from scipy.interpolate import PchipInterpolator

    frames = np.flatnonzero(known)
    far = max(2, round(4 * EASE_S * fps))
    rests = [t for a, b in pairwise(frames) if b - a > 2 * far for t in range(a + far, b - far + 1)]
    rests += [t for t in (frames[0] - far, frames[-1] + far) if 0 <= t < len(shift)]
    at = np.array(sorted({*frames.tolist(), *rests}))
    if len(at) < 2:
        return np.where(known[:, None], shift, 0)
    filled = PchipInterpolator(at, np.where(known[at, None], shift[at], 0), axis=0)(
        np.clip(np.arange(len(shift)), at[0], at[-1])
    )
    return np.where(known[:, None], shift, filled)


def _eased(lift: np.ndarray, fps: float) -> np.ndarray:
    """A lift (T,) that is never less, and comes and goes gently: means of the most within reach."""
    from scipy.ndimage import gaussian_filter1d, maximum_filter1d

    reach = max(1, round(EASE_S * fps / 2))
    return gaussian_filter1d(maximum_filter1d(lift, 4 * reach + 1), reach, mode="nearest", truncate=2)
