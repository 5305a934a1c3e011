"""Kinematic beats: the moments at which a dancing body marks time. Footfalls first, then minima of joint speed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dancegen.arrays import local_maxima, smooth

ANKLES = (10, 13)
STEP_SPEED = 0.35
"""Body heights a second: a foot slower than this stands."""
SWING_S = 0.1
"""A foot must have moved for at least this long before its stop counts as a footfall."""
SMOOTH_S = 0.02
STIR_SPEED, STIR_S, STIR_SMOOTH_S = 0.05, 0.2, 0.1
"""Mean joint speed (body heights a second) and duration from which a body moves at all: who waits, sways by less."""
IDLE_S = 0.5
LULL_SMOOTH_S = 0.08
LULL_SHARE = 0.8
"""A lull is a minimum of the mean joint speed under this share of the peaks beside it."""


def joint_speeds(joints3d: np.ndarray, fps: float, height: float, smooth_s: float = SMOOTH_S) -> np.ndarray:
    """Speed of every joint, (T, J) in body heights a second, of positions smoothed by `smooth_s` seconds.

    `height` is the standing height in the unit of `joints3d` (T, J, 3), or (T, J, 2) of what a camera sees.
    """
    positions = smooth(joints3d.astype(np.float64), smooth_s * fps)
    velocity = np.gradient(positions, axis=0) * fps if len(positions) > 1 else np.zeros_like(positions)
    return np.linalg.norm(velocity, axis=-1) / height


def active_span(joints3d: np.ndarray, fps: float, height: float) -> tuple[float, float]:
    """(start, end) seconds between which the dancer moves: captures begin and end with people who stand and wait.

    From a second before the first movement to a second after the last, however small they are; all of it where there is
    none. What it leaves out is a motionless body.
    """
    speed = joint_speeds(joints3d, fps, height, STIR_SMOOTH_S)[:, 1:14].mean(axis=1)
    end = (len(joints3d) - 1) / fps
    edges = np.flatnonzero(np.diff(np.concatenate([[0], speed > STIR_SPEED, [0]]).astype(np.int8)))
    stirs = [(a / fps, b / fps) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= STIR_S * fps]
    if not stirs:
        return 0.0, end
    return max(0.0, stirs[0][0] - IDLE_S), min(end, stirs[-1][1] + IDLE_S)


def danced_spans(
    active: tuple[float, float], gaps: Sequence[tuple[float, float]], least_s: float
) -> tuple[tuple[float, float], ...]:
    """What lies between the gaps of an active span, (start, end) seconds, where it is at least so long."""
    edges = [active[0], *(edge for gap in sorted(gaps) for edge in gap), active[1]]
    spans = [(max(a, active[0]), min(b, active[1])) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return tuple((a, b) for a, b in spans if b - a >= least_s)


def find_footfalls(joints3d: np.ndarray, fps: float, height: float) -> np.ndarray:
    """Seconds at which a foot comes to stand, sorted, (F,) float64.

    A footfall is where an ankle's speed falls under 0.35 body heights a second after at least 0.1 s above it; the
    crossing is interpolated between frames. A landing of both feet counts once a foot.
    """
    speeds = joint_speeds(joints3d, fps, height)
    falls = [falls_under(speeds[:, ankle], fps) for ankle in ANKLES]
    return np.sort(np.concatenate(falls))


def falls_under(speed: np.ndarray, fps: float) -> np.ndarray:
    """Seconds at which one foot's speed (T,), body heights a second, falls under 0.35 after at least 0.1 s above it."""
    above = speed > STEP_SPEED
    change = np.flatnonzero(np.diff(above.astype(np.int8)))
    times, rise = [], 0 if above[0] else None
    for i in change:
        crossing = i + (speed[i] - STEP_SPEED) / (speed[i] - speed[i + 1])
        if not above[i]:
            rise = crossing
        elif rise is not None and (crossing - rise) / fps >= SWING_S:
            times.append(crossing / fps)
    return np.asarray(times, np.float64)


def find_lulls(joints3d: np.ndarray, fps: float, height: float) -> np.ndarray:
    """Seconds of the marked minima of the mean joint speed, (L,) float64: the body gathers itself there."""
    speed = smooth(joint_speeds(joints3d, fps, height)[:, 1:14].mean(axis=1), LULL_SMOOTH_S * fps)
    minima, peaks = local_maxima(-speed), local_maxima(speed)
    kept = []
    for i in minima:
        before, after = peaks[peaks < i], peaks[peaks > i]
        beside = [speed[before[-1]] if len(before) else speed[0], speed[after[0]] if len(after) else speed[-1]]
        if speed[i] < LULL_SHARE * min(beside):
            kept.append(i)
    return np.asarray(kept, np.float64) / fps


def step_period(footfalls: np.ndarray) -> float:
    """Median seconds between steps, 0.0 where there are fewer than three; a landing of both feet is one step."""
    steps = merge_near(footfalls, 0.12)
    return float(np.median(np.diff(steps))) if len(steps) >= 3 else 0.0


def merge_near(times: np.ndarray, gap_s: float) -> np.ndarray:
    """`times` (sorted) with runs closer than `gap_s` replaced by their mean."""
    if len(times) == 0:
        return times
    groups = np.split(times, np.flatnonzero(np.diff(times) >= gap_s) + 1)
    return np.array([group.mean() for group in groups])
