"""Writes a body's motion as BVH, for Blender and whatever else animates skeletons."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from dancegen.motion.body import AT, GROUPS, NAMES, PARENTS, TIPS, TURNING, Body, BodyMotion

# MotionBuilder's and Mixamo's names, which retargeting tools know.
BONES = {
    "pelvis": "Hips",
    "spine1": "Spine",
    "spine2": "Spine1",
    "spine3": "Spine2",
    "neck": "Neck",
    "head": "Head",
} | {
    f"{s}_{joint}": side + bone
    for s, side in (("l", "Left"), ("r", "Right"))
    for joint, bone in (
        ("hip", "UpLeg"),
        ("knee", "Leg"),
        ("ankle", "Foot"),
        ("collar", "Shoulder"),
        ("shoulder", "Arm"),
        ("elbow", "ForeArm"),
        ("wrist", "Hand"),
    )
}
_LONGEST_HEAD = 2**14  # characters; ours has 3,000
CROWN = 0.09  # of body height: from between the ears to the top of the head
_ORDER = "ZXY"
_LEGS_ORDER = "XZY"
"""In which a bone turns about its axes. The middle one must stay short of a quarter turn, or angles jump: arms hardly
twist about their own length, which is x; legs are hardly spread that far, about z, though kicks go over the head."""


def write_bvh(motion: BodyMotion, path: str | Path) -> None:
    """Metres, y up, degrees, one ROOT; the rest pose is the body's T.

    Angles go on through full turns, so that an editor's curves between frames do not spin.
    """
    from scipy.spatial.transform import Rotation

    lines, order = _hierarchy(motion.body)
    turns = [motion.rotations[:, TURNING.index(joint)].astype(np.float64) for joint in order]
    angles = [Rotation.from_matrix(turn).as_euler(_order(joint)) for joint, turn in zip(order, turns, strict=True)]
    degrees = np.rad2deg(np.unwrap(np.concatenate(angles, axis=1), axis=0))
    rows = np.concatenate([motion.root.astype(np.float64), degrees], axis=1)
    lines += ["MOTION", f"Frames: {len(motion)}", f"Frame Time: {1 / motion.fps:.9f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    Path(path).write_text("\n".join(lines) + "\n")


def is_own_bvh(path: str | Path) -> bool:
    """Whether `write_bvh` wrote a file: nobody else's skeleton has these joints in this order, legs turning in another.

    What an editor has written anew is none: programs write all joints in one order of axes.
    """
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as file:
            head = file.read(_LONGEST_HEAD)
    except OSError:
        return False
    return _without_lengths(head.partition("MOTION")[0].splitlines()) == _own_head()


@cache
def _own_head() -> list[str]:
    lines, _ = _hierarchy(Body(np.zeros((len(NAMES), 3)), 1.0))
    return _without_lengths(lines)


def _without_lengths(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if "OFFSET" not in line]


def _hierarchy(body: Body) -> tuple[list[str], list[int]]:
    """The lines before the motion, and the joints in the order of their channels."""
    lines = ["HIERARCHY"]
    order: list[int] = []
    _write_joint(body, AT["pelvis"], 0, lines, order)
    return lines, order


def _write_joint(body: Body, joint: int, depth: int, lines: list[str], order: list[int]) -> None:
    """One joint's block with all that hangs on it; notes the order in which channels follow each other."""
    indent, inner = "\t" * depth, "\t" * (depth + 1)
    offset = body.offsets[joint] if depth else np.zeros(3)
    order.append(joint)
    position = "" if depth else "Xposition Yposition Zposition "
    channels = " ".join(f"{axis}rotation" for axis in _order(joint))
    lines.append(f"{indent}{'JOINT' if depth else 'ROOT'} {BONES[NAMES[joint]]}")
    lines += [f"{indent}{{", f"{inner}OFFSET {_numbers(offset)}"]
    lines.append(f"{inner}CHANNELS {6 if position else 3} {position}{channels}")
    children = [child for child, parent in enumerate(PARENTS) if parent == joint]
    for child in children:
        if child in TIPS:
            _write_end(body.offsets[child], inner, lines)
        else:
            _write_joint(body, child, depth + 1, lines, order)
    if not children:
        _write_end(np.array([0.0, CROWN * body.height_m, 0.0]), inner, lines)
    lines.append(f"{indent}}}")


def _order(joint: int) -> str:
    return _LEGS_ORDER if NAMES[joint] in GROUPS["legs"] else _ORDER


def _write_end(offset: np.ndarray, indent: str, lines: list[str]) -> None:
    lines += [f"{indent}End Site", f"{indent}{{", f"{indent}\tOFFSET {_numbers(offset)}", f"{indent}}}"]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.6f}" for value in values.tolist())
