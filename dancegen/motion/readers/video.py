"""Filmed dances: a video, with its own sound or with a sound file of the same name beside it.

Its keypoints are not known yet: a detector finds them in its pictures.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dancegen.audio import AUDIO_SUFFIXES
from dancegen.errors import InputError
from dancegen.motion.readers.beside import beside
from dancegen.motion.readers.databases import TakeInfo, take_info
from dancegen.motion.readers.protocol import VIDEO_RANK, Hints, Reader
from dancegen.progress import Progress
from dancegen.video.info import VIDEO_SUFFIXES, probe_video
from dancegen.video.source import VideoFile


def _read(path: Path, hints: Hints, progress: Progress) -> VideoFile:
    """Raises InputError where the file is none, or no video: its header is looked at, and its first picture."""
    check_is_file(path)
    video = VideoFile(path)
    _ = video.size
    return video


def check_is_file(path: Path) -> None:
    """Raises InputError for what has the name of a video and is no file: a folder, a link to nowhere, a pipe."""
    if path.is_dir():
        raise InputError(f"{path} is a folder with the name of a video, and no video is in it")
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path} is a link that leads nowhere")
    if not path.is_file():
        raise InputError(f"{path} is no file")


def _claims(path: Path) -> bool:
    """Whatever has a video's name, so that it is told why it is none; not what macOS keeps beside it (`._dance.mp4`).

    A folder of that name is looked into where there are videos in it.
    """
    if path.suffix.lower() not in VIDEO_SUFFIXES or path.name.startswith("."):
        return False
    return not path.is_dir() or not any(each.suffix.lower() in VIDEO_SUFFIXES for each in path.rglob("*"))


def _describe(path: Path) -> TakeInfo:
    """`song` is the file with its music where that is not its own sound: the one of its name, else, for a silent video,
    the one that its database names."""
    info = take_info(path)
    sound = beside(path, AUDIO_SUFFIXES)
    return replace(info, song=info.song if sound is None and info.song is not None and _is_silent(path) else sound)


def _is_silent(path: Path) -> bool:
    try:
        return probe_video(path).audio is None
    except InputError:
        return False


READER = Reader(
    "videos (.mp4, .mov, .avi, .mkv, .webm)", _claims, _read, describe=_describe, kind="video", rank=VIDEO_RANK
)
