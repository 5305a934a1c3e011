"""The calibration pose that many takes of motion capture begin with: one frame of the rig's T-pose, or seconds of it.

It is no dance. What follows it jumps, or rings where the file was filtered after the pose was put in front.
"""

from __future__ import annotations

import numpy as np

from dancegen.arrays import unit
from dancegen.pose.skeleton import BODY, INDEX

LEAD_M_S = 8.0  # nobody is that fast in a take's first moments
LEAD_S = 0.1  # what jumps this near the start comes out of the calibration pose
MOST_RINGING = 5  # frames that a filter's echo of the jump lasts
RINGING_M_S = 0.5  # and by how much it is faster than what follows it, or twice as fast

SIDEWAYS = 0.9  # cosine between an arm and the line of the shoulders, in a T-pose
STRAIGHT_DOWN = 0.93  # cosine between a leg and the trunk
HELD_S = 0.3  # a T-pose that is left without a jump was held at least so long; dancers pass through it
HELD_M_S = 0.3  # and no joint of it moved faster
FROZEN_M_S = 1e-3  # no body stands so still: it is one frame, repeated


def calibration_frames(joints: np.ndarray, fps: float) -> int:
    """How many frames at the start of a take (T, 18, 3) in metres are the calibration pose and the way out of it."""
    speed = np.linalg.norm(np.diff(joints[:, BODY], axis=0), axis=-1).max(axis=1) * fps
    held = _held(joints, speed, fps)
    lead = held + max(round(LEAD_S * fps), 1)
    fast = np.flatnonzero(speed[:lead] > LEAD_M_S)
    if len(fast):
        return _settled(speed, int(fast[-1]) + 1, fps)
    return held if is_t_pose(joints[:1])[0] and held >= HELD_S * fps else 0


def is_t_pose(joints: np.ndarray) -> np.ndarray:
    """(T,) bool: arms straight out to the sides, legs straight down."""
    at = {name: joints[:, index].astype(np.float64) for name, index in INDEX.items()}
    left = unit(at["l_shoulder"] - at["r_shoulder"])
    down = unit(at["r_hip"] + at["l_hip"] - at["r_shoulder"] - at["l_shoulder"])
    found = np.ones(len(joints), bool)
    for side, outward in (("l", left), ("r", -left)):
        for upper, lower in (("shoulder", "elbow"), ("elbow", "wrist")):
            arm = unit(at[f"{side}_{lower}"] - at[f"{side}_{upper}"])
            found &= np.einsum("ti,ti->t", arm, outward) > SIDEWAYS
        for upper, lower in (("hip", "knee"), ("knee", "ankle")):
            leg = unit(at[f"{side}_{lower}"] - at[f"{side}_{upper}"])
            found &= np.einsum("ti,ti->t", leg, down) > STRAIGHT_DOWN
    return found


def _held(joints: np.ndarray, speed: np.ndarray, fps: float) -> int:
    """Frames at the start that are a T-pose which somebody holds, or one pose that is repeated."""
    still = np.concatenate([[True], speed <= HELD_M_S]) & is_t_pose(joints)
    frozen = np.concatenate([[True], speed <= FROZEN_M_S])
    return max(_run(still), _run(frozen))


def _run(kept: np.ndarray) -> int:
    """How many there are of True before the first False."""
    return len(kept) if kept.all() else int(kept.argmin())


def _settled(speed: np.ndarray, first: int, fps: float) -> int:
    """The first frame from `first` on that no filter's echo of a jump moves, by the speeds of what follows."""
    after = max(6, round(0.15 * fps))
    for frame in range(first, first + MOST_RINGING):
        usual = np.median(speed[frame + 3 : frame + 3 + after]) if frame + 3 < len(speed) else np.inf
        if speed[frame : frame + 3].max(initial=0.0) <= max(2 * usual, usual + RINGING_M_S):
            return frame
    return first + MOST_RINGING
