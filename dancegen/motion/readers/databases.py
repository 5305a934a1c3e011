"""Databases of recorded dance: what the name of a recording says before anything in it is read.

A database decides which recordings show one performance, and may come with lists of its own for training and
validation; how a file is read is the matter of its format (see `readers.registry`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

# CMU subjects that were recorded together: both files of such a take show one performance.
_CMU_PARTNERS = {
    subject: f"{a}+{b}"
    for a, b in (("18", "19"), ("20", "21"), ("22", "23"), ("33", "34"), ("60", "61"))
    for subject in (a, b)
}
_CMU_NAME = re.compile(r"^(\d{2,3})_(\d{2})(?=$|[_.-])")
_COPY = re.compile(r"[_-](scaled|mirror|mirrored|retimed)$")


@dataclass(frozen=True)
class TakeInfo:
    """What is known of a recording by its name and place.

    performance: recordings of one performance (partners, cameras, mirror images, copies at another speed) share it, and
    no split ever parts them. split: "train" or "val" where the database has its own lists. genre, performer: as the
    database names them. song, song_start_s: the recording's own music, and where in it the recording begins.
    """

    performance: str
    split: str | None = None
    genre: str | None = None
    performer: str | None = None
    song: Path | None = None
    song_start_s: float = 0.0


def motion_capture(path: Path) -> TakeInfo:
    """What the name of a motion capture file says, in CMU's way of naming or any other."""
    return TakeInfo(performance(path.stem))


def performance(stem: str) -> str:
    """The performance that a motion capture file shows, by its name; copies of it share one.

    "60_05_scaled" and "61_05_scaled", the salsa couple of CMU's database, both give "60+61_05".
    """
    plain = stem
    while _COPY.search(plain):
        plain = _COPY.sub("", plain)
    match = _CMU_NAME.match(plain)
    if match:
        return f"{_CMU_PARTNERS.get(match[1], match[1])}_{match[2]}{plain[match.end() :]}"
    return plain
