"""Retargeting: from any dancer's joints to the rotations of one body.

Only directions are taken from the source, never lengths, so every limb of the result is exactly as long as the body's.
A bone that the source shows as a line between two joints gets the smallest rotation that points it there; twist about
its own axis, which joints do not show, stays as in the rest pose; `retarget_limbs` takes it from the source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.body import AT, TOE_DROP, TOE_REACH, TURNING, Body, BodyMotion
from dancegen.motion.motion import ENDS, Motion
from dancegen.motion.rotations import about, frame, swing
from dancegen.pose.skeleton import INDEX

LEFT, UP, DOWN = np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.array([0, -1.0, 0])
FOOT = unit(np.array([0, -TOE_DROP, TOE_REACH]))


def measure_body(motions: Sequence[Motion]) -> Body:
    """The mean dancer of several motions, longer ones counting more; left and right alike. In metres."""
    weights = np.array([motion.seconds for motion in motions])
    measured = [_lengths(motion) for motion in motions]
    lengths = {name: float(np.average([m[name] for m in measured], weights=weights)) for name in measured[0]}
    return Body.of(lengths, float(np.average([motion.height_m for motion in motions], weights=weights)))


def retarget(motion: Motion, body: Body) -> BodyMotion:
    """The dance done by `body`: the same directions of all limbs, and steps as long as its legs make them."""
    at = {name: motion.joints3d[:, index].astype(np.float64) for name, index in INDEX.items()}
    scale = body.leg / (_lengths(motion)["thigh"] + _lengths(motion)["shank"])
    hips = (at["l_hip"] + at["r_hip"]) / 2
    shoulders = (at["l_shoulder"] + at["r_shoulder"]) / 2
    local: dict[str, np.ndarray] = {}
    pelvis = frame(unit(at["l_hip"] - at["r_hip"]), shoulders - hips)
    local["pelvis"] = pelvis
    chest, collar = _trunk(local, pelvis, unit(shoulders - hips), unit(at["l_shoulder"] - at["r_shoulder"]))
    _head(local, chest, motion, unit((at["l_ear"] + at["r_ear"]) / 2 - shoulders))
    ends = dict(zip(ENDS, np.moveaxis(_ends(motion, pelvis), 1, 0).astype(np.float64), strict=True))
    for side, sign in (("l", 1.0), ("r", -1.0)):
        arm = [at[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist")]
        directions = [unit(arm[1] - arm[0]), unit(arm[2] - arm[1]), ends[f"{side}_hand"]]
        _chain(local, collar, [f"{side}_{j}" for j in ("shoulder", "elbow", "wrist")], [sign * LEFT] * 3, directions)
        leg = [at[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]
        directions = [unit(leg[1] - leg[0]), unit(leg[2] - leg[1]), ends[f"{side}_toe"]]
        _chain(local, pelvis, [f"{side}_{j}" for j in ("hip", "knee", "ankle")], [DOWN, DOWN, FOOT], directions)
    rotations = np.stack([local[name] for name in _turning_names()], 1)
    return BodyMotion(body, hips * scale, rotations, motion.fps)


def retarget_limbs(motion: Motion, body: Body) -> BodyMotion:
    """As `retarget`, with arms and legs turned about their own length too where the source says how they are.

    All joints are where `retarget` has them. The trunk is as its joints show it: skeletons divide their spines, and
    rest them, in ways of their own.
    """
    found, own = retarget(motion, body), BodyMotion.of(motion)
    if own is None:
        return found
    turned = found.orientations[:, TURNING]
    for name, rest in _LIMBS.items():
        at = TURNING.index(AT[name])
        its_own = own.orientations[:, AT[name]]
        turned[:, at] = its_own @ swing(rest, _into(its_own, turned[:, at] @ rest))
    return BodyMotion.turned_in_room(body, found.root, turned, motion.fps)


_ARM, _LEG = ("shoulder", "elbow", "wrist"), (("hip", DOWN), ("knee", DOWN), ("ankle", FOOT))
_LIMBS = {
    **{f"l_{joint}": LEFT for joint in _ARM},
    **{f"r_{joint}": -LEFT for joint in _ARM},
    **{f"{side}_{joint}": rest for side in "lr" for joint, rest in _LEG},
}
"""The bones of arms and legs, by the joint that turns them, and where each points in the rest pose."""


def bend_leg(pelvis: np.ndarray, turned: np.ndarray, thigh: np.ndarray, shank: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3, 3) of hip, knee and ankle that point a leg's bones along unit vectors (T, 3) in the room.

    pelvis: (T, 3, 3) and turned: (T, 3, 3, 3), how the pelvis, and hip, knee and ankle before, are turned in the room.
    The bones keep their twist, the foot stays turned as it was.
    """
    hip, knee = (
        before @ swing(DOWN, _into(before, now)) for before, now in ((turned[:, 0], thigh), (turned[:, 1], shank))
    )
    world = np.stack([pelvis, hip, knee, turned[:, 2]], 1)
    return np.swapaxes(world[:, :-1], -1, -2) @ world[:, 1:]


def _turning_names() -> list[str]:
    names = list(AT)
    return [names[index] for index in TURNING]


def _lengths(motion: Motion) -> dict[str, float]:
    """Median lengths in metres, left and right averaged, by the names that `Body.of` takes."""
    at = {name: motion.joints3d[:, index].astype(np.float64) for name, index in INDEX.items()}

    def length(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.median(np.linalg.norm(a - b, axis=-1)))

    def pair(a: str, b: str) -> float:
        return (length(at[f"l_{a}"], at[f"l_{b}"]) + length(at[f"r_{a}"], at[f"r_{b}"])) / 2

    shoulders = (at["l_shoulder"] + at["r_shoulder"]) / 2
    return {
        "hips": length(at["l_hip"], at["r_hip"]),
        "shoulders": length(at["l_shoulder"], at["r_shoulder"]),
        "trunk": length((at["l_hip"] + at["r_hip"]) / 2, shoulders),
        "neck": length((at["l_ear"] + at["r_ear"]) / 2, shoulders),
        "thigh": pair("hip", "knee"),
        "shank": pair("knee", "ankle"),
        "upper_arm": pair("shoulder", "elbow"),
        "forearm": pair("elbow", "wrist"),
    }


def _trunk(
    local: dict[str, np.ndarray], pelvis: np.ndarray, upward: np.ndarray, across: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lean at the lowest spine joint, twist shared by the two above, the shoulders' tilt at the collar bones.

    Returns how chest and collar bones are turned in the room.
    """
    line = _into(pelvis, upward)
    lean = np.arctan2(-line[:, 0], line[:, 1])
    # The pelvis carries the lowest quarter of the trunk, which does not lean: the rest leans more (law of sines).
    local["spine1"] = about(2, lean + np.arcsin(np.sin(lean) / 3))
    leaning = pelvis @ local["spine1"]
    line = _into(leaning, across)
    twist = np.arctan2(-line[:, 2], line[:, 0])
    local["spine2"] = local["spine3"] = about(1, twist / 2)
    chest = leaning @ about(1, twist)
    line = _into(chest, across)
    local["l_collar"] = local["r_collar"] = about(2, np.arctan2(line[:, 1], line[:, 0]))
    return chest, chest @ local["l_collar"]


def _head(local: dict[str, np.ndarray], chest: np.ndarray, motion: Motion, neck: np.ndarray) -> None:
    local["neck"] = swing(UP, _into(chest, neck))
    up, forward = unit(motion.head_up.astype(np.float64)), unit(motion.head_forward.astype(np.float64))
    head = frame(unit(np.cross(up, forward)), up)
    local["head"] = np.swapaxes(chest @ local["neck"], -1, -2) @ head


def _chain(
    local: dict[str, np.ndarray],
    parent: np.ndarray,
    names: Sequence[str],
    rests: Sequence[np.ndarray],
    directions: Sequence[np.ndarray],
) -> None:
    """Bone after bone, each swung from its direction in the rest pose to its own (T, 3)."""
    for name, rest, direction in zip(names, rests, directions, strict=True):
        local[name] = swing(rest, _into(parent, direction))
        parent = parent @ local[name]


def _ends(motion: Motion, pelvis: np.ndarray) -> np.ndarray:
    """(T, 4, 3): where hands and feet point. A source that does not say holds its hands straight and its feet level."""
    if motion.ends is not None:
        return motion.ends
    at = {name: motion.joints3d[:, index].astype(np.float64) for name, index in INDEX.items()}
    hands = [unit(at[f"{side}_wrist"] - at[f"{side}_elbow"]) for side in "rl"]
    forward = pelvis[..., 2] * (1, 0, 1)
    level = unit(forward) * FOOT[2] + FOOT * (0, 1, 0)
    return np.stack([*hands, level, level], 1)


def _into(rotations: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Vectors (T, 3) of the room in the axes of rotations (T, 3, 3)."""
    return np.einsum("tji,tj->ti", rotations, vectors)
