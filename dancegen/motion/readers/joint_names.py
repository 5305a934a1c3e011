"""Joint names: which joint of a file is which joint of a person, however its exporter spells them.

A name is brought into one form (see `spellings`): which side, and which bone. Arms and legs are then looked up each by
itself, because exporters mix conventions. What no table knows, a person can say (`prepare --joints`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature
from dancegen.text import read_json

ARM, LEG = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
SIDES = {"r": "right", "l": "left"}
ROLES = (*(f"{s}_{role}" for s in SIDES for role in (*ARM, *LEG)), "head")
"""The joints that a body must have."""

# Joints are where bones start: the elbow is the joint that turns the forearm. A word that means one joint here and
# another there ("shoulder" is Mixamo's collar bone and Biovision's shoulder) stands in the later rows.
ARMS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("upperarm", "uparm", "uarm", "upperarm01"),
        ("lowerarm", "forearm", "lowarm", "elbow", "farm", "lowerarm01"),
        ("hand", "wrist"),
    ),
    # CMU's forearm is radius and wrist together: the wrist of a person is where the hand bone starts.
    (("humerus",), ("radius",), ("hand", "wrist")),
    (("shldr", "shldrbend"), ("forearm", "forearmbend"), ("hand",)),
    (("arm", "armstretch"), ("forearm", "lowerarm", "elbow", "forearmstretch"), ("hand", "wrist")),
    (("shoulder",), ("elbow",), ("wrist", "hand")),
    (("shoulder",), ("forearm",), ("hand",)),
)
LEGS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (
        ("upleg", "upperleg", "thigh", "thighbend", "femur", "thighstretch", "upperleg01"),
        ("lowerleg", "lowleg", "shin", "calf", "tibia", "leg", "legstretch", "lowerleg01", "knee"),
        ("ankle", "foot"),
    ),
    (("hip",), ("knee",), ("ankle", "foot")),
)
UNNAMED = "?"
"""In a map to start from: a joint whose name a person has to fill in."""
HEAD = ("head", "head1", "spine006")
"""Rigify's spine goes on into the head."""
_CENTRE = ("c", "center", "x")
_VOCABULARY = frozenset(word for table in (*ARMS, *LEGS) for words in table for word in words)

# "mixamorig:Hips" and "Armature|Hips" are Hips; "Bip01 L Hand", "J_Bip_L_Hand", "CC_Base_L_Hand" and "DEF-hand.L" are
# each a left hand; "hand_l_JNT" is a joint, "hand.L.001" Blender's second of that name, "Hand_L_055" a web exporter's.
_NAME_SPACE = re.compile(r"^.*[:|]")
_PREFIX = re.compile(
    r"^(?:mixamorig\d*[\s_:.-]*|valvebiped[\s_.]?(?=bip)"
    r"|(?:character\d+|bip\d+|j_bip|j_sec|cc_base|def|org|joint|bone|b)[\s_:.-]+)+",
    re.IGNORECASE,
)
_SUFFIX = re.compile(r"[\s_.-](jnt|joint|bone|bind|jt)$", re.IGNORECASE)
_NUMBER = re.compile(r"[._]\d{2,}$")
_SEPARATORS = re.compile(r"[\s_.\-]")


@dataclass(frozen=True)
class BodyJoints:
    """Indices into an armature by role: "r_shoulder" ... "l_ankle", "head".

    `feet` are all joints and bone ends from the ankles down, by side.
    """

    index: Mapping[str, int]
    feet: Mapping[str, tuple[int, ...]]

    def __getitem__(self, role: str) -> int:
        return self.index[role]


def find_body(armature: Armature, source: Path, named: Mapping[str, str] | None = None) -> BodyJoints:
    """The joints of a person among those of a file.

    named: the file's own names for some roles, from a person; a name that the file lacks says nothing. Raises
    MocapError that lists what is missing and the file's joints, with a map to start from.
    """
    index, missing = _match(_by_spelling(armature))
    index |= _as_named(armature, named or {})
    missing = [role for role in missing if role not in index]
    if missing:
        raise MocapError(_unknown(source, armature, index, missing, named or {}))
    twice = [role for role in ROLES if list(index.values()).count(index[role]) > 1]
    if twice:
        raise MocapError(
            f"{source}: {' and '.join(map(_said, twice))} are one joint, {armature.names[index[twice[0]]]!r}"
        )
    return BodyJoints(index, {side: _below(armature, index[f"{side}_ankle"]) for side in SIDES})


def spellings(name: str) -> Iterator[str]:
    """What a joint's name may stand for, the closest first: "l hand", "head".

    Name spaces, exporters' prefixes and endings, case and separators do not count; left and right may stand before or
    after, as a word or a letter, but only with a bone that a table knows: "lowerarm" is no left "owerarm".
    """
    bare = _PREFIX.sub("", _SUFFIX.sub("", _NAME_SPACE.sub("", name).strip()))
    for form in dict.fromkeys((bare, _SUFFIX.sub("", _NUMBER.sub("", bare)))):
        compact = _SEPARATORS.sub("", form).lower()
        yield from dict.fromkeys([_sided(compact) or _central(compact)])


def _sided(compact: str) -> str | None:
    for side, word in SIDES.items():
        for mark in (word, side):
            for bone in (compact.removeprefix(mark), compact.removesuffix(mark)):
                if bone != compact and bone in _VOCABULARY:
                    return f"{side} {bone}"
    return None


def _central(compact: str) -> str:
    bare = (bone for mark in _CENTRE for bone in (compact.removeprefix(mark), compact.removesuffix(mark)))
    return next((bone for bone in bare if bone in HEAD), compact)


def _by_spelling(armature: Armature) -> dict[str, int]:
    """The first joint of each spelling; a joint that is spelled so without its number comes before one that has one."""
    found: dict[str, int] = {}
    forms = [tuple(spellings(name)) if name is not None else () for name in armature.names]
    for closeness in range(max(map(len, forms), default=0)):
        for index, spelled in enumerate(forms):
            if closeness < len(spelled):
                found.setdefault(spelled[closeness], index)
    return found


def _match(known: Mapping[str, int]) -> tuple[dict[str, int], list[str]]:
    """The roles that are found, and those that are missing, by the rows that know the most."""
    found: dict[str, int] = {}
    for roles, tables in ((ARM, ARMS), (LEG, LEGS)):
        rows = [_row(known, roles, table) for table in tables]
        found |= max(rows, key=len)
    head = next((known[name] for name in HEAD if name in known), None)
    if head is not None:
        found["head"] = head
    return found, [role for role in ROLES if role not in found]


def _row(known: Mapping[str, int], roles: tuple[str, ...], table: tuple[tuple[str, ...], ...]) -> dict[str, int]:
    found: dict[str, int] = {}
    for role, words in zip(roles, table, strict=True):
        for s in SIDES:
            name = next((f"{s} {word}" for word in words if f"{s} {word}" in known), None)
            if name is not None:
                found[f"{s}_{role}"] = known[name]
    return found


def _as_named(armature: Armature, named: Mapping[str, str]) -> dict[str, int]:
    at = {name: index for index, name in reversed(list(enumerate(armature.names))) if name is not None}
    return {role: at[name] for role, name in named.items() if name in at}


def _unknown(
    source: Path, armature: Armature, index: Mapping[str, int], missing: list[str], named: Mapping[str, str]
) -> str:
    names = [name for name in armature.names if name is not None]
    absent = [
        f"{named[role]!r}, which --joints says for {_said(role)}, is none of them. "
        for role in missing
        if role in named
    ]
    start = {role: armature.names[index[role]] if role in index else UNNAMED for role in ROLES}
    return (
        f"{source}: this skeleton's joint names are not known: no {', '.join(map(_said, missing))}. Its joints are: "
        f"{_listed(names)}. {''.join(absent)}Write into a file which is which, and give it with --joints map.json; "
        f"to start from: {json.dumps(start, ensure_ascii=False)}"
    )


def _listed(names: list[str], most: int = 100) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _said(role: str) -> str:
    return f"{SIDES[role[0]]} {role[2:]}" if role[1] == "_" else role


def _below(armature: Armature, joint: int) -> tuple[int, ...]:
    """A joint and everything that hangs on it."""
    found = {joint}
    for candidate in range(joint + 1, len(armature.parents)):
        if armature.parents[candidate] in found:
            found.add(candidate)
    return tuple(sorted(found))


def read_joint_map(path: str | Path) -> dict[str, str]:
    """The file's name of some roles, from JSON such as {"l_shoulder": "Arm01_L"}; "left shoulder" is understood too.

    Raises MocapError where the file is not that.
    """
    data = read_json(path, "map of joint names", MocapError)
    if not isinstance(data, dict) or not data or not all(isinstance(name, str) for name in data.values()):
        raise MocapError(f'{path} should hold joint names as JSON, like {{"l_shoulder": "Arm01_L", "head": "Skull"}}')
    ours = {_SEPARATORS.sub("", spelling).lower(): role for role in ROLES for spelling in (role, _said(role))}
    found: dict[str, str] = {}
    for key, name in data.items():
        role = ours.get(_SEPARATORS.sub("", key).lower())
        if role is None:
            raise MocapError(f"{path}: {key!r} is none of our joints, which are {', '.join(ROLES)}")
        if not name.strip() or name == UNNAMED:
            raise MocapError(f"{path} does not say yet which joint is the {_said(role)}")
        if role in found or name in found.values():
            raise MocapError(f"{path} names {_said(role)} twice, or {name!r} for two joints")
        found[role] = name
    return found
