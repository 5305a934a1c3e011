"""What lies beside a recording and belongs to it: its song, and the video that it was made from."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dancegen.audio import AUDIO_SUFFIXES
from dancegen.errors import DancegenError
from dancegen.motion.readers.databases import TakeInfo, aist_music, take_info
from dancegen.video import VIDEO_SUFFIXES, VideoFile

POSES = "poses.npz"
"""The name of the poses of any dance that dancegen made."""


def describe(path: Path) -> TakeInfo:
    """What the name and place of a recording say (`databases.take_info`), with the song that lies beside it."""
    info = take_info(path)
    if info.song is None and (song := song_beside(path)) is not None:
        return replace(info, song=song[0], song_start_s=song[1])
    return info


def how_to_give_a_song(path: Path) -> str:
    """What to do for a recording that has no song."""
    music = aist_music(path)
    if music is not None:
        return f"put {music}.mp3 (or another sound file of that name) into a folder called music beside AIST++'s own"
    return f"put a sound file of the same name beside it, such as {path.name if path.is_dir() else path.stem}.mp3"


def song_beside(path: Path) -> tuple[Path, float] | None:
    """The song of a recording, and where in it the recording begins, in seconds; None where there is none.

    It is the sound file of the same name, or the only one inside the recording's folder; else the sound of the video of
    the same name, which may begin after the first picture.
    """
    sound = beside(path, AUDIO_SUFFIXES)
    if sound is not None:
        return sound, 0.0
    video = video_beside(path)
    with suppress(DancegenError, OSError):
        if video is not None and (late_s := VideoFile(video).sound_starts_s) is not None:
            return video, -late_s
    return None


def video_beside(path: Path) -> Path | None:
    """The video that a recording was made from, by the rules of `song_beside`."""
    return beside(path, VIDEO_SUFFIXES)


def beside(path: Path, suffixes: Collection[str]) -> Path | None:
    """The file with one of these endings that belongs to a recording: of its name, or the only one in its folder.

    Folders have files of their name beside them; poses.npz, which says nothing, has the folder that it lies in.
    """
    name = path.name if path.is_dir() else path.stem
    named = [path.parent / (name + ending) for suffix in suffixes for ending in (suffix, suffix.upper())]
    inside = _files(path if path.is_dir() else path.parent, suffixes) if path.is_dir() or path.name == POSES else []
    return next(filter(Path.is_file, named), inside[0] if len(inside) == 1 else None)


def _files(folder: Path, suffixes: Collection[str]) -> list[Path]:
    # What begins with a dot is what macOS keeps beside a file of that name.
    with suppress(OSError):
        inside = (path for path in folder.iterdir() if path.suffix.lower() in suffixes)
        return sorted(path for path in inside if path.is_file() and not path.name.startswith("."))
    return []
