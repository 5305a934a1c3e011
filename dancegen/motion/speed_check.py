"""How fast a body moves, as people's bodies limit it: tells a take that plays at twice its speed."""

from __future__ import annotations

import numpy as np

from dancegen.arrays import smooth
from dancegen.pose.skeleton import INDEX

SMOOTH_S = 0.04  # takes the capture's noise out, which would pass for pace

# Of 40 real takes (salsa, modern dance, ballet) the quickest has 1.57; the same at double speed have 1.89 to 2.62.
FASTEST_HZ = 1.74
LEAST_SPEED = 0.05  # metres a second: below it there is only noise to measure


def pace_hz(joints: np.ndarray, fps: float) -> float:
    """How often limbs swing to and fro, per second, over a take (T, 18, 3) in metres; 0 where hardly anything moves.

    Mean acceleration over mean speed, which for a swing is its angular frequency whatever its width: large and small
    dancers and movements compare. Geometric mean of the wrists about the hips and the feet's rise and fall.
    """
    if len(joints) < 3:
        return 0.0
    steady = smooth(joints.astype(np.float64), SMOOTH_S * fps)
    hips = steady[:, [INDEX["r_hip"], INDEX["l_hip"]]].mean(axis=1, keepdims=True)
    wrists = steady[:, [INDEX["r_wrist"], INDEX["l_wrist"]]] - hips
    feet = steady[:, [INDEX["r_ankle"], INDEX["l_ankle"]], 1:2]
    return float(np.sqrt(_swing_hz(wrists, fps) * _swing_hz(feet, fps)))


def moves_too_fast(joints: np.ndarray, fps: float) -> bool:
    """Whether the limbs swing faster than dancers' do: most likely the stated rate is too high."""
    return pace_hz(joints, fps) > FASTEST_HZ


def _swing_hz(points: np.ndarray, fps: float) -> float:
    velocity = np.diff(points, axis=0) * fps
    acceleration = np.diff(velocity, axis=0) * fps
    speed = np.linalg.norm(velocity, axis=-1).mean()
    if speed < LEAST_SPEED:
        return 0.0
    return float(np.linalg.norm(acceleration, axis=-1).mean() / speed / (2 * np.pi))
