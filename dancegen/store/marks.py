"""What people put on artifacts: names, by which to ask for them, and pins, which keep them.

    .names/<name in lower case>.json    the name as it was given, and whose it is
    .pins/<stage>/<16 hex>.json         an artifact that is to be kept

They lie in the store and hold for everybody who uses it. One name is one artifact's; an artifact may have several.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import InputError
from dancegen.store.atomic import read_json, write_json, writing
from dancegen.store.recipe import SHORT

_NAMES, _PINS = ".names", ".pins"
_NAME = re.compile(r"[^\W\d_][\w-]{0,47}\Z")
_DIGITS = re.compile(r"[0-9a-fA-F]+\Z")
_RESERVED = ("latest", "all", "none")

Place = tuple[str, str]
"""A stage, and the digits that name an artifact's directory."""


@dataclass(frozen=True)
class Marks:
    """The names and pins in the roots of a store; new ones go into the first."""

    roots: tuple[Path, ...]

    def find(self, name: str) -> Place | None:
        """Whose a name is; None where nobody gave it."""
        for root in self.roots:
            found = read_json(self._name(root, name)) if _NAME.match(_normal(name)) else None
            if found is not None:
                return str(found.get("stage", "")), str(found.get("digest", ""))[:SHORT]
        return None

    def give(self, name: str, stage: str, digest: str) -> Place | None:
        """Name an artifact; whose the name was before, where that was another's. Raises InputError, StoreError."""
        name = check_name(name)
        before, now = self.find(name), (stage, digest[:SHORT])
        if before != now:
            write_json(self._name(self.roots[0], name), {"name": name, "stage": stage, "digest": digest})
        return None if before in (None, now) else before

    def names(self) -> dict[Place, list[str]]:
        """By artifact, its names in order."""
        seen: dict[str, tuple[str, Place]] = {}
        for root in self.roots:
            for path in _files(root / _NAMES, "*.json"):
                said = read_json(path) or {}
                place = (str(said.get("stage", "")), str(said.get("digest", ""))[:SHORT])
                seen.setdefault(path.name, (str(said.get("name", path.stem)), place))
        found: dict[Place, list[str]] = {}
        for name, place in sorted(seen.values()):
            found.setdefault(place, []).append(name)
        return found

    def pin(self, stage: str, digest: str) -> bool:
        """Keep an artifact; False where it was pinned already. Raises StoreError."""
        path = self._pin(stage, digest)
        if path.exists():
            return False
        write_json(path, {"stage": stage, "digest": digest})
        return True

    def unpin(self, stage: str, digest: str) -> bool:
        """Let go of an artifact; False where it was not pinned. Raises StoreError."""
        path = self._pin(stage, digest)
        there = path.exists()
        with writing(path):
            path.unlink(missing_ok=True)
        return there

    def pins(self) -> set[Place]:
        """Every artifact that is pinned."""
        return {(path.parent.name, path.stem) for root in self.roots for path in _files(root / _PINS, "*/*.json")}

    def forget(self, stage: str, digest: str) -> None:
        """Take the pin and all names of an artifact that was removed. Raises StoreError."""
        self.unpin(stage, digest)
        for name in self.names().get((stage, digest[:SHORT]), []):
            path = self._name(self.roots[0], name)
            with writing(path):
                path.unlink(missing_ok=True)

    def _name(self, root: Path, name: str) -> Path:
        # By the folded name: a disk that knows no capitals must not give one name two meanings.
        return root / _NAMES / f"{_normal(name).casefold()}.json"

    def _pin(self, stage: str, digest: str) -> Path:
        return self.roots[0] / _PINS / stage / f"{digest[:SHORT]}.json"


def check_name(name: str, taken: Collection[str] = ()) -> str:
    """The name in its normal form. taken: words that mean something else already.

    Raises InputError for what is no name, or could be taken for a digest, a path, or one of those words.
    """
    normal = _normal(name)
    if not _NAME.match(normal):
        raise InputError(
            f"--name {name}: a name begins with a letter and has up to 48 letters, digits, - and _, like summer-tour"
        )
    if _DIGITS.match(normal):
        raise InputError(f"--name {name} could be the beginning of a digest: add a letter after f, or a -")
    if normal.casefold() in {word.casefold() for word in (*taken, *_RESERVED)}:
        raise InputError(f"--name {name} means something else already: choose another name")
    return normal


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _files(folder: Path, pattern: str) -> Iterable[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else ()
