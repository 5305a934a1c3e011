"""The songs a person names: a file, or a folder of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.audio import AUDIO_SUFFIXES
from dancegen.errors import InputError
from dancegen.stages.own_outputs import files_below
from dancegen.store import Input

if TYPE_CHECKING:
    from dancegen.audio.load import SongInfo

DEMO = "demo"
"""What a person calls the song that comes with dancegen."""


@dataclass(frozen=True)
class SongFile:
    """A song's file, which is read no more often than needed."""

    path: Path

    @cached_property
    def input(self) -> Input:
        """Its bytes as a recipe's input. Raises InputError where it cannot be read."""
        return Input.file(f"song {self.path.stem}", self.path)

    @cached_property
    def info(self) -> SongInfo:
        """What it says about itself. Raises AudioError as `probe` does."""
        from dancegen.audio.load import probe

        return probe(self.path)


def find_songs(songs: str | Path, option: str, unreadable: list[str] | None = None) -> list[SongFile]:
    """The song that a path names, `demo` among them, or those of a folder and all folders in it, each content once.

    What is in dancegen's own datasets is left alone. option: what the person named them with, for the message.
    unreadable: where it is given, files that cannot be read go there with the reason. Raises InputError where there are
    none, and without `unreadable` where one cannot be read.
    """
    folder = Path(songs) if Path(songs).is_dir() else song_path(songs)
    if not folder.exists():
        raise InputError(f"there is no {folder}: {option} takes a song or a folder of songs")
    files = [folder] if folder.is_file() else sorted(path for path in files_below(folder) if _is_song(path))
    if not files:
        raise InputError(f"{folder} holds no songs: give wav, flac, ogg, mp3 or m4a files")
    found: dict[str, SongFile] = {}
    for path in files:
        song = SongFile(path)
        try:
            found.setdefault(song.input.digest, song)
        except InputError as error:
            if unreadable is None:
                raise
            unreadable.append(f"{path.name}: {error}")
    if not found and unreadable:
        raise InputError(f"none of the songs can be read: {unreadable[0]}")
    return list(found.values())


def song_path(song: str | Path) -> Path:
    """The song's file; `demo` is the bundled one, unless a file of that name lies here."""
    if str(song) == DEMO and not Path(DEMO).is_file():
        from dancegen.assets import asset

        return asset("demo.ogg")
    return Path(song)


def _is_song(path: Path) -> bool:
    # What begins with a dot is what macOS keeps beside a song of that name.
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
