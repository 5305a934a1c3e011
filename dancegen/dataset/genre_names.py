"""genres.json: which take is of which genre, in the folder that the takes lie in.

    {"J_Dance17_Shuffle": "shuffle", "J_*": "party", "salsa/*": "salsa"}

A name is a take's (its file's, with or without the suffix), or a pattern; with a slash it is the path from the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from dancegen.errors import InputError, reading
from dancegen.text import read_json

GENRES_FILE = "genres.json"
LONGEST = 60
"""Characters of a genre's name."""
_WHAT = "list of genres"


@dataclass(frozen=True)
class GenreNames:
    """A genres.json that was read. used: the names and patterns in it that some take has."""

    path: Path
    names: dict[str, str]
    used: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> GenreNames:
        """Raises InputError for what is no such file."""
        record = read_json(path, _WHAT)
        with reading(path, _WHAT):
            if not isinstance(record, dict) or not record:
                raise InputError(f'{path} should say which take is of which genre, like {{"60_*": "salsa"}}')
            return cls(path, {name: _genre(genre, name, path) for name, genre in record.items()})

    def genre_of(self, take: Path) -> str | None:
        """The genre of a take below this file's folder: by its whole name, else by the first pattern that it fits."""
        inside = take.relative_to(self.path.parent)
        own = {take.name, take.stem, inside.as_posix(), inside.with_suffix("").as_posix()}
        found = next((name for name in self.names if name in own), None)
        if found is None:
            found = next((name for name in self.names if any(fnmatchcase(each, name) for each in own)), None)
        if found is None:
            return None
        self.used.add(found)
        return self.names[found]

    @property
    def unused(self) -> list[str]:
        """Names and patterns that no take has had so far."""
        return [name for name in self.names if name not in self.used]


def _genre(genre: object, name: str, path: Path) -> str:
    plain = " ".join(genre.split()) if isinstance(genre, str) else ""
    if not plain or len(plain) > LONGEST or not plain.isprintable():
        raise InputError(f"{path}: the genre of {name} should be a name of 1 to {LONGEST} letters, not {genre!r:.80}")
    return plain


class GenreFiles:
    """The genres.json files in folders of takes, each read once."""

    def __init__(self) -> None:
        self._read = cache(GenreNames.read)
        self._found: dict[Path, GenreNames] = {}

    def genre_of(self, take: Path, source: Path) -> str | None:
        """Of a take in a source: what the file says that is nearest above it and knows it. Raises InputError."""
        top = source if source.is_dir() else source.parent
        for folder in [folder for folder in take.parents if folder == top or top in folder.parents]:
            path = folder / GENRES_FILE
            if path.is_file():
                names = self._found[path] = self._read(path)
                if (genre := names.genre_of(take)) is not None:
                    return genre
        return None

    @property
    def unused(self) -> dict[Path, list[str]]:
        """By file, what no take was asked for by."""
        return {path: names.unused for path, names in self._found.items() if names.unused}
