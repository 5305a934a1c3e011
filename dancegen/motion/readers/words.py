"""Words and numbers of motion capture files, and how much of them is read: what a file claims is not believed."""

from __future__ import annotations

import math
from pathlib import Path

from dancegen.errors import MocapError
from dancegen.text import read_text

LARGEST_FILE = 512 * 2**20
"""Bytes: an hour at 120 frames a second with sixty joints has about 600 MB."""
MOST_JOINTS = 2000
"""A body with every finger, hair and cloth has a few hundred."""
MOST_PLACES = 24_000_000
"""Joints times frames that are placed at once, at some 250 bytes each: 55 minutes at 120 frames a second, 60 joints."""
LARGEST_SKELETON = 2 * 2**20
"""Bytes of an .asf, which says of each bone some 200."""
LONGEST_LINE = 20_000
"""Characters of a line of a skeleton."""
LONGEST_NAME = 200
"""Characters of a joint's name."""
LONGEST_WORD = 40
"""Characters of a file's word that a message shows."""


def read_lines(path: Path, most_bytes: int = LARGEST_FILE) -> list[str]:
    """The lines of a motion capture file in any encoding. Raises MocapError where it is too large or unreadable."""
    return read_text(path, "motion capture file", MocapError, most_bytes).splitlines()


def check_size(path: Path, joints: int, frames: int) -> None:
    """Raises MocapError where so many joints in so many frames would fill the memory."""
    if joints > MOST_JOINTS:
        raise MocapError(f"{path} has more than {MOST_JOINTS} joints: no body of a person has so many")
    if joints * frames > MOST_PLACES:
        raise MocapError(
            f"{path} has {frames} frames of {joints} joints, which would take more memory than is wise: cut it into "
            "parts, or leave out the joints of fingers and face"
        )


def whole_number(word: str) -> int | None:
    """The number that a word of plain digits stands for; None for anything else, and for more than nine digits."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 9 else None


def number(word: str) -> float | None:
    """The finite number that a word stands for, or None."""
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def shown(word: str) -> str:
    """A word of a file, quoted, for a message."""
    return repr(word if len(word) <= LONGEST_WORD else f"{word[: LONGEST_WORD - 1]}…")


def no_number(word: str) -> str:
    """What is wrong with a word that stands where a number should: "'zero' is not a number a joint can have"."""
    point = word.replace(",", ".", 1)
    if point != word and number(point) is not None:
        return f"{shown(word)} is written with a decimal comma: export the file with decimal points, or replace them"
    return f"{shown(word)} is not a number a joint can have"
