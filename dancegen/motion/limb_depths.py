"""Depths of limbs that a picture shows: a bone of known length that looks shorter points to the camera or away from it.

Which of the two is not to be seen (Taylor, "Reconstruction of articulated objects from point correspondences", 2000).
For each arm and leg the steadiest choice over time is taken, that is also the least unlikely: dynamic programming over
the four ways in which two bones can point.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.body import AT, TURNING, BodyMotion
from dancegen.motion.cameras import Lens, axes
from dancegen.motion.rotations import swing
from dancegen.pose.skeleton import INDEX

WAYS = tuple(product((1.0, -1.0), repeat=2))
"""Each of two bones points away from the camera, or to it."""
JUMP_M, LEAVE_M = 0.05, 0.5
"""Metres of depth by which a joint may jump from frame to frame, and by which it may leave a dance that it is of."""
MOVED_M = 0.01
"""Metres across the picture from which on a joint was moved."""
LIMBS = tuple((f"{s}_{a}", f"{s}_{b}", f"{s}_{c}") for s in "lr"
              for a, b, c in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")))  # fmt: skip
"""Where each limb begins, bends and ends."""


def depths(flat: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T, 4, 2) metres: how far each of two bones goes away from the camera in each of WAYS.

    flat: (T, 2, 2) metres, what is seen of them, across and down the picture; lengths: (2,) metres.
    """
    beyond = np.sqrt(np.maximum(lengths**2 - (flat**2).sum(-1), 0))
    return beyond[:, None] * np.array(WAYS)


def steadiest(ways: np.ndarray, cost: np.ndarray, jump_m: float = JUMP_M) -> np.ndarray:
    """(T, 2) metres: of the depths (T, 4, 2), those that cost (T, 4) and jump least (Viterbi)."""
    ends = np.cumsum(ways, axis=2)  # of the joint between the bones, and of the one at their end
    best, came = cost[0], np.zeros((len(ways), len(WAYS)), int)
    for frame in range(1, len(ways)):
        jump = ((ends[frame][None] - ends[frame - 1][:, None]) ** 2).sum(-1) / jump_m**2
        total = best[:, None] + jump
        came[frame] = total.argmin(0)
        best = total.min(0) + cost[frame]
    chosen = np.empty(len(ways), int)
    chosen[-1] = best.argmin()
    for frame in range(len(ways) - 1, 0, -1):
        chosen[frame - 1] = came[frame, chosen[frame]]
    return ways[np.arange(len(ways)), chosen]


def reached(motion: BodyMotion, keypoints: np.ndarray, lens: Lens) -> BodyMotion:
    """The motion with arms and legs swung to where (T, 18, 3) keypoints show them, as near as can be to before.

    A first approximation: trunk and head stay where they are. A limb that is not all there stays as it was.
    """
    view = axes(lens.eye, lens.target)
    turned = motion.orientations[:, TURNING].copy()
    places = np.einsum("tij,tkj->tki", view, motion.positions - lens.eye[:, None])
    wanted = (keypoints[..., :2] - lens.offset[:, None]) / lens.scale[:, None, None]
    for limb in LIMBS:
        joints = [AT[name] for name in limb]
        first, second = (TURNING.index(joint) for joint in joints[:2])
        seen = keypoints[:, [INDEX[name] for name in limb]]
        away = places[:, joints[0], 2] / lens.distance
        flat = np.diff(wanted[:, [INDEX[name] for name in limb]], axis=1) * away[:, None, None]
        lengths = np.linalg.norm(motion.body.offsets[joints[1:]], axis=1)
        bones = np.diff(places[:, joints], axis=1)
        whole = seen[..., 2].min(axis=1) > 0
        at = places[:, joints, :2] / places[:, joints, 2:] * lens.distance[:, None, None]
        apart = np.linalg.norm(at - wanted[:, [INDEX[name] for name in limb]], axis=-1).max(axis=1)
        if not (apart[whole] > MOVED_M).any():
            continue
        flat = np.where(whole[:, None, None], flat, bones[..., :2])
        ways = depths(flat, lengths)
        left = ((ways - bones[:, None, :, 2]) ** 2).sum(-1)
        cost = left / LEAVE_M**2
        cost[[0, -1]] += left[[0, -1]] / JUMP_M**2  # the dance before and after is what it was
        chosen = np.concatenate([flat, steadiest(ways, cost)[..., None]], axis=-1)
        pointing = np.einsum("tji,tkj->tki", view, chosen)
        before = turned[:, second].copy()
        for number, turn in enumerate((first, second)):
            rest = motion.body.offsets[joints[number + 1]] / lengths[number]
            direction = unit(pointing[:, number])
            turned[:, turn] = turned[:, turn] @ swing(rest, np.einsum("tji,tj->ti", turned[:, turn], direction))
        if limb[2].endswith("wrist"):  # the hand goes with the forearm
            hand = TURNING.index(joints[2])
            turned[:, hand] = turned[:, second] @ np.swapaxes(before, -1, -2) @ turned[:, hand]
    return BodyMotion.turned_in_room(motion.body, motion.root, turned, motion.fps, motion.start_s)
