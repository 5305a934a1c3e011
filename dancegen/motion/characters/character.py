"""A character at rest: its joints, where they are and how their axes are turned, and which is which of a person's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError
from dancegen.motion.anatomy import ANKLE_HEIGHT, SHANK_THIGH_TRUNK
from dancegen.motion.kinematics import Armature
from dancegen.motion.readers.bvh import read_skeleton
from dancegen.motion.readers.joint_names import ARM, LEG, SIDES, BodyJoints, find_body
from dancegen.motion.readers.person import TINIEST_BODY, tip_of, torso_axes

LEG_SHARE = 0.491
"""Of body height: from the ankle to the hip, as in `motion.anatomy`."""
assert LEG_SHARE < SHANK_THIGH_TRUNK
_GROUNDED = (0.02, 0.35)
"""Shares of a leg that an ankle is above the floor; where the file's origin lies so, that is the floor."""
_BACKWARDS = -0.5
"""Cosine between toes and the way ahead under which left and right are swapped."""


@dataclass(frozen=True, eq=False)
class Character:
    """A skeleton at rest, in any pose of a standing figure, in its file's world and unit.

    armature: its joints; `rest` is the pose. turned (J, 3, 3): how each joint's own axes are turned there. offsets
    (J, 3) and orders: as a BVH file states them. body: which joint is which. axes (3, 3): from its world to ours, y up,
    facing +z. floor: its height, in our axes and its unit.
    """

    path: Path
    armature: Armature
    turned: np.ndarray
    offsets: np.ndarray
    orders: tuple[str | None, ...]
    body: BodyJoints
    axes: np.ndarray
    floor: float

    @classmethod
    def of(
        cls, path: Path, armature: Armature, turned: np.ndarray, named: Mapping[str, str], *,
        offsets: np.ndarray | None = None, orders: tuple[str | None, ...] = (),
        body: BodyJoints | None = None,
    ) -> Character:  # fmt: skip
        """Find the person in a skeleton that stands at `armature.rest`. named: a person's names of joints.

        Raises MocapError where joints are not known, do not hang on each other as a person's do, or stand in no pose.
        """
        body = body or find_body(armature, path, named)
        _check_tree(path, armature, body)
        axes = _axes(path, armature, body)
        upright = armature.rest @ axes.T
        _check_feet(path, armature, upright, body)
        offsets = _offsets(armature) if offsets is None else offsets
        orders = orders or (None,) * len(armature.parents)
        return cls(path, armature, turned, offsets, orders, body, axes, _floor(upright, body))

    @property
    def upright(self) -> np.ndarray:
        """(J, 3): the joints at rest in our axes and its own unit, the floor at 0."""
        return self.armature.rest @ self.axes.T - np.array([0.0, self.floor, 0.0])

    @property
    def leg(self) -> float:
        """Hip to ankle along the bones, the mean of both legs, in its own unit."""
        return _leg(self.armature.rest, self.body)

    @property
    def hips(self) -> int:
        """The joint that carries both legs and the trunk."""
        return _carrier(self.armature, self.body)

    @property
    def chest(self) -> int:
        """The highest joint of the trunk: it carries both arms."""
        return _common(self.armature, tuple(self.body[f"{side}_shoulder"] for side in SIDES))

    @property
    def neck(self) -> list[int]:
        """The joints between the trunk and the head."""
        trunk = _common(self.armature, (self.chest, self.body["head"]))
        return self.between(trunk, self.body["head"])[:-1]

    def between(self, ancestor: int, joint: int) -> list[int]:
        """The joints below `ancestor` on the way to `joint`, which is the last; none where they are one."""
        found = []
        while joint != ancestor:
            found.append(joint)
            joint = self.armature.parents[joint]
        return found[::-1]

    def tip(self, joint: int) -> np.ndarray | None:
        """(3,) from a hand's or foot's joint to its end, in our axes; a hand's along the middle finger.

        None where nothing hangs on it.
        """
        names = self.armature.names
        fingers = [each for each in _below(self.armature, joint) if "middle" in (names[each] or "").lower()]
        end = fingers[-1] if fingers else tip_of(self.armature, joint)
        return None if end is None else (self.armature.rest[end] - self.armature.rest[joint]) @ self.axes.T


def read_bvh_character(path: Path, named: Mapping[str, str]) -> Character:
    """The skeleton of a BVH file, as its offsets place it; where that is no figure, as it stands in the first frame.

    Raises MocapError as `Character.of`, and for what is no BVH.
    """
    found, orders = read_skeleton(path)
    body = find_body(found, path, named)
    offsets, turned = _offsets(found), np.tile(np.eye(3), (len(found.parents), 1, 1))
    if torso_axes(found.rest[None], body) is None:
        found = _at_rest(found, found.positions[0])
        turned = read_skeleton(path)[0].rotations[0]
    return Character.of(path, found, turned, named, offsets=offsets, orders=orders, body=body)


def _at_rest(armature: Armature, rest: np.ndarray) -> Armature:
    still = np.tile(np.eye(3), (1, len(rest), 1, 1))
    return Armature(armature.names, armature.parents, rest, rest[None], still, armature.fps)


def _offsets(armature: Armature) -> np.ndarray:
    parents = np.array(armature.parents)
    return armature.rest - np.where(parents[:, None] < 0, 0.0, armature.rest[parents])


def _common(armature: Armature, joints: tuple[int, ...]) -> int:
    """The lowest joint that carries all of some; -1 where there is none."""
    shared: set[int] | None = None
    for joint in joints:
        way = set(_up(armature, joint))
        shared = way if shared is None else shared & way
    return max(shared or {-1})


def _carrier(armature: Armature, body: BodyJoints) -> int:
    """The lowest joint that carries legs, arms and head; -1 where there is none."""
    carried = [body[f"{side}_{joint}"] for side in SIDES for joint in ("hip", "shoulder")]
    return _common(armature, (*carried, body["head"]))


def _up(armature: Armature, joint: int) -> list[int]:
    found = []
    while joint >= 0:
        found.append(joint)
        joint = armature.parents[joint]
    return found


def _below(armature: Armature, joint: int) -> list[int]:
    return [index for index in range(joint + 1, len(armature.parents)) if joint in _up(armature, index)]


def _check_tree(path: Path, armature: Armature, body: BodyJoints) -> None:
    """MocapError where a limb's joints do not hang on each other."""
    for side, word in SIDES.items():
        for upper, lower in (ARM[:2], ARM[1:], LEG[:2], LEG[1:]):
            one, other = body[f"{side}_{upper}"], body[f"{side}_{lower}"]
            if one == other or one not in _up(armature, other):
                raise MocapError(
                    f"{path}: the {word} {lower} ({armature.names[other]!r}) does not hang on the {word} {upper} "
                    f"({armature.names[one]!r}), so that no limb can be moved: export the deforming bones as one tree"
                )
    if _carrier(armature, body) < 0:
        raise MocapError(f"{path}: no joint carries arms, legs and head together: export one skeleton, as one tree")


def _axes(path: Path, armature: Armature, body: BodyJoints) -> np.ndarray:
    """(3, 3): rows are its left, up and ahead. MocapError where it stands in no pose."""
    rest = armature.rest
    if not TINIEST_BODY < _leg(rest, body) < np.inf or torso_axes(rest[None], body) is None:
        raise MocapError(
            f"{path}: its rest pose is no standing figure (hips, shoulders and knees lie on one line, or bones have no "
            "length): put the character into a T or A pose, apply it as the rest pose, and export again"
        )
    ankles = (rest[body["l_ankle"]] + rest[body["r_ankle"]]) / 2
    way = rest[body["head"]] - ankles
    axis = int(np.abs(way).argmax())
    up = np.eye(3)[axis] * np.sign(way[axis])
    left = rest[body["l_hip"]] - rest[body["r_hip"]]
    left = unit(left - (left @ up) * up)
    return np.stack([left, up, np.cross(left, up)])


def _check_feet(path: Path, armature: Armature, upright: np.ndarray, body: BodyJoints) -> None:
    """MocapError where the toes point backwards."""
    ahead = []
    for side in SIDES:
        ankle = body[f"{side}_ankle"]
        tip = tip_of(armature, ankle)
        if tip is not None:
            ahead.append(float(unit((upright[tip] - upright[ankle]) * (1.0, 0.0, 1.0))[2]))
    if ahead and max(ahead) < _BACKWARDS:
        raise MocapError(
            f"{path}: the toes point backwards, so left and right seem to be swapped: the skeleton is mirrored (a "
            "scale of -1?), or its names are. Apply the scale in your 3D program and export again"
        )


def _leg(rest: np.ndarray, body: BodyJoints) -> float:
    bones = [(f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))]
    return float(sum(np.linalg.norm(rest[body[a]] - rest[body[b]]) for a, b in bones)) / 2


def _floor(upright: np.ndarray, body: BodyJoints) -> float:
    """How high the floor is under a character (J, 3): the file's origin where it can be, else under the ankles."""
    ankle, leg = min(upright[body[f"{side}_ankle"], 1] for side in SIDES), _leg(upright, body)
    if _GROUNDED[0] * leg <= ankle <= _GROUNDED[1] * leg:
        return 0.0
    lowest = min(float(upright[joint, 1]) for side in SIDES for joint in body.feet[side])
    return min(lowest, float(ankle) - ANKLE_HEIGHT * leg / LEG_SHARE)
