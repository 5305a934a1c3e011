"""What the artifacts commands share: tables, amounts that people write, and how a thing of the store is named."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from dancegen.cli.layout import screen_width
from dancegen.errors import InputError
from dancegen.formatting import age

if TYPE_CHECKING:
    from dancegen.store import Artifact, Manifest, Store
    from dancegen.store.listing import Listed

_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*\Z")
_DAYS = {"d": 1.0, "w": 7.0, "h": 1 / 24, "min": 1 / 1440}
_BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
          "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
          "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}  # fmt: skip
_LEAST_DIGITS, _ALL_DIGITS = 8, 16
_GAP, _INDENT = "  ", "    "


def days(flag: str, text: str | None) -> float | None:
    """Days from 30d, 2w, 12h or 30min. Raises InputError."""
    return None if text is None else _amount(flag, text, _DAYS, "a number and d, w, h or min, like 30d")


def size_in_bytes(flag: str, text: str | None) -> int | None:
    """Bytes from 20GB, 500MB or 1.5TiB. Raises InputError."""
    return None if text is None else int(_amount(flag, text, _BYTES, "a number and MB, GB or TB, like 20GB"))


def _amount(flag: str, text: str, units: dict, like: str) -> float:
    found = _AMOUNT.match(text)
    if found is None or found[2].lower() not in units:
        raise InputError(f"{flag} {text}: write {like}")
    return float(found[1]) * units[found[2].lower()]


def made_ago(created: str) -> str:
    """How long ago a moment in ISO 8601 was."""
    return age(time.time() - seconds_of(created))


def seconds_of(created: str) -> float:
    """A moment in ISO 8601 in seconds since 1970; 0 for what is none."""
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return 0.0


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns; those that are empty are left out. What a narrow screen has no room for goes on below."""
    kept = [column for column in range(len(head)) if any(row[column] for row in rows)]
    cells = [[row[column] for column in kept] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(kept))]
    width, beside = screen_width(), len(kept)
    while width is not None and beside > 1 and sum(widths[:beside]) + len(_GAP) * (beside - 1) > width:
        beside -= 1
    lines = []
    for row in cells:
        first = zip(row[:beside], widths, strict=False)
        lines.append(_GAP.join(f"{cell:<{size}}" for cell, size in first).rstrip())
        below = _GAP.join(cell for cell in row[beside:] if cell)
        lines += [f"{_INDENT}{part}" for part in _filled(below, (width or 0) - len(_INDENT)) if part]
    return lines


def _filled(text: str, room: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, max(room, 1), break_long_words=False, break_on_hyphens=False) or [""]


def shown_digits(listed: Sequence[Listed]) -> int:
    """How many digits a list shows: all that name a directory, on a narrow screen as many as tell them apart."""
    width = screen_width()
    if width is None or width >= 100:
        return _ALL_DIGITS
    digits = _LEAST_DIGITS
    while digits < _ALL_DIGITS and len({each.digest[:digits] for each in listed}) < len({e.digest for e in listed}):
        digits += 2
    return digits


def source_in(store: Store):
    """From an input that is an artifact to the manifest of what made it; None where the store has none."""
    from dancegen.store import Artifact, Unusable

    listing = store.listing()

    def source(item) -> Manifest | None:
        found = listing.source(item)
        try:
            return None if found is None else Artifact.read(found.path).manifest
        except Unusable:
            return None

    return source


def listed_in(store: Store, reference: str) -> tuple[Artifact, Listed]:
    """The artifact that a person means, as the store's own directory lists it.

    Raises InputError where it lies elsewhere.
    """
    from dancegen.store.listing import listed_of

    artifact = store.look_up(reference)
    if artifact.path.parent.parent != store.root:
        raise InputError(f"{artifact.path} is not in the store {store.root}: only what is there can be changed")
    return artifact, listed_of(artifact)


def days_since(created: str) -> float:
    """Days since a moment in ISO 8601."""
    return (time.time() - seconds_of(created)) / 86_400
