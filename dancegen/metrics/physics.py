"""Physical plausibility: foot skating, foot contact, limbs that stretch, left and right swapped.

All of `(T, 13, 2)` positions in body heights, y down, at 30 frames a second (`motion.body_positions`).
"""

from __future__ import annotations

import numpy as np

from dancegen.metrics.motion import ANKLES, FPS, HIPS, filled
from dancegen.pose.geometry import limb_lengths
from dancegen.pose.skeleton import BODY_LIMBS, LIMBS, N_JOINTS

FLOOR_REACH_S = 1.0
FLOOR_MARGIN = 0.02  # body heights above the lowest place within reach that still count as standing
APART = 0.05  # body heights between left and right from which it is clear which is where
STRETCH = 1.25  # of a limb's own length
STRAIGHT_LEG = 0.95  # share of its length
POP = 0.003  # body heights: 5 mm of a grown person
_SHOULDERS, _KNEES = (1, 4), (8, 11)
_SIDES = (_SHOULDERS, (2, 5), (3, 6), HIPS, _KNEES, ANKLES)


def foot_skating(positions: np.ndarray) -> float:
    """Mean horizontal speed, body heights a second, of a foot while it is at the floor; nan if none ever is.

    A foot is at the floor where its ankle is within 0.02 body heights of the lowest that either has been within a
    second, and moves up or down by less than 0.1 a second: an ankle that rolls over a standing foot is no slide.
    """
    from scipy.ndimage import maximum_filter1d

    feet = positions[:, ANKLES]
    lowest = np.where(np.isfinite(feet[..., 1]), feet[..., 1], -np.inf).max(axis=1)
    floor = maximum_filter1d(lowest, 2 * round(FLOOR_REACH_S * FPS) + 1, mode="nearest")
    velocity = np.diff(feet, axis=0) * FPS
    low = (floor[:, None] - feet[..., 1] < FLOOR_MARGIN)[:-1]
    standing = low & (np.abs(velocity[..., 1]) < 0.1)
    return float(np.abs(velocity[..., 0][standing]).mean()) if standing.any() else float("nan")


def foot_contact(root: np.ndarray, left: np.ndarray, right: np.ndarray) -> float:
    """PFC of a body whose root goes along (T, 3) and whose feet (T, K, 3) are of K points each, y up, at an even rate:
    the lower, the more the body's acceleration comes from a standing foot. nan for less than three frames.

    EDGE (Tseng et al., CVPR 2023), as its published code has it: mean over frames of |a| |v_left| |v_right|, a the
    root's acceleration, its downward part left out, divided by the largest |a|, and v the sideways step of a foot, the
    least of its points', in the later of the two steps that a is of; times 10000. It depends on unit and rate: metres
    and 30 frames a second are usual.
    """
    push = np.diff(root.astype(np.float64), n=2, axis=0)
    if not len(push):
        return float("nan")
    push[:, 1] = push[:, 1].clip(0)
    strength = np.linalg.norm(push, axis=-1)
    steps = [np.diff(foot[1:][..., (0, 2)].astype(np.float64), axis=0) for foot in (left, right)]
    sideways = [np.linalg.norm(step, axis=-1).min(axis=1) for step in steps]
    return float((strength / max(strength.max(), 1e-12) * sideways[0] * sideways[1]).mean() * 10_000)


def physical_foot_contact(joints3d: np.ndarray, fps: float) -> float:
    """PFC (`foot_contact`) of (T, 18, 3) joints in metres, y up, looked at 30 times a second.

    The root is the middle of the hips, and a foot an ankle, where EDGE takes ankle and toe.
    """
    from dancegen.pose.resampling import resample_points

    frames = np.arange(max(2, round(len(joints3d) * FPS / fps))) * fps / FPS
    joints = resample_points(joints3d, frames).astype(np.float64)
    return foot_contact(joints[:, (8, 11)].mean(axis=1), joints[:, [10]], joints[:, [13]])


def knee_pops(joints3d: np.ndarray, fps: float) -> float:
    """How often a minute a knee of a nearly straight leg jumps, of (T, 18, 3) joints in metres, y up.

    A leg within 5 % of its length is looked at, since there next to nothing at its ends moves the knee much, and what a
    solver does not mind shows. A knee's way out of the line from hip to ankle is held against the cubic through the two
    frames before and the two after at 30 frames a second (a sixteenth of its fourth difference); it pops where it is
    0.003 body heights or more away. Nearby frames are one pop. nan for less than five frames.
    """
    from dancegen.motion.anatomy import body_height
    from dancegen.pose.resampling import resample_points

    frames = np.arange(max(2, round(len(joints3d) * FPS / fps))) * fps / FPS
    joints = resample_points(joints3d, frames).astype(np.float64)
    if len(joints) < 5:
        return float("nan")
    height = body_height(joints)
    pops = sum(_pops(joints[:, leg], height) for leg in ([8, 9, 10], [11, 12, 13]))
    return pops / (len(joints) / FPS / 60)


def _pops(leg: np.ndarray, height: float) -> int:
    """Pops of one knee, of (T, 3, 3): hip, knee and ankle."""
    hip, knee, ankle = leg[:, 0], leg[:, 1], leg[:, 2]
    line = ankle - hip
    length = np.linalg.norm(line, axis=1)
    straight = length > STRAIGHT_LEG * (np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1))
    along = line / np.maximum(length, 1e-9)[:, None]
    out = knee - hip - ((knee - hip) * along).sum(axis=1, keepdims=True) * along
    away = np.linalg.norm(np.diff(out, 4, axis=0), axis=-1) / 16
    popped = (away > POP * height) & straight[2:-2]
    return int(np.count_nonzero(popped[1:] & ~popped[:-1]) + popped[0])


def body_limbs(positions: np.ndarray) -> np.ndarray:
    """`(T, 12)` lengths of the body's limbs in body heights, nan where an end is missing."""
    keypoints = np.zeros((len(positions), N_JOINTS, 3), np.float32)
    keypoints[:, 1:14, :2] = np.nan_to_num(positions)
    keypoints[:, 1:14, 2] = np.isfinite(positions[..., 0])
    return limb_lengths(keypoints)[:, BODY_LIMBS]


def longest_limb(positions: np.ndarray) -> float:
    """99th percentile over time of the longest limb, body heights: 0.30 for real dancers. (`limb_p99_max`)"""
    limbs = body_limbs(positions)
    shown = np.isfinite(limbs).any(axis=1)
    return float(np.percentile(np.nanmax(limbs[shown], axis=1), 99)) if shown.any() else float("nan")


def stretched_limbs(positions: np.ndarray) -> float:
    """Share of limbs, over all frames, longer than 1.25 times their own length.

    A camera shortens limbs and never lengthens them, so a limb's own length is the 95th percentile of what is seen of
    it and of its counterpart on the other side.
    """
    lengths = body_limbs(positions)
    seen = np.isfinite(lengths)
    if not seen.any():
        return float("nan")
    own = np.array([np.percentile(x, 95) if len(x := lengths[:, i][seen[:, i]]) else 0 for i in range(len(BODY_LIMBS))])
    own = np.maximum(own, own[_PAIRS])
    return float((lengths > STRETCH * own.clip(1e-6))[seen].mean())


def twisted(positions: np.ndarray) -> float:
    """Share of frames, of those that show shoulders and hips, in which left and right of the shoulders are clearly the
    other way round than those of the hips.

    A waist turns by less than a quarter, so real dancers hardly ever look like that.
    """
    shoulders, hips = (positions[:, pair[1], 0] - positions[:, pair[0], 0] for pair in (_SHOULDERS, HIPS))
    shown = np.isfinite(shoulders) & np.isfinite(hips)
    clear = (np.abs(shoulders) > APART) & (np.abs(hips) > APART)
    return float((clear & (shoulders * hips < 0))[shown].mean()) if shown.any() else float("nan")


def side_swaps(positions: np.ndarray) -> float:
    """How often a second a left and a right joint change places from one frame to the next.

    They do where exchanging them would more than halve the way both went, and they were clearly apart. nan where no
    pair of joints is seen in two frames.
    """
    body = filled(positions)
    if len(body) < 2 or not np.isfinite(body[0, _SIDES, 0]).all(axis=1).any():
        return float("nan")
    count = 0
    for right, left in _SIDES:
        before, after = body[:-1, (right, left)], body[1:, (right, left)]
        apart = np.linalg.norm(before[:, 0] - before[:, 1], axis=-1) > APART
        kept = np.linalg.norm(after - before, axis=-1).sum(axis=1)
        swapped = np.linalg.norm(after[:, ::-1] - before, axis=-1).sum(axis=1)
        count += np.count_nonzero(apart & (2 * swapped < kept))
    return count / ((len(body) - 1) / FPS)


def _pairs() -> list[int]:
    """For each of the body's limbs, the index of its counterpart on the other side."""
    from dancegen.pose.skeleton import MIRROR

    limbs = [LIMBS[number] for number in BODY_LIMBS]
    return [limbs.index((int(MIRROR[a]), int(MIRROR[b]))) for a, b in limbs]


_PAIRS = _pairs()
