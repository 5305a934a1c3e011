"""How hard a dance is on the dancer's body, beside what real dancers do: they are not flung round.

The limits are about what real dance keeps in all but one of ten thousand frames: 37 minutes of eight genres turn at up
to 13.1 rad/s and accelerate by 64 m/s^2 (`python benchmarks/steadiness.py --dataset DIR --real`).
"""

from __future__ import annotations

import numpy as np

from dancegen.motion.body import AT, BodyMotion
from dancegen.motion.rotations import angle_between

FASTEST_TURN = 14.0
"""Radians a second that the pelvis turns at, about any axis."""
HARDEST_ACCELERATION = 60.0
"""Metres a second squared, the mean of all joints."""


def turning(motion: BodyMotion) -> np.ndarray:
    """(T - 1,) radians a second that the pelvis turns at from each frame to the next."""
    pelvis = motion.orientations[:, AT["pelvis"]]
    return angle_between(pelvis[:-1], pelvis[1:]) * motion.fps


def acceleration(motion: BodyMotion) -> np.ndarray:
    """(T - 2,) metres a second squared, the mean of all joints, at each frame but the first and the last."""
    return np.linalg.norm(np.diff(motion.positions, 2, axis=0), axis=-1).mean(1) * motion.fps**2


def strain(motion: BodyMotion) -> np.ndarray:
    """(T,) how near each frame, and those beside it, come to a limit; beyond 1 hardly anybody dances it."""
    from scipy.ndimage import maximum_filter1d

    share = np.zeros(len(motion))
    if len(motion) > 1:
        share[1:] = turning(motion) / FASTEST_TURN
    if len(motion) > 2:
        share[1:-1] = np.maximum(share[1:-1], acceleration(motion) / HARDEST_ACCELERATION)
    return maximum_filter1d(share, 3)
