"""Reads the CMU database's own files: a skeleton (ASF) and its motion (AMC)."""

from __future__ import annotations

from array import array
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature
from dancegen.motion.motion import Motion
from dancegen.motion.readers.mocap import to_motion
from dancegen.motion.readers.protocol import Hints, Reader, suffix
from dancegen.motion.readers.words import (
    LARGEST_SKELETON,
    LONGEST_NAME,
    MOST_JOINTS,
    check_size,
    no_number,
    number,
    read_lines,
    shown,
    whole_number,
)
from dancegen.motion.rotations import compose, rotation
from dancegen.progress import Progress

INCH = 0.0254
AMC_FPS = 120.0
"""AMC files state no rate; CMU's database was recorded at this one."""
ROOT_CHANNELS = ("tx", "ty", "tz", "rx", "ry", "rz")
BONE_CHANNELS = (*ROOT_CHANNELS, "l")
_ORIGIN = (0, ["0", "0", "0"])


@dataclass
class _Bone:
    name: str
    direction: np.ndarray
    length: float
    axis: np.ndarray
    dof: tuple[str, ...]


@dataclass
class _Skeleton:
    path: Path
    bones: dict[str, _Bone]
    children: dict[str, list[str]]
    root_order: tuple[str, ...]
    root_axis: np.ndarray
    root_position: np.ndarray
    length: float
    degrees: bool


def read_amc(path: str | Path, skeleton: str | Path | None = None) -> Armature:
    """An AMC file with the joints of its ASF placed in every frame; the file says no rate, so `fps` is None.

    The skeleton is looked for beside the motion: `05.asf` for `05_02.amc`, or the only .asf in the folder. Angles are
    in what the motion says (:DEGREES or :RADIANS), else in what its skeleton says. Raises MocapError with the line
    where a file is damaged.
    """
    path = Path(path)
    bones = read_asf(skeleton or find_asf(path))
    frames, count, degrees = _read_frames(path, bones)
    check_size(path, 2 * len(bones.bones) + 1, count)  # a bone that carries no other has an end besides
    return _place(bones, frames, count, bones.degrees if degrees is None else degrees)


def find_asf(path: Path) -> Path:
    """The skeleton that belongs to an AMC file."""
    candidates = sorted(file for file in path.parent.iterdir() if file.suffix.lower() == ".asf")
    for stem in (path.stem, path.stem.split("_")[0]):
        for candidate in candidates:
            if candidate.stem.lower() == stem.lower():
                return candidate
    if len(candidates) == 1:
        return candidates[0]
    found = f"none of {', '.join(c.name for c in candidates)} has its name" if candidates else "there is none"
    raise MocapError(
        f"{path} needs the skeleton it was captured with ({path.stem.split('_')[0]}.asf) beside it: {found}."
    )


def read_asf(path: str | Path) -> _Skeleton:
    """The bones of an ASF file."""
    path = Path(path)
    sections = _sections(path)
    for name in ("root", "bonedata", "hierarchy"):
        if name not in sections:
            raise MocapError(f"{path} has no :{name} section: it is not an ASF skeleton, or it is cut off.")
    units = {words[0].lower(): (line, words[1:2]) for line, words in sections.get("units", [])}
    degrees = not "".join(units.get("angle", (0, ["deg"]))[1]).lower().startswith("rad")
    scale = 1.0 if degrees else 180.0 / np.pi
    root = {words[0].lower(): (line, words[1:]) for line, words in sections["root"]}
    order_line, order = root.get("order", (0, list(ROOT_CHANNELS)))
    axis_line, axis = root.get("axis", (0, ["XYZ"]))
    (length,) = _numbers(path, *units.get("length", (0, ["1.0"])), count=1)
    if length <= 0:
        raise MocapError(f"{path}: the unit of length should be above zero, not {length:g}.")
    return _Skeleton(
        path=path,
        bones={bone.name: bone for bone in _bones(path, sections["bonedata"], scale)},
        children=_hierarchy(sections["hierarchy"]),
        root_order=_channel_names(path, order_line, order, ROOT_CHANNELS),
        root_axis=_axis(path, axis_line, _three(path, *root.get("orientation", _ORIGIN)) * scale, "".join(axis)),
        root_position=_three(path, *root.get("position", _ORIGIN)),
        length=length,
        degrees=degrees,
    )


def _sections(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    """The lines of each `:section`, with their numbers."""
    sections: dict[str, list[tuple[int, list[str]]]] = {}
    current: list[tuple[int, list[str]]] = []
    for line, text in enumerate(read_lines(path, LARGEST_SKELETON), 1):
        words = text.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
            words = words[1:]
        if words:
            current.append((line, words))
    return sections


def _bones(path: Path, lines: list[tuple[int, list[str]]], degrees: float) -> list[_Bone]:
    bones: list[_Bone] = []
    fields: dict[str, tuple[int, list[str]]] | None = None
    for line, words in lines:
        keyword = words[0].lower()
        if keyword == "begin":
            fields = {}
        elif keyword == "end":
            if fields is None:
                raise MocapError(f"{path}, line {line}: 'end' without 'begin'.")
            if len(bones) >= MOST_JOINTS:
                raise MocapError(f"{path}, line {line}: more than {MOST_JOINTS} bones: no person has so many.")
            bones.append(_bone(path, line, fields, degrees))
            fields = None
        elif fields is not None:
            fields.setdefault(keyword, (line, words[1:]))
    if fields is not None:
        raise MocapError(f"{path} ends inside a bone of :bonedata: it is cut off.")
    return bones


def _bone(path: Path, line: int, fields: dict[str, tuple[int, list[str]]], degrees: float) -> _Bone:
    for name in ("name", "direction", "length"):
        if not fields.get(name, (0, []))[1]:
            raise MocapError(f"{path}, line {line}: the bone that ends here has no {name}.")
    if len(fields["name"][1][0]) > LONGEST_NAME:
        raise MocapError(f"{path}, line {line}: a bone's name of more than {LONGEST_NAME} characters.")
    axis_line, axis = fields.get("axis", (line, ["0", "0", "0", "XYZ"]))
    direction = _three(path, *fields["direction"])
    (length,) = _numbers(path, *fields["length"], count=1)
    return _Bone(
        name=fields["name"][1][0],
        direction=direction / max(float(np.linalg.norm(direction)), 1e-12),
        length=length,
        axis=_axis(path, axis_line, _three(path, axis_line, axis[:3]) * degrees, "".join(axis[3:4]) or "XYZ"),
        dof=_channel_names(path, *fields.get("dof", (line, [])), BONE_CHANNELS),
    )


def _axis(path: Path, line: int, angles: np.ndarray, order: str) -> np.ndarray:
    """The frame of a bone; "XYZ" means x is applied first."""
    axes = order.lower()
    if sorted(axes) != list("xyz"):
        raise MocapError(f"{path}, line {line}: an axis is an order of X, Y and Z, like XYZ, not {shown(order)}.")
    return compose([rotation(axis, angles[axes.index(axis)]) for axis in reversed(axes)])


def _channel_names(path: Path, line: int, words: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(word.lower() for word in words)
    wrong = next((name for at, name in enumerate(names) if name not in known or name in names[:at]), None)
    if wrong is not None:
        raise MocapError(f"{path}, line {line}: {shown(wrong)} is no channel, or stands twice: use {', '.join(known)}.")
    return names


def _hierarchy(lines: list[tuple[int, list[str]]]) -> dict[str, list[str]]:
    children: dict[str, list[str]] = {}
    for _, words in lines:
        if words[0].lower() not in ("begin", "end"):
            children.setdefault(words[0], []).extend(words[1:])
    return children


def _three(path: Path, line: int, words: list[str]) -> np.ndarray:
    return np.array(_numbers(path, line, words, count=3))


def _numbers(path: Path, line: int, words: list[str], count: int) -> list[float]:
    values = [number(word) for word in words]
    if None in values:
        raise MocapError(f"{path}, line {line}: {no_number(words[values.index(None)])}.")
    if len(values) != count:
        raise MocapError(f"{path}, line {line}: expected {count} numbers, found {len(values)}.")
    return [value for value in values if value is not None]


def _read_frames(path: Path, skeleton: _Skeleton) -> tuple[dict[str, np.ndarray], int, bool | None]:
    """Each bone's channels (T, dof), the number of frames, and whether angles are degrees; None where nothing says."""
    expected = {"root": len(skeleton.root_order), **{b.name: len(b.dof) for b in skeleton.bones.values() if b.dof}}
    values = {name: array("d") for name in expected}
    first, frames = 0, 0
    seen: set[str] = set()
    degrees: bool | None = None
    stray: MocapError | None = None  # words after the last frame are no damage
    line = 0
    for line, text in enumerate(read_lines(path), 1):
        words = text.split("#")[0].split()
        if not words:
            continue
        name = words[0]
        if name.startswith(":"):
            degrees = {":radians": False, ":degrees": True}.get(name.lower(), degrees)
            continue
        begins = whole_number(name) if len(words) == 1 else None
        if stray is not None and (begins is not None or name in expected):
            raise stray
        if begins is not None:
            _check_complete(path, line, seen, expected, frames > 0)
            first = first if frames else begins
            if begins != first + frames:
                raise MocapError(f"{path}, line {line}: frame {begins} does not follow the one before it.")
            frames += 1
            seen = set()
            continue
        if not frames or name not in expected:
            stray = MocapError(
                f"{path}, line {line}: {shown(name)} is not a bone of its skeleton (or not an AMC file)."
            )
            if not frames or len(seen) < len(expected):
                raise stray
            continue
        if len(words) - 1 != expected[name] or name in seen:
            raise MocapError(
                f"{path}, line {line}: {name} has {len(words) - 1} numbers, its skeleton says {expected[name]}."
            )
        values[name].extend(_numbers(path, line, words[1:], expected[name]))
        seen.add(name)
    if not frames:
        raise MocapError(f"{path} holds no frames of motion.")
    _check_complete(path, line, seen, expected, True)
    return {name: np.array(rows).reshape(frames, -1) for name, rows in values.items()}, frames, degrees


def _check_complete(path: Path, number: int, seen: set[str], expected: dict[str, int], started: bool) -> None:
    missing = [name for name in expected if name not in seen]
    if started and missing:
        raise MocapError(f"{path}, line {number}: the frame that ends here lacks {missing[0]}; the file is damaged.")


def _place(skeleton: _Skeleton, frames: dict[str, np.ndarray], count: int, degrees: bool) -> Armature:
    """Joints where bones start, and a nameless end where a bone carries no other: the way BVH has them."""
    names: list[str | None] = ["root"]
    parents = [-1]
    placed: set[str] = set()
    turn = 1.0 if degrees else 180.0 / np.pi
    root, moved = _channels(skeleton.root_order, frames["root"], turn)
    rotations = [skeleton.root_axis @ root @ skeleton.root_axis.T]
    positions = [skeleton.root_position + moved]
    rest = [skeleton.root_position]
    todo = [(name, 0) for name in reversed(skeleton.children.get("root", []))]
    # A bone starts where its parent ends: ends[j] is where what hangs on joint j begins, and the same at rest.
    ends = [(positions[0], rest[0])]
    while todo:
        name, parent = todo.pop()
        bone = skeleton.bones.get(name)
        if bone is None:
            raise MocapError(f"{skeleton.path}: :hierarchy names {shown(name)}, which :bonedata does not have.")
        if name in placed:
            raise MocapError(f"{skeleton.path}: :hierarchy names {shown(name)} twice: a bone hangs on one other.")
        placed.add(name)
        start, rest_start = ends[parent]
        local = np.eye(3)
        shift = np.zeros((count, 3))
        if bone.dof:
            local, shift = _channels(bone.dof, frames[name], turn)
        rotations.append(rotations[parent] @ (bone.axis @ local @ bone.axis.T))
        positions.append(start + np.einsum("tij,tj->ti", _per_frame(rotations[parent], count), shift))
        rest.append(rest_start)
        names.append(name)
        parents.append(parent)
        reach = bone.direction * bone.length
        ends.append((positions[-1] + rotations[-1] @ reach, rest_start + reach))
        here = len(names) - 1
        children = skeleton.children.get(name, [])
        todo.extend((child, here) for child in reversed(children))
        if not children:
            names.append(None)
            parents.append(here)
            positions.append(ends[here][0])
            rest.append(ends[here][1])
            rotations.append(rotations[here])
            ends.append(ends[here])
    return Armature(
        names=tuple(names),
        parents=tuple(parents),
        rest=np.stack(rest),
        positions=np.stack([np.broadcast_to(p, (count, 3)) for p in positions], axis=1),
        rotations=np.stack([_per_frame(r, count) for r in rotations], axis=1),
        fps=None,
        metres_per_unit=INCH / skeleton.length,
    )


def _per_frame(matrix: np.ndarray, count: int) -> np.ndarray:
    return np.broadcast_to(matrix, (count, 3, 3))


def _channels(order: tuple[str, ...], data: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (T, 3, 3) and translation (T, 3) of one bone; the first rotation channel is applied first."""
    turns = [rotation(name[1], data[:, i] * degrees) for i, name in enumerate(order) if name[0] == "r"]
    shift = np.zeros((len(data), 3))
    for i, name in enumerate(order):
        if name[0] == "t":
            shift[:, "xyz".index(name[1])] = data[:, i]
    turned = compose(turns[::-1])
    return np.broadcast_to(turned, (len(data), 3, 3)), shift


def _read(path: Path, hints: Hints, progress: Progress) -> Motion:
    armature = read_amc(path)
    if hints.fps is None:
        progress.say(f"{path.name} says no frame rate: CMU's {AMC_FPS:g} frames a second are assumed (--source-fps).")
    return to_motion(armature, path, hints.fps or AMC_FPS, hints, progress)


def _skeleton(path: Path) -> tuple[Path, ...]:
    # A missing one is an error when the motion is read, where the other files can still be used.
    with suppress(MocapError):
        return (find_asf(path),)
    return ()


READER = Reader(about=".amc files with their .asf beside them", claims=suffix(".amc"), read=_read, companions=_skeleton)
