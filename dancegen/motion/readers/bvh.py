"""Reads BVH files: any skeleton, any channel order, translations on any joint."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError
from dancegen.motion.kinematics import Armature, forward_kinematics
from dancegen.motion.motion import Motion
from dancegen.motion.readers.mocap import to_motion
from dancegen.motion.readers.protocol import Reader, suffix
from dancegen.motion.rotations import compose, rotation
from dancegen.progress import Progress

CHANNELS = {f"{axis}{kind}": (axis, kind) for axis in "xyz" for kind in ("position", "rotation")}


@dataclass
class _Joint:
    name: str | None
    parent: int
    offset: tuple[float, float, float] | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)
    line: int = 0


class _Reader:
    """The lines of a file, one after the other, with errors that say where."""

    def __init__(self, path: Path, text: str):
        self.path = path
        self.lines = text.splitlines()
        self.number = 0

    def next(self, expected: str) -> list[str]:
        """The words of the next line that has any."""
        while self.number < len(self.lines):
            words = self.lines[self.number].split()
            self.number += 1
            if words:
                return words
        raise MocapError(f"{self.path} ends at line {len(self.lines)}, where {expected} should follow: it is cut off.")

    def wrong(self, what: str, line: int | None = None) -> MocapError:
        return MocapError(f"{self.path}, line {line or self.number}: {what}.")

    def numbers(self, words: list[str], what: str) -> list[float]:
        try:
            values = [float(word) for word in words]
        except ValueError:
            raise self.wrong(f"{what} should be numbers, not {' '.join(words)!r}") from None
        if not np.isfinite(values).all():
            raise self.wrong(f"{what} should be finite numbers, not {' '.join(words)!r}")
        return values


def read_bvh(path: str | Path) -> Armature:
    """A BVH file with its joints placed in every frame.

    Rotation channels apply in the order in which the file lists them; a position channel takes the place of that
    axis of the joint's OFFSET. Raises MocapError with the line where the file is damaged.
    """
    path = Path(path)
    reader = _Reader(path, path.read_text(encoding="utf-8", errors="replace"))
    joints = _read_hierarchy(reader)
    frames, fps = _read_motion_header(reader)
    data = _read_frames(reader, frames, sum(len(joint.channels) for joint in joints))
    return _place(joints, data, fps)


def _read_hierarchy(reader: _Reader) -> list[_Joint]:
    if reader.next("HIERARCHY")[0].upper() != "HIERARCHY":
        raise reader.wrong("a BVH file starts with HIERARCHY; this is something else")
    joints: list[_Joint] = []
    while True:
        words = reader.next("MOTION")
        if words[0].upper() == "MOTION":
            break
        if words[0].upper() != "ROOT":
            raise reader.wrong(f"expected ROOT or MOTION, found {words[0]!r}")
        if joints:
            raise reader.wrong("a second ROOT: files with more than one dancer cannot be read; export each by itself")
        _read_tree(reader, words, joints)
    if not joints:
        raise reader.wrong("no ROOT joint before MOTION")
    for joint in joints:
        if joint.offset is None:
            raise reader.wrong(f"joint {joint.name or 'End Site'} has no OFFSET", joint.line)
    return joints


def _read_tree(reader: _Reader, words: list[str], joints: list[_Joint]) -> None:
    """One ROOT block with everything in it. A stack, not recursion: hair and cloth can be hundreds of joints deep."""
    stack: list[int] = []
    pending: list[str] | None = words
    while pending is not None or stack:
        if pending is not None:
            name = None if pending[0].upper() == "END" else " ".join(pending[1:])
            if name == "":
                raise reader.wrong("a joint without a name")
            joints.append(_Joint(name, stack[-1] if stack else -1, line=reader.number))
            if reader.next("{")[0] != "{":
                raise reader.wrong(f"expected {{ after {' '.join(pending)}")
            stack.append(len(joints) - 1)
            pending = None
            continue
        line = reader.next("the rest of the skeleton")
        keyword = line[0].upper()
        joint = joints[stack[-1]]
        if keyword == "}":
            stack.pop()
        elif keyword == "OFFSET":
            values = reader.numbers(line[1:], "OFFSET")
            if len(values) != 3:
                raise reader.wrong(f"OFFSET needs three numbers, found {len(values)}")
            joint.offset = (values[0], values[1], values[2])
        elif keyword == "CHANNELS":
            joint.channels = _read_channels(reader, line)
        elif keyword in ("JOINT", "END"):
            pending = line
        else:
            raise reader.wrong(f"expected OFFSET, CHANNELS, JOINT, End Site or }}, found {line[0]!r}")


def _read_channels(reader: _Reader, words: list[str]) -> list[tuple[str, str]]:
    names = words[2:]
    if len(words) < 2 or not words[1].isdigit() or int(words[1]) != len(names):
        raise reader.wrong(f"CHANNELS says {' '.join(words[1:2]) or 'nothing'}, but lists {len(names)} channels")
    unknown = [name for name in names if name.lower() not in CHANNELS]
    if unknown:
        raise reader.wrong(f"unknown channel {unknown[0]!r}")
    return [CHANNELS[name.lower()] for name in names]


def _read_motion_header(reader: _Reader) -> tuple[int, float]:
    words = reader.next("Frames:")
    if words[0].lower() != "frames:" or len(words) != 2 or not words[1].isdigit():
        raise reader.wrong(f"expected 'Frames: N', found {' '.join(words)!r}")
    frames = int(words[1])
    words = reader.next("Frame Time:")
    if [word.lower() for word in words[:2]] != ["frame", "time:"] or len(words) != 3:
        raise reader.wrong(f"expected 'Frame Time: seconds', found {' '.join(words)!r}")
    (seconds,) = reader.numbers(words[2:], "Frame Time")
    if seconds <= 0:
        raise reader.wrong(f"Frame Time must be above zero, not {seconds:g}")
    return frames, 1.0 / seconds


def _read_frames(reader: _Reader, frames: int, channels: int) -> np.ndarray:
    """The numbers of the motion, (frames, channels)."""
    first = reader.number
    rows = [(first + i + 1, words) for i, line in enumerate(reader.lines[first:]) if (words := line.split())]
    if frames == 0 or not rows:
        raise MocapError(f"{reader.path} holds no frames of motion, only a skeleton.")
    for number, words in rows:
        if len(words) != channels:
            cut = " The file is cut off." if number == rows[-1][0] and len(words) < channels else ""
            raise MocapError(
                f"{reader.path}, line {number}: {len(words)} numbers where the skeleton has {channels} channels.{cut}"
            )
    if len(rows) != frames:
        why = "the file is cut off" if len(rows) < frames else "the header does not belong to this motion"
        raise MocapError(
            f"{reader.path}: the header promises {frames} frames, but {len(rows)} follow "
            f"(the last at line {rows[-1][0]}): {why}."
        )
    try:
        data = np.array([words for _, words in rows], dtype=np.float64)
    except ValueError:
        data = None
    if data is None or not np.isfinite(data).all():
        raise _first_bad_number(reader, rows)
    return data


def _first_bad_number(reader: _Reader, rows: list[tuple[int, list[str]]]) -> MocapError:
    for number, words in rows:
        for word in words:
            try:
                good = np.isfinite(float(word))
            except ValueError:
                good = False
            if not good:
                return reader.wrong(f"{word!r} is not a number a joint can have", number)
    return MocapError(f"{reader.path} holds numbers that cannot be read.")


def _place(joints: list[_Joint], data: np.ndarray, fps: float) -> Armature:
    frames = len(data)
    parents = tuple(joint.parent for joint in joints)
    offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
    translations = np.repeat(offsets[None], frames, axis=0)
    rotations = np.broadcast_to(np.eye(3), (frames, len(joints), 3, 3)).copy()
    column = 0
    for index, joint in enumerate(joints):
        turns = []
        for axis, kind in joint.channels:
            if kind == "position":
                translations[:, index, "xyz".index(axis)] = data[:, column]
            else:
                turns.append(rotation(axis, data[:, column]))
            column += 1
        if turns:
            rotations[:, index] = compose(turns)
    positions, turned = forward_kinematics(parents, translations, rotations)
    rest, _ = forward_kinematics(parents, offsets[None], np.broadcast_to(np.eye(3), (1, len(joints), 3, 3)))
    return Armature(
        names=tuple(joint.name for joint in joints),
        parents=parents,
        rest=rest[0],
        positions=positions,
        rotations=turned,
        fps=fps,
    )


def _read(path: Path, source_fps: float | None, progress: Progress) -> Motion:
    armature = read_bvh(path)
    fps = source_fps or armature.fps
    assert fps is not None  # the header of every BVH file states a rate
    return to_motion(armature, path, fps, progress)


READER = Reader(about="BVH files (.bvh)", claims=suffix(".bvh"), read=_read)
