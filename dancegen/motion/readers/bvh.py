"""Reads BVH files: any skeleton, any channel order, translations on any joint, and the habits of exporters."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dancegen.errors import MocapError, reading
from dancegen.formatting import frame_rate
from dancegen.motion.kinematics import Armature, forward_kinematics
from dancegen.motion.motion import Motion
from dancegen.motion.readers.mocap import to_motion
from dancegen.motion.readers.protocol import Hints, Reader, suffix
from dancegen.motion.readers.words import (
    LONGEST_LINE,
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
from dancegen.rates import KNOWN_RATES, known_rate, rounding_of

CHANNELS = {f"{axis}{kind}": (axis, kind) for axis in "xyz" for kind in ("position", "rotation")}
ENDS = ("END", "ENDSITE")
LONGEST_FRAME_S, SHORTEST_FRAME_S = 0.5, 0.001
FEWEST_MS = 2.0  # what is shorter is no duration of a frame in any unit
HELD = 1e-6
"""Of the longest offset: positions smaller than this are none."""


@dataclass
class _Joint:
    name: str | None
    parent: int
    offset: tuple[float, float, float] | None = None
    channels: list[tuple[str, str]] = field(default_factory=list)
    line: int = 0


class _Reader:
    """The lines of a file, one after the other, with errors that say where."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = read_lines(path)
        self.number = 0
        self._waiting: list[list[str]] = []

    def next(self, expected: str) -> list[str]:
        """The words of the next line that has any; a brace is a line of its own."""
        while not self._waiting:
            if self.number >= len(self.lines):
                raise MocapError(
                    f"{self.path} ends at line {len(self.lines)}, where {expected} should follow: it is cut off."
                )
            line = self.lines[self.number]
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise self.wrong(f"a line of {len(line)} characters belongs to no skeleton")
            self._waiting = [words for part in re.split(r"([{}])", line) if (words := part.split())]
        return self._waiting.pop(0)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line, words) of the lines that follow and have any, without comments."""
        for line in range(self.number, len(self.lines)):
            words = self.lines[line].split()
            if words and not words[0].startswith(("#", "//", ";")):
                yield line + 1, words

    def wrong(self, what: str, line: int | None = None) -> MocapError:
        return MocapError(f"{self.path}, line {line or self.number}: {what}.")

    def numbers(self, words: list[str], what: str) -> list[float]:
        values = [number(word) for word in words]
        if None in values:
            raise self.wrong(f"{what} should be numbers: {no_number(words[values.index(None)])}")
        return [value for value in values if value is not None]


def read_bvh(path: str | Path, fps: float | None = None) -> Armature:
    """A BVH file with its joints placed in every frame.

    Rotation channels apply in the order in which the file lists them; a position channel takes the place of that
    axis of the joint's OFFSET, unless those of all joints below the root are zero, as some exporters leave them.
    fps: overrules the file's Frame Time. Raises MocapError with the line where the file is damaged.
    """
    reader = _Reader(Path(path))
    joints = _read_hierarchy(reader)
    frames, stated, notes = _read_motion_header(reader, fps)
    check_size(reader.path, len(joints), min(frames, len(reader.lines) - reader.number))
    data = _read_frames(reader, frames, sum(len(joint.channels) for joint in joints))
    return _place(joints, data, stated, notes)


def read_skeleton(path: str | Path) -> tuple[Armature, tuple[str | None, ...]]:
    """The skeleton of a BVH file that may have no motion, and in which order each joint turns about its axes ("ZXY").

    Of the motion, the first frame; where there is none, the pose of the offsets. None for joints without three
    rotation channels. Raises MocapError with the line where the file is damaged.
    """
    reader = _Reader(Path(path))
    with reading(path, "BVH file", MocapError), np.errstate(all="ignore"):
        joints = _read_hierarchy(reader)
        check_size(reader.path, len(joints), 1)
        frames, _, notes = _read_motion_header(reader, 30.0)
        channels = sum(len(joint.channels) for joint in joints)
        first = _read_frames(reader, frames, channels)[:1] if frames else np.zeros((1, channels))
        turns = ["".join(axis for axis, kind in joint.channels if kind == "rotation").upper() for joint in joints]
        orders = tuple(order if len(set(order)) == len(order) == 3 else None for order in turns)
        return _place(joints, first, 30.0, notes), orders


def _read_hierarchy(reader: _Reader) -> list[_Joint]:
    if reader.next("HIERARCHY")[0].upper() != "HIERARCHY":
        raise reader.wrong("a BVH file starts with HIERARCHY; this is something else")
    joints: list[_Joint] = []
    while True:
        words = reader.next("MOTION")
        if words[0].upper() == "MOTION":
            break
        if words[0].upper() != "ROOT":
            raise reader.wrong(f"expected ROOT or MOTION, found {shown(words[0])}")
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
            name = None if pending[0].upper() in ENDS else " ".join(pending[1:])
            if name == "":
                raise reader.wrong("a joint without a name")
            if len(name or "") > LONGEST_NAME:
                raise reader.wrong(f"a joint's name of more than {LONGEST_NAME} characters")
            if len(joints) >= MOST_JOINTS:
                raise reader.wrong(f"more than {MOST_JOINTS} joints: no body of a person has so many")
            joints.append(_Joint(name, stack[-1] if stack else -1, line=reader.number))
            if reader.next("{")[0] != "{":
                raise reader.wrong(f"expected {{ after {shown(' '.join(pending))}")
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
        elif keyword in ("JOINT", *ENDS):
            pending = line
        else:
            raise reader.wrong(f"expected OFFSET, CHANNELS, JOINT, End Site or }}, found {shown(line[0])}")


def _read_channels(reader: _Reader, words: list[str]) -> list[tuple[str, str]]:
    names = words[2:]
    if len(words) < 2 or whole_number(words[1]) != len(names):
        raise reader.wrong(
            f"CHANNELS says {shown(words[1]) if words[1:] else 'nothing'}, but lists {len(names)} channels"
        )
    unknown = [name for name in names if name.lower() not in CHANNELS]
    if unknown:
        raise reader.wrong(f"unknown channel {shown(unknown[0])}")
    return [CHANNELS[name.lower()] for name in names]


def _read_motion_header(reader: _Reader, fps: float | None) -> tuple[int, float, tuple[str, ...]]:
    """How many frames there should be, how many a second, and what had to be assumed for that."""
    line = " ".join(reader.next("Frames:"))
    found = re.fullmatch(r"frames\s*:\s*(\S+)", line, re.IGNORECASE)
    frames = whole_number(found[1]) if found else None
    if frames is None:
        raise reader.wrong(f"expected 'Frames: N', found {shown(line)}")
    line = " ".join(reader.next("Frame Time:"))
    found = re.fullmatch(r"frame\s*time\s*:\s*(\S+)", line, re.IGNORECASE)
    if not found:
        raise reader.wrong(f"expected 'Frame Time: seconds', found {shown(line)}")
    if fps is not None:
        return frames, fps, ()
    (stated,) = reader.numbers([found[1]], "Frame Time")
    rate, unit = _rate(stated, rounding_of(found[1]))
    if rate is None:
        raise reader.wrong(
            f"Frame Time should be {SHORTEST_FRAME_S:g} to {LONGEST_FRAME_S:g} seconds, not {stated:g}: say the true "
            "rate with --source-fps"
        )
    if not unit:
        return frames, rate, ()
    note = f"Frame Time {stated:g} is taken for {unit}, so {frame_rate(rate)} frames a second; else give --source-fps"
    return frames, rate, (note,)


def _rate(stated: float, rounding: float) -> tuple[float | None, str]:
    """Frames a second by a file's Frame Time, and what it is taken for where it cannot be seconds.

    rounding: the share of it that its digits leave open.
    """
    if SHORTEST_FRAME_S <= stated <= LONGEST_FRAME_S:
        return known_rate(1.0 / stated, rounding), ""
    if known_rate(stated) in KNOWN_RATES:
        return known_rate(stated), "a rate"
    if FEWEST_MS <= stated <= 1000 * LONGEST_FRAME_S:
        return known_rate(1000.0 / stated, rounding), "milliseconds"
    return None, ""


def _read_frames(reader: _Reader, frames: int, channels: int) -> np.ndarray:
    """The numbers of the motion, (frames, channels). Words that follow them are no damage."""
    if channels == 0:
        raise MocapError(f"{reader.path}: no joint has CHANNELS, so nothing moves in it.")
    data = np.empty((min(frames, len(reader.lines) - reader.number), channels))
    lines: list[int] = []
    for line, words in reader.rows():
        if len(lines) >= frames and number(words[0]) is None:
            break
        lines.append(line)
        if len(lines) <= frames:
            data[len(lines) - 1] = _read_frame(reader, line, words, channels)
    if frames == 0 or not lines:
        raise MocapError(f"{reader.path} holds no frames of motion, only a skeleton.")
    if len(lines) != frames:
        why = "the file is cut off" if len(lines) < frames else "the header does not belong to this motion"
        raise MocapError(
            f"{reader.path}: the header promises {frames} frames, but {len(lines)} follow "
            f"(the last at line {lines[-1]}): {why}."
        )
    return data


def _read_frame(reader: _Reader, line: int, words: list[str], channels: int) -> list[float]:
    if len(words) != channels and number(words[0]) is not None:
        last = not any(other.strip() for other in reader.lines[line:])
        cut = " The file is cut off." if last and len(words) < channels else ""
        raise MocapError(
            f"{reader.path}, line {line}: {len(words)} numbers where the skeleton has {channels} channels.{cut}"
        )
    try:
        values = [float(word) for word in words]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        raise reader.wrong(no_number(next(word for word in words if number(word) is None)), line)
    return values


def _place(joints: list[_Joint], data: np.ndarray, fps: float, notes: tuple[str, ...]) -> Armature:
    frames = len(data)
    parents = tuple(joint.parent for joint in joints)
    offsets = np.array([joint.offset for joint in joints], dtype=np.float64)
    translations = np.repeat(offsets[None], frames, axis=0)
    rotations = np.broadcast_to(np.eye(3), (frames, len(joints), 3, 3)).copy()
    held = _offsets_hold(joints, data)
    if held:
        notes = (*notes, "its position channels are zero on every joint, so the joints' offsets hold")
    column = 0
    for index, joint in enumerate(joints):
        turns = []
        for axis, kind in joint.channels:
            if kind == "rotation":
                turns.append(rotation(axis, data[:, column]))
            elif joint.parent < 0 or not held:
                translations[:, index, "xyz".index(axis)] = data[:, column]
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
        notes=notes,
    )


def _offsets_hold(joints: list[_Joint], data: np.ndarray) -> bool:
    """Whether the joints below the root have position channels that are all zero, where their offsets are not."""
    owners = [(joint, axis, kind) for joint in joints for axis, kind in joint.channels]
    columns = [at for at, (joint, _, kind) in enumerate(owners) if kind == "position" and joint.parent >= 0]
    offsets = [
        abs(joint.offset["xyz".index(axis)]) for joint, axis, _ in (owners[at] for at in columns) if joint.offset
    ]
    return bool(columns) and float(np.abs(data[:, columns]).max()) < HELD * max(offsets)


def _read(path: Path, hints: Hints, progress: Progress) -> Motion:
    armature = read_bvh(path, hints.fps)
    assert armature.fps is not None  # the header of every BVH file states a rate
    return to_motion(armature, path, armature.fps, hints, progress)


READER = Reader(about="BVH files (.bvh)", claims=suffix(".bvh"), read=_read)
