"""What a person's words for an artifact mean: a directory's path, a digest, the beginning of one, or steps back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from dancegen.errors import InputError, NotFoundError
from dancegen.store.manifest import MANIFEST
from dancegen.store.recipe import SHORT

_HEX = re.compile(r"[0-9a-f]+\Z")
_BACK = re.compile(r"([a-z][a-z0-9-]*)(?:@latest|~(\d{1,6}))\Z")
_SHORTEST_PREFIX = 4
_HOW_TO_SEE = "see what there is with: dancegen artifacts ls"


def by_path(reference: str | Path, *, otherwise: bool = False) -> Path | None:
    """The artifact's directory, or None where the reference is not a path at all.

    otherwise: whether the reference means something else, unless there is an artifact of that path. Raises InputError
    where something else is there, NotFoundError where nothing is.
    """
    path = Path(reference)
    if (path / MANIFEST).is_file():
        return path.resolve()
    if otherwise:
        return None
    if path.exists() and not _HEX.match(str(path)):  # a folder may happen to be called like a digest
        raise InputError(f"{path} is not an artifact's directory: it has no {MANIFEST}")
    if len(path.parts) > 1:
        raise NotFoundError(f"{path} does not exist; {_HOW_TO_SEE}")
    return None


def steps_back(reference: str) -> tuple[str, int] | None:
    """The stage, and how far before its newest artifact: `train@latest` is 0, `train~2` is 2; None for other words."""
    found = _BACK.match(reference)
    return None if found is None else (found[1], int(found[2] or 0))


def by_digest(reference: str, stage: str | None, directories: Callable[[], list[Path]]) -> Path:
    """The directory among `directories` whose name begins like the reference.

    Digits shared with another stage's artifact are no ambiguity where only one stage makes sense. Raises InputError
    where several begin so, NotFoundError where none does or the reference is no digest.
    """
    prefix = reference.lower()
    if not _HEX.match(prefix) or len(prefix) < _SHORTEST_PREFIX:
        raise NotFoundError(
            f"{reference} is neither an artifact's directory, nor {_SHORTEST_PREFIX} or more digits of a digest, nor a "
            "name that was given with --name; "
            f"{_HOW_TO_SEE}"
        )
    found = [path for path in directories() if path.name.startswith(prefix[:SHORT])]
    found = [path for path in found if path.parent.name == stage] or found
    if len(found) > 1:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in found)
        raise InputError(f"several artifacts begin with {reference}: {names}; give more digits")
    if not found:
        raise NotFoundError(f"no artifact begins with {reference}; {_HOW_TO_SEE}")
    return found[0]
