"""The songs a person names: a file, or a folder of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import InputError
from dancegen.store import Input

AUDIO_SUFFIXES = {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".aac", ".opus", ".aif", ".aiff", ".wma", ".oga"}


@dataclass(frozen=True)
class SongFile:
    """A song's path, and its bytes as a recipe's input."""

    path: Path
    input: Input


def find_songs(songs: str | Path, option: str) -> list[SongFile]:
    """The song that a path names, or those of a folder and all folders in it, each content once.

    option: what the person named them with, for the message. Raises InputError where there are none.
    """
    folder = Path(songs)
    if not folder.exists():
        raise InputError(f"there is no {folder}: {option} takes a song or a folder of songs")
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if _is_song(path))
    if not files:
        raise InputError(f"{folder} holds no songs: give wav, flac, ogg, mp3 or m4a files")
    found: dict[str, SongFile] = {}
    for path in files:
        song = song_file(path)
        found.setdefault(song.input.digest, song)
    return list(found.values())


def song_file(path: Path) -> SongFile:
    """A song with the hash of its bytes. Raises InputError where it cannot be read."""
    return SongFile(path, Input.file(f"song {path.stem}", path))


def _is_song(path: Path) -> bool:
    # What begins with a dot is what macOS keeps beside a song of that name.
    return path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
