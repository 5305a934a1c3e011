"""What a reader of recorded dance has to provide, and what it may return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

from dancegen.motion.motion import Motion
from dancegen.motion.readers.databases import TakeInfo, take_info
from dancegen.progress import Progress

if TYPE_CHECKING:
    from dancegen.pose.flat_dance import FlatDance
    from dancegen.video.source import VideoFile

Recording: TypeAlias = Union[Motion, "FlatDance", "VideoFile"]
"""Joints in metres (with rotations where the source has them), keypoints in pixels, or a filmed dance, in which a
detector still has to find the dancer."""
Kind = Literal["motion", "poses", "video"]
"""Which of them."""
MOTION_RANK, JOINTS_RANK, FLAT_RANK, VIDEO_RANK = range(4)
"""How much a format knows of a dance: rotations, joints in space, keypoints in pictures, pictures."""


@dataclass(frozen=True)
class Hints:
    """What a person says of recordings, because their files do not, or wrongly.

    fps: the true frame rate. joints: the file's name of a body's joint, by that joint, such as "l_shoulder". canvas:
    (width, height) in pixels of the pictures that keypoints lie in.
    """

    fps: float | None = None
    joints: Mapping[str, str] = field(default_factory=dict)
    canvas: tuple[int, int] | None = None


@dataclass(frozen=True)
class Reader:
    """A format that dance is recorded in.

    about: what a person calls such files, for messages: "BVH files (.bvh)". claims: whether a file, or a folder with
    the format's layout, is one. read: takes the path, what a person says of it, and a Progress; raises MocapError with
    the place where a file is damaged. describe: what the name says, before anything is read.
    companions: the other files that the recording is made of, such as its skeleton. kind: what it reads. rank: how
    much it knows; of several recordings of one dance the one with the lowest is used.
    """

    about: str
    claims: Callable[[Path], bool]
    read: Callable[[Path, Hints, Progress], Recording]
    describe: Callable[[Path], TakeInfo] = take_info
    companions: Callable[[Path], tuple[Path, ...]] = lambda path: ()
    kind: Kind = "motion"
    rank: int = MOTION_RANK


def suffix(*suffixes: str) -> Callable[[Path], bool]:
    """For `Reader.claims`: files whose names end so, in small or capital letters."""
    return lambda path: path.suffix.lower() in suffixes and is_there(path)


def is_there(path: Path) -> bool:
    """Whether a path is a file, or a link that leads nowhere: reading that says so, and it is not passed over."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def has_word(path: Path, *words: bytes) -> bool:
    """Whether a file has one of these words in it, or cannot be looked into: reading it says why."""
    try:
        with open(path, "rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
            return any(text.find(word) >= 0 for word in words)
    except (OSError, ValueError):  # no rights, a link to nowhere, no bytes
        return True
