"""Writes a body's motion as BVH, for Blender and whatever else animates skeletons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
ORDER = "ZXY"
LEGS_ORDER = "XZY"
"""In which a bone turns about its axes. The middle one must stay short of a quarter turn, or angles jump: arms hardly
twist about their own length, which is x; legs are hardly spread that far, about z, though kicks go over the head."""


@dataclass(frozen=True)
class Bone:
    """A joint of a BVH skeleton. name: None for the end of a bone. offset: (3,) from the parent.

    order: of the axes that it turns about. moves: whether its place changes too.
    """

    name: str | None
    parent: int
    offset: np.ndarray
    order: str = ORDER
    moves: bool = False


def write_bvh(motion: BodyMotion, path: str | Path) -> None:
    """Metres, y up, degrees, one ROOT; the rest pose is the body's T.

    Angles go on through full turns, so that an editor's curves between frames do not spin.
    """
    bones, joints = _own_bones(motion.body)
    local = [None if joint is None else motion.rotations[:, TURNING.index(joint)] for joint in joints]
    write_skeleton(bones, local, {0: motion.root}, motion.fps, path)


def write_skeleton(
    bones: Sequence[Bone],
    local: Sequence[np.ndarray | None],
    places: Mapping[int, np.ndarray],
    fps: float,
    path: str | Path,
) -> None:
    """Any skeleton in motion. bones: a parent before its children, the root first, children in the order of the file.

    local: (T, 3, 3) rotation matrices of each bone that has a name. places: (T, 3) of those that move.
    """
    from scipy.spatial.transform import Rotation

    columns = []
    for index in _in_order(bones):
        turns = local[index]
        if turns is None:
            continue
        if bones[index].moves:
            columns.append(places[index].astype(np.float64))
        angles = Rotation.from_matrix(turns.astype(np.float64)).as_euler(bones[index].order)
        columns.append(np.rad2deg(np.unwrap(angles, axis=0)))
    rows = np.concatenate(columns, axis=1)
    lines = _hierarchy(bones)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / fps:.9f}"]
    lines += [" ".join(f"{value:.6f}" for value in row) for row in rows.tolist()]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


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
    return _without_lengths(_hierarchy(_own_bones(Body(np.zeros((len(NAMES), 3)), 1.0))[0]))


def _without_lengths(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) for line in lines if "OFFSET" not in line]


def _own_bones(body: Body) -> tuple[list[Bone], list[int | None]]:
    """The body's bones, and which joint of ours each is; None for the ends."""
    bones: list[Bone] = []
    joints: list[int | None] = []
    at: dict[int, int] = {}
    for joint, parent in enumerate(PARENTS):
        name = None if joint in TIPS else BONES[NAMES[joint]]
        offset = body.offsets[joint] if joint else np.zeros(3)
        order = LEGS_ORDER if NAMES[joint] in GROUPS["legs"] else ORDER
        at[joint] = len(bones)
        bones.append(Bone(name, -1 if parent < 0 else at[parent], offset, order, moves=not joint))
        joints.append(None if joint in TIPS else joint)
    bones.append(Bone(None, at[AT["head"]], np.array([0.0, CROWN * body.height_m, 0.0])))
    return bones, [*joints, None]


def _in_order(bones: Sequence[Bone]) -> list[int]:
    """The bones in the order in which the file lists them: each followed by all that hangs on it."""
    order, waiting = [], [index for index, bone in enumerate(bones) if bone.parent < 0][::-1]
    while waiting:
        index = waiting.pop()
        order.append(index)
        waiting += [child for child in range(len(bones) - 1, index, -1) if bones[child].parent == index]
    return order


def _hierarchy(bones: Sequence[Bone]) -> list[str]:
    """The lines before the motion."""
    depths: dict[int, int] = {}
    lines = ["HIERARCHY"]
    open_blocks: list[int] = []
    for index in _in_order(bones):
        bone = bones[index]
        depth = depths[index] = depths[bone.parent] + 1 if bone.parent >= 0 else 0
        while len(open_blocks) > depth:
            lines.append("\t" * (len(open_blocks) - 1) + "}")
            open_blocks.pop()
        open_blocks.append(index)
        lines += _block(bone, "\t" * depth)
    lines += ["\t" * depth + "}" for depth in reversed(range(len(open_blocks)))]
    return lines


def _block(bone: Bone, indent: str) -> list[str]:
    """A bone's own lines, up to what hangs on it."""
    title = "End Site" if bone.name is None else f"{'ROOT' if bone.parent < 0 else 'JOINT'} {bone.name}"
    numbers = " ".join(f"{value:.6f}" for value in bone.offset.tolist())
    lines = [f"{indent}{title}", f"{indent}{{", f"{indent}\tOFFSET {numbers}"]
    if bone.name is not None:
        place = "Xposition Yposition Zposition " if bone.moves else ""
        turns = " ".join(f"{axis}rotation" for axis in bone.order)
        lines.append(f"{indent}\tCHANNELS {6 if place else 3} {place}{turns}")
    return lines
