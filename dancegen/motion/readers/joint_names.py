"""Joint names: which joint of a file is which joint of a person, one table for each naming convention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature

LIMB_ROLES = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")

# {s} is l or r, {side} is left or right; case, spaces, dots, dashes and underscores do not count.
# Joints are where bones start: the elbow is the joint that turns the forearm.
FAMILIES: dict[str, dict[str, tuple[str, ...]]] = {
    "Poser": {
        "shoulder": ("{s}shldr", "{s}shldrbend", "{s}shoulder"),
        "elbow": ("{s}forearm", "{s}forearmbend"),
        "wrist": ("{s}hand",),
        "hip": ("{s}thigh", "{s}thighbend"),
        "knee": ("{s}shin",),
        "ankle": ("{s}foot",),
        "toe": ("{s}toe",),
        "neck": ("neck", "necklower"),
        "head": ("head",),
    },
    # CMU's forearm is radius and wrist together: the wrist of a person is where the hand bone starts.
    "CMU": {
        "shoulder": ("{s}humerus",),
        "elbow": ("{s}radius",),
        "wrist": ("{s}hand", "{s}wrist"),
        "hip": ("{s}femur",),
        "knee": ("{s}tibia",),
        "ankle": ("{s}foot",),
        "toe": ("{s}toes",),
        "neck": ("lowerneck", "upperneck"),
        "head": ("head",),
    },
    "MotionBuilder and Mixamo": {
        "shoulder": ("{side}arm",),
        "elbow": ("{side}forearm",),
        "wrist": ("{side}hand",),
        "hip": ("{side}upleg",),
        "knee": ("{side}leg",),
        "ankle": ("{side}foot",),
        "toe": ("{side}toebase", "{side}toe"),
        "neck": ("neck", "neck1"),
        "head": ("head",),
    },
    "Unity and Xsens": {
        "shoulder": ("{side}upperarm", "{side}uparm"),
        "elbow": ("{side}lowerarm", "{side}forearm", "{side}lowarm"),
        "wrist": ("{side}hand",),
        "hip": ("{side}upperleg", "{side}thigh", "{side}upleg"),
        "knee": ("{side}lowerleg", "{side}shin", "{side}lowleg"),
        "ankle": ("{side}foot",),
        "toe": ("{side}toes", "{side}toe", "{side}toebase"),
        "neck": ("neck",),
        "head": ("head",),
    },
    "Biovision": {
        "shoulder": ("{side}shoulder", "{s}shoulder", "{side}upperarm"),
        "elbow": ("{side}elbow", "{s}elbow"),
        "wrist": ("{side}wrist", "{s}wrist"),
        "hip": ("{side}hip", "{s}hip"),
        "knee": ("{side}knee", "{s}knee"),
        "ankle": ("{side}ankle", "{s}ankle"),
        "toe": ("{side}toe", "{side}foot", "{s}foot", "{s}toe"),
        "neck": ("neck",),
        "head": ("head",),
    },
    "3ds Max Biped": {
        "shoulder": ("{s}upperarm",),
        "elbow": ("{s}forearm",),
        "wrist": ("{s}hand",),
        "hip": ("{s}thigh",),
        "knee": ("{s}calf",),
        "ankle": ("{s}foot",),
        "toe": ("{s}toe0",),
        "neck": ("neck",),
        "head": ("head",),
    },
    "Unreal and Blender": {
        "shoulder": ("upperarm{s}",),
        "elbow": ("lowerarm{s}", "forearm{s}"),
        "wrist": ("hand{s}",),
        "hip": ("thigh{s}",),
        "knee": ("calf{s}", "shin{s}"),
        "ankle": ("foot{s}",),
        "toe": ("ball{s}", "toe{s}"),
        "neck": ("neck01", "neck"),
        "head": ("head",),
    },
}
SIDES = {"r": "right", "l": "left"}
PREFIX = re.compile(r"^(mixamorig\d*|character\d+|bip\d+|def)(?=[\s_:-])", re.IGNORECASE)


@dataclass(frozen=True)
class BodyJoints:
    """Indices into an armature by role: "r_shoulder" ... "l_ankle", "head", and "neck" where the file has one.

    `feet` are all joints and bone ends from the ankles down, by side.
    """

    index: Mapping[str, int]
    feet: Mapping[str, tuple[int, ...]]
    family: str

    def __getitem__(self, role: str) -> int:
        return self.index[role]


def plain(name: str) -> str:
    """A joint name without name space, exporter's prefix, case and separators."""
    name = PREFIX.sub("", name.rsplit(":", 1)[-1].strip())
    return re.sub(r"[\s_.\-]", "", name).lower()


def find_body(armature: Armature, source: Path) -> BodyJoints:
    """The joints of a person among those of a file. Raises MocapError that lists the file's joints if they are not."""
    known: dict[str, int] = {}
    for index, name in enumerate(armature.names):
        if name is not None:
            known.setdefault(plain(name), index)
    missing_least: list[str] | None = None
    for family, table in FAMILIES.items():
        index, missing = _match(known, table)
        if not missing:
            feet = {side: _below(armature, index[f"{side}_ankle"]) for side in SIDES}
            return BodyJoints(index, feet, family)
        if missing_least is None or len(missing) < len(missing_least):
            missing_least = missing
    names = ", ".join(name for name in armature.names if name is not None)
    raise MocapError(
        f"{source}: this skeleton's joint names are not known: no {', '.join(missing_least or [])}. "
        f"Its joints are: {names}. Rename them as Poser, CMU, Mixamo or MotionBuilder do."
    )


def _match(known: Mapping[str, int], table: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, int], list[str]]:
    index: dict[str, int] = {}
    missing: list[str] = []
    for s, side in SIDES.items():
        for role in LIMB_ROLES:
            found = _first(known, [name.format(s=s, side=side) for name in table[role]])
            if found is None:
                missing.append(f"{side} {role}")
            else:
                index[f"{s}_{role}"] = found
    head = _first(known, table["head"])
    if head is None:
        missing.append("head")
    else:
        index["head"] = head
    neck = _first(known, table["neck"])
    if neck is not None:
        index["neck"] = neck
    return index, missing


def _first(known: Mapping[str, int], names: list[str] | tuple[str, ...]) -> int | None:
    return next((known[name] for name in names if name in known), None)


def _below(armature: Armature, joint: int) -> tuple[int, ...]:
    """A joint and everything that hangs on it."""
    found = [joint]
    for candidate in range(joint + 1, len(armature.parents)):
        if armature.parents[candidate] in found:
            found.append(candidate)
    return tuple(found)
