"""Reads the CMU database's own files: a skeleton (ASF) and its motion (AMC)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature
from dancegen.motion.motion import Motion
from dancegen.motion.readers.mocap import to_motion
from dancegen.motion.readers.protocol import Reader, suffix
from dancegen.motion.rotations import compose, rotation
from dancegen.progress import Progress

INCH = 0.0254
AMC_FPS = 120.0
"""AMC files state no rate; CMU's database was recorded at this one."""


@dataclass
class _Bone:
    name: str
    direction: np.ndarray
    length: float
    axis: np.ndarray
    dof: tuple[str, ...]


@dataclass
class _Skeleton:
    bones: dict[str, _Bone]
    children: dict[str, list[str]]
    root_order: tuple[str, ...]
    root_axis: np.ndarray
    root_position: np.ndarray
    length: float
    degrees: bool


def read_amc(path: str | Path, skeleton: str | Path | None = None) -> Armature:
    """An AMC file with the joints of its ASF placed in every frame; the file says no rate, so `fps` is None.

    The skeleton is looked for beside the motion: `05.asf` for `05_02.amc`, or the only .asf in the folder.
    Raises MocapError with the line where a file is damaged.
    """
    path = Path(path)
    bones = read_asf(skeleton or find_asf(path))
    return _place(bones, *_read_frames(path, bones))


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
    units = {words[0].lower(): words[1] for _, words in sections.get("units", []) if len(words) > 1}
    degrees = not units.get("angle", "deg").lower().startswith("rad")
    scale = 1.0 if degrees else 180.0 / np.pi
    root = {words[0].lower(): (number, words[1:]) for number, words in sections["root"]}
    order = tuple(word.lower() for word in root.get("order", (0, ["TX", "TY", "TZ", "RX", "RY", "RZ"]))[1])
    axis = "".join(root.get("axis", (0, ["XYZ"]))[1]).lower()
    number, angles = root.get("orientation", (0, ["0", "0", "0"]))
    position_number, position = root.get("position", (0, ["0", "0", "0"]))
    return _Skeleton(
        bones={bone.name: bone for bone in _bones(path, sections["bonedata"], scale)},
        children=_hierarchy(path, sections["hierarchy"]),
        root_order=order,
        root_axis=_axis(np.array(_numbers(path, number, angles)) * scale, axis),
        root_position=np.array(_numbers(path, position_number, position)),
        length=_numbers(path, 0, [units.get("length", "1.0")])[0],
        degrees=degrees,
    )


def _sections(path: Path) -> dict[str, list[tuple[int, list[str]]]]:
    """The lines of each `:section`, with their numbers."""
    sections: dict[str, list[tuple[int, list[str]]]] = {}
    current: list[tuple[int, list[str]]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0].startswith(":"):
            current = sections.setdefault(words[0][1:].lower(), [])
        else:
            current.append((number, words))
    return sections


def _bones(path: Path, lines: list[tuple[int, list[str]]], degrees: float) -> list[_Bone]:
    bones: list[_Bone] = []
    fields: dict[str, tuple[int, list[str]]] | None = None
    for number, words in lines:
        keyword = words[0].lower()
        if keyword == "begin":
            fields = {}
        elif keyword == "end":
            if fields is None:
                raise MocapError(f"{path}, line {number}: 'end' without 'begin'.")
            bones.append(_bone(path, number, fields, degrees))
            fields = None
        elif fields is not None:
            fields.setdefault(keyword, (number, words[1:]))
    if fields is not None:
        raise MocapError(f"{path} ends inside a bone of :bonedata: it is cut off.")
    return bones


def _bone(path: Path, number: int, fields: dict[str, tuple[int, list[str]]], degrees: float) -> _Bone:
    for name in ("name", "direction", "length"):
        if not fields.get(name, (0, []))[1]:
            raise MocapError(f"{path}, line {number}: the bone that ends here has no {name}.")
    axis_number, axis = fields.get("axis", (number, ["0", "0", "0", "XYZ"]))
    direction = np.array(_numbers(path, *fields["direction"]))
    dof = tuple(word.lower() for word in fields.get("dof", (0, []))[1])
    unknown = [word for word in dof if word not in ("rx", "ry", "rz", "tx", "ty", "tz", "l")]
    if len(direction) != 3 or len(axis) < 3 or unknown:
        raise MocapError(f"{path}, line {number}: the bone that ends here is damaged.")
    return _Bone(
        name=fields["name"][1][0],
        direction=direction / max(float(np.linalg.norm(direction)), 1e-12),
        length=_numbers(path, *fields["length"])[0],
        axis=_axis(np.array(_numbers(path, axis_number, axis[:3])) * degrees, (axis[3] if axis[3:] else "xyz").lower()),
        dof=dof,
    )


def _axis(angles: np.ndarray, order: str) -> np.ndarray:
    """The frame of a bone; "XYZ" means x is applied first."""
    return compose([rotation(axis, angles[order.index(axis)]) for axis in reversed(order)])


def _hierarchy(path: Path, lines: list[tuple[int, list[str]]]) -> dict[str, list[str]]:
    return {words[0]: words[1:] for _, words in lines if words[0].lower() not in ("begin", "end")}


def _numbers(path: Path, number: int, words: list[str]) -> list[float]:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise MocapError(f"{path}, line {number}: expected numbers, found {' '.join(words)!r}.") from None
    if not np.isfinite(values).all():
        raise MocapError(f"{path}, line {number}: {' '.join(words)!r} is not finite.")
    return values


def _read_frames(path: Path, skeleton: _Skeleton) -> tuple[dict[str, np.ndarray], int]:
    """Each bone's channels, (T, dof), and the number of frames."""
    expected = {"root": len(skeleton.root_order), **{b.name: len(b.dof) for b in skeleton.bones.values() if b.dof}}
    values: dict[str, list[list[str]]] = {name: [] for name in expected}
    numbers: list[int] = []
    seen: set[str] = set()
    number = 0
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words or words[0].startswith(":"):
            continue
        if len(words) == 1 and words[0].isdigit():
            _check_complete(path, number, seen, expected, bool(numbers))
            if int(words[0]) != len(numbers) + int(numbers[0] if numbers else words[0]):
                raise MocapError(f"{path}, line {number}: frame {words[0]} does not follow the one before it.")
            numbers.append(int(words[0]))
            seen = set()
            continue
        name = words[0]
        if not numbers or name not in expected:
            raise MocapError(f"{path}, line {number}: {name!r} is not a bone of its skeleton (or not an AMC file).")
        if len(words) - 1 != expected[name] or name in seen:
            raise MocapError(
                f"{path}, line {number}: {name} has {len(words) - 1} numbers, its skeleton says {expected[name]}."
            )
        values[name].append(words[1:])
        seen.add(name)
    if not numbers:
        raise MocapError(f"{path} holds no frames of motion.")
    _check_complete(path, number, seen, expected, True)
    return {name: _array(path, name, rows) for name, rows in values.items()}, len(numbers)


def _check_complete(path: Path, number: int, seen: set[str], expected: dict[str, int], started: bool) -> None:
    missing = [name for name in expected if name not in seen]
    if started and missing:
        raise MocapError(f"{path}, line {number}: the frame that ends here lacks {missing[0]}; the file is damaged.")


def _array(path: Path, name: str, rows: list[list[str]]) -> np.ndarray:
    try:
        data = np.array(rows, dtype=np.float64)
    except ValueError:
        data = None
    if data is None or not np.isfinite(data).all():
        raise MocapError(f"{path}: {name} has values that are not numbers.")
    return data


def _place(skeleton: _Skeleton, frames: dict[str, np.ndarray], count: int) -> Armature:
    """Joints where bones start, and a nameless end where a bone carries no other: the way BVH has them."""
    names: list[str | None] = ["root"]
    parents = [-1]
    turn = 1.0 if skeleton.degrees else 180.0 / np.pi
    root, moved = _channels(skeleton.root_order, frames["root"], turn)
    rotations = [skeleton.root_axis @ root @ skeleton.root_axis.T]
    positions = [skeleton.root_position + moved]
    rest = [skeleton.root_position]
    todo = [(name, 0, "root") for name in reversed(skeleton.children.get("root", []))]
    # A bone starts where its parent ends: ends[j] is where what hangs on joint j begins, and the same at rest.
    ends = [(positions[0], rest[0])]
    while todo:
        name, parent, _ = todo.pop()
        bone = skeleton.bones.get(name)
        if bone is None:
            raise MocapError(f"the skeleton's :hierarchy names {name!r}, which :bonedata does not have.")
        if name in names:
            raise MocapError(f"the skeleton's :hierarchy names {name!r} twice: a bone hangs on one other.")
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
        todo.extend((child, here, name) for child in reversed(children))
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


def _read(path: Path, source_fps: float | None, progress: Progress) -> Motion:
    armature = read_amc(path)
    if source_fps is None:
        progress.say(f"{path.name} says no frame rate: CMU's {AMC_FPS:g} frames a second are assumed (--source-fps).")
    return to_motion(armature, path, source_fps or AMC_FPS, progress)


def _skeleton(path: Path) -> tuple[Path, ...]:
    # A missing one is an error when the motion is read, where the other files can still be used.
    with suppress(MocapError):
        return (find_asf(path),)
    return ()


READER = Reader(about=".amc files with their .asf beside them", claims=suffix(".amc"), read=_read, companions=_skeleton)
