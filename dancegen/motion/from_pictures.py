"""A first guess at a dance in three dimensions of which nothing but keypoints in pixels is known.

The camera is taken for the one that stands in front of the stage. How wide hips and shoulders look says how far the
dancer is turned, the nose to which side; bones that look short point to the camera or away from it, as knees and elbows
can bend, and steadily. `lifting.lift` then moves the guess to where the keypoints are.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.errors import PoseError
from dancegen.motion.anatomy import ANKLE_HEIGHT, FACE
from dancegen.motion.body import AT, Body, BodyMotion
from dancegen.motion.cameras import EYE_HEIGHT_M, FAR, Lens
from dancegen.motion.limb_depths import LIMBS, depths, steadiest
from dancegen.motion.motion import Motion
from dancegen.motion.retarget import retarget
from dancegen.pose.cleaning import fill_gaps
from dancegen.pose.geometry import body_height
from dancegen.pose.skeleton import INDEX

TURN_COST, NOSE_WEIGHT = 8.0, 3.0
"""Of turning from one side to the other while in profile, and of a nose on the wrong side, in sines of the turn."""
SMOOTH_S = 0.08
"""By how much the dancer's turning is smoothed."""
BACKWARDS, BEHIND, AHEAD = 0.2, 0.5, 0.6
"""Shares of a bone's length by which a knee or an elbow may bend backwards, and hands be behind the back; metres by
which a foot may be before or behind the hips."""
STANDING_M, STANDING_SPEED = 0.06, 0.35
"""Metres above the lowest a foot is at, and metres a second, under which it stands."""
LEAST, MOST = 0.9, 1.3
"""Of a bone's length in the body: how long it is taken for, where pictures show it shorter or longer."""


def guess(
    keypoints: np.ndarray, body: Body, fps: float, start_s: float, size: tuple[int, int]
) -> tuple[BodyMotion, Lens, np.ndarray]:
    """The dance of (T, 18, 3) keypoints by a body, the lens it is seen through, and which foot stands (T, 2).

    Raises PoseError where the dancer's size cannot be told: no frame shows the neck together with hips or ankles.
    """
    points = _complete(keypoints, body)
    scale = body_height(keypoints) / body.height_m
    lens, flat = _lens_and_metres(points, scale, body)
    turn = _turning(flat, keypoints)
    joints = np.concatenate([flat, np.zeros((*flat.shape[:2], 1))], axis=-1)
    _widths(joints, flat, turn, body)
    for limb in LIMBS:
        _limb(joints, flat, [INDEX[name] for name in limb], turn, body, fps)
    forward = unit(smooth(_gaze(flat, keypoints, turn, body), SMOOTH_S * fps))
    up = np.tile([0.0, 1.0, 0.0], (len(flat), 1))
    _face(joints, flat, keypoints, forward, body)
    motion = retarget(Motion(joints, forward, up, fps, body.height_m, "poses"), body)
    return BodyMotion(body, motion.root, motion.rotations, fps, start_s), lens, _standing(flat, keypoints, fps)


def _complete(keypoints: np.ndarray, body: Body) -> np.ndarray:
    """(T, 18, 2) pixels of all joints: gaps filled over time, and what is never seen hanging down as in rest."""
    filled = fill_gaps(keypoints, len(keypoints))
    points, there = filled[..., :2].astype(float), filled[:, :14, 2].max(axis=0) > 0
    scale = body_height(keypoints) / body.height_m
    down, side = np.array([0.0, scale]), np.array([scale, 0.0])
    if not there[INDEX["neck"]]:
        raise PoseError("no frame shows the neck together with the hips or ankles, so the dancer's height is unknown")
    trunk = body.offsets[[AT[name] for name in ("spine1", "spine2", "spine3", "neck")], 1].sum()
    missing = {
        "hip": ("neck", trunk * down, body.offsets[AT["l_hip"], 0]),
        "shoulder": ("neck", 0 * down, body.offsets[AT["l_shoulder"], 0]),
    }
    for name, (parent, drop, across) in missing.items():
        for sign, letter in ((1, "l"), (-1, "r")):
            if not there[joint := INDEX[f"{letter}_{name}"]]:
                points[:, joint] = points[:, INDEX[parent]] + drop + sign * across * side
    for limb in LIMBS:
        for parent, child in pairwise(limb):
            if not there[INDEX[child]]:
                points[:, INDEX[child]] = points[:, INDEX[parent]] + _length(body, child) * down
    return points


def _length(body: Body, name: str) -> float:
    return float(np.linalg.norm(body.offsets[AT[name]]))


def _lens_and_metres(points: np.ndarray, scale: float, body: Body) -> tuple[Lens, np.ndarray]:
    """The lens of the camera in front, and (T, 18, 2) metres of the points, to the right and up from the floor."""
    count = len(points)
    hips = points[:, [INDEX["r_hip"], INDEX["l_hip"]]].mean(axis=1)
    ankles = points[:, [INDEX["r_ankle"], INDEX["l_ankle"]]]
    middle, floor = np.median(hips[:, 0]), np.median(ankles[..., 1].max(axis=1))
    ankle_m = ANKLE_HEIGHT * body.height_m
    lens = Lens(
        np.tile([0.0, EYE_HEIGHT_M, FAR], (count, 1)), np.tile([0.0, body.height_m / 2, 0.0], (count, 1)),
        np.full(count, FAR), np.full(count, scale), np.zeros((count, 2)),
    )  # fmt: skip
    at = lens[:1].pixels(np.array([[[0.0, ankle_m, 0.0]]]))[0, 0]
    lens.offset[:] = np.array([middle, floor]) - at
    metres = (points - [middle, floor]) / scale * [1, -1]
    metres[..., 1] += ankle_m
    return lens, metres


def _turning(flat: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """(T, 2): where the dancer faces on the floor, unit vectors (x, z); the camera is at z."""
    widths = [flat[:, INDEX[f"l_{name}"], 0] - flat[:, INDEX[f"r_{name}"], 0] for name in ("shoulder", "hip")]
    whole = [max(float(np.percentile(np.abs(width), 95)), 1e-3) for width in widths]
    ahead = np.clip(np.mean([width / most for width, most in zip(widths, whole, strict=True)], axis=0), -1, 1)
    aside = np.sqrt(1 - ahead**2)
    seen = keypoints[..., 2] > 0
    nose = (flat[:, INDEX["nose"], 0] - flat[:, INDEX["neck"], 0]) / whole[0]
    ears = 0.5 * (seen[:, INDEX["r_ear"]].astype(float) - seen[:, INDEX["l_ear"]])
    evidence = np.where(seen[:, INDEX["nose"]], np.clip(nose, -1, 1), 0.0) + ears
    sides = _sides(-NOSE_WEIGHT * evidence, TURN_COST * aside)
    return np.stack([sides * aside, ahead], axis=1)


def _sides(cost: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """(T,) 1 or -1, to the right or to the left: what `cost` (T,) of the right, and as much less of the left, say, at a
    price `turn` (T,) of changing (Viterbi)."""
    costs = np.stack([cost, -cost], axis=1)
    best, came = costs[0], np.zeros((len(cost), 2), int)
    for frame in range(1, len(cost)):
        change = turn[frame] * (1 - np.eye(2))
        total = best[:, None] + change
        came[frame] = total.argmin(0)
        best = total.min(0) + costs[frame]
    side = np.empty(len(cost), int)
    side[-1] = best.argmin()
    for frame in range(len(cost) - 1, 0, -1):
        side[frame - 1] = came[frame, side[frame]]
    return 1.0 - 2.0 * side


def _widths(joints: np.ndarray, flat: np.ndarray, turn: np.ndarray, body: Body) -> None:
    """Put hips and shoulders as deep as they are turned, and the trunk as it leans."""
    for name in ("hip", "shoulder"):
        width = 2 * abs(body.offsets[AT[f"l_{name}"], 0])
        for sign, side in ((1, "l"), (-1, "r")):
            joints[:, INDEX[f"{side}_{name}"], 2] = -sign * turn[:, 0] * width / 2
    pairs = {name: [INDEX[f"r_{name}"], INDEX[f"l_{name}"]] for name in ("hip", "shoulder")}
    trunk = flat[:, pairs["shoulder"]].mean(axis=1) - flat[:, pairs["hip"]].mean(axis=1)
    seen = np.linalg.norm(trunk, axis=1)
    whole = 0.97 * np.percentile(seen, 90)
    lean = np.sqrt(np.maximum(whole**2 - seen**2, 0)) * np.clip(3 * turn[:, 1], -1, 1)
    joints[:, pairs["shoulder"], 2] += lean[:, None]
    joints[:, INDEX["neck"]] = joints[:, pairs["shoulder"]].mean(axis=1)


def _limb(joints: np.ndarray, flat: np.ndarray, limb: list[int], turn: np.ndarray, body: Body, fps: float) -> None:
    """Put a limb's bones as deep as they are long: as its joint bends, and steadily."""
    bones = np.diff(flat[:, limb], axis=1)
    own = np.array([_length(body, name) for name in _names(limb)[1:]])
    shown = np.percentile(np.linalg.norm(bones, axis=-1), 95, axis=0)
    lengths = np.clip(shown, LEAST * own, MOST * own)
    ways = depths(bones, lengths)
    ahead = (bones[:, None, :, 0] * turn[:, None, None, 0] + ways * turn[:, None, None, 1]) / lengths
    if limb[2] in (INDEX["r_ankle"], INDEX["l_ankle"]):
        bent = np.maximum(ahead[..., 1] - ahead[..., 0], 0) / BACKWARDS
        cost = bent**2 + (ways.sum(-1) / AHEAD) ** 2
    else:
        bent = np.maximum(ahead[..., 0] - ahead[..., 1], 0) / BACKWARDS
        cost = bent**2 + (np.maximum(-ahead.sum(-1), 0) / BEHIND) ** 2
    chosen = steadiest(ways, cost, jump_m=0.1 * 30 / fps)
    joints[:, limb[1:], 2] = joints[:, limb[:1], 2] + np.cumsum(chosen, axis=1)


def _names(limb: list[int]) -> list[str]:
    by_index = {index: name for name, index in INDEX.items()}
    return [by_index[joint] for joint in limb]


def _gaze(flat: np.ndarray, keypoints: np.ndarray, turn: np.ndarray, body: Body) -> np.ndarray:
    """(T, 3): where the face looks: as the nose lies between the ears, else as the shoulders do."""
    seen = keypoints[..., 2] > 0
    ears = flat[:, [INDEX["r_ear"], INDEX["l_ear"]], 0].mean(axis=1)
    out = np.clip((flat[:, INDEX["nose"], 0] - ears) / (FACE["nose"][2] * body.height_m), -1, 1)
    known = seen[:, [INDEX["nose"], INDEX["r_ear"], INDEX["l_ear"]]].all(axis=1)
    aside = np.where(known, out, turn[:, 0])
    ahead = np.where(known, np.sqrt(1 - out**2), turn[:, 1])
    return np.stack([aside, np.zeros_like(aside), ahead], axis=1)


def _face(joints: np.ndarray, flat: np.ndarray, keypoints: np.ndarray, forward: np.ndarray, body: Body) -> None:
    """Put the face on the head: where it is seen, else upright on the neck."""
    points = [INDEX[name] for name in FACE]
    weight = np.asarray(keypoints[:, points, 2] > 0, float)
    head = joints[:, INDEX["neck"]] + [0.0, _length(body, "head"), 0.0]
    seen = (flat[:, points] * weight[..., None]).sum(axis=1) / np.maximum(weight.sum(axis=1), 1)[:, None]
    head[:, :2] = np.where(weight.sum(axis=1)[:, None] > 0, seen, head[:, :2])
    right = np.cross(forward, [0.0, 1.0, 0.0])
    for name, (across, upward, outward) in FACE.items():
        place = across * right + upward * np.array([0.0, 1.0, 0.0]) + outward * forward
        joints[:, INDEX[name]] = head + body.height_m * place


def _standing(flat: np.ndarray, keypoints: np.ndarray, fps: float) -> np.ndarray:
    """(T, 2) bool, left and right: which foot is low and slow in the pictures."""
    ankles = [INDEX["l_ankle"], INDEX["r_ankle"]]
    feet = flat[:, ankles]
    speed = np.linalg.norm(np.gradient(feet, axis=0), axis=-1) * fps if len(flat) > 1 else np.zeros(feet.shape[:2])
    low = feet[..., 1] < feet[..., 1].min(axis=1, keepdims=True) + STANDING_M
    return low & (speed < STANDING_SPEED) & (keypoints[:, ankles, 2] > 0)
