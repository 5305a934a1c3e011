"""Databases of recorded dance: what the name of a recording says before anything in it is read.

A database decides which recordings show one performance, and may come with lists of its own for training and
validation; how a file is read is the matter of its format (see `readers.registry`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dancegen.audio import AUDIO_SUFFIXES

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
    no split ever parts them. split: "train", "val" or "test" where the database has its own lists. genre, performer: as
    the database names them. song, song_start_s: the recording's own music, and where in it the recording begins.
    ignored: why the database itself leaves the recording out. situation: what was danced for, such as "battle"; camera:
    the only one that filmed it; both as the database names them.
    """

    performance: str
    split: str | None = None
    genre: str | None = None
    performer: str | None = None
    song: Path | None = None
    song_start_s: float = 0.0
    ignored: str | None = None
    situation: str | None = None
    camera: str | None = None


def take_info(path: Path) -> TakeInfo:
    """What the name and place of a recording say, in AIST++'s way of naming, in CMU's, or in any other."""
    match = _AIST_NAME.match(path.stem)
    return TakeInfo(performance(path.stem)) if match is None else _aist(path, *match.groups())


def is_aist(path: Path) -> bool:
    """Whether a recording has a name as AIST gives it."""
    return _AIST_NAME.match(path.stem) is not None


def aist_music(path: Path) -> str | None:
    """The id of the music that a recording of AIST's name is danced to, such as mBR0; None of other names."""
    match = _AIST_NAME.match(path.stem)
    return None if match is None else match[5]


def is_aist_file(path: Path, folder: str) -> bool:
    """Whether a file is one of AIST++'s by its name and the folder that it lies in."""
    return is_aist(path) and path.parent.name == folder


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


_AIST_NAME = re.compile(r"^g([A-Z]{2})_s([A-Z]{2})_c(All|\d\d)_d(\d\d)_(m[A-Z]{2}\d)_ch\d\d$")
AIST_GENRES = {
    "BR": "break", "PO": "pop", "LO": "lock", "MH": "middle-hip-hop", "LH": "la-hip-hop", "HO": "house", "WA": "waack",
    "KR": "krump", "JS": "street-jazz", "JB": "ballet-jazz",
}  # fmt: skip
"""By the code in a name of AIST (Tsuchida et al., ISMIR 2019)."""
AIST_SITUATIONS = {
    "BM": "basic", "FM": "advanced", "GR": "group", "SH": "showcase", "CY": "cypher", "BT": "battle",
    "MO": "moving-camera",
}  # fmt: skip
_AIST_LISTS = {"crossmodal_train.txt": "train", "crossmodal_val.txt": "val", "crossmodal_test.txt": "test"}
_AIST_IGNORED = "ignore_list.txt"
_MUSIC_FOLDERS = ("music", "songs", "audio", "wav", "wavs")


def _aist(path: Path, genre: str, situation: str, camera: str, dancer: str, music: str) -> TakeInfo:
    """What AIST++'s name of a sequence says, such as gBR_sBM_cAll_d04_mBR0_ch03, and the lists that lie near it.

    A dance begins with its music. All cameras of a sequence show one performance. Its lists are looked for in `splits`,
    and the music by its id in `music` and the like, in the folder above and the two above that.
    """
    sequence = re.sub(r"_c(All|\d\d)_", "_cAll_", path.stem)
    homes = [*path.absolute().parents][:3]
    return TakeInfo(
        performance=sequence,
        split=next((split for name, split in _AIST_LISTS.items() if _listed(sequence, name, homes)), None),
        genre=AIST_GENRES.get(genre),
        performer=f"d{dancer}",
        situation=AIST_SITUATIONS.get(situation),
        camera=None if camera == "All" else f"c{camera}",
        song=next(filter(None, (_named(music, home / folder) for home in homes for folder in _MUSIC_FOLDERS)), None),
        ignored="AIST++'s own ignore list names it" if _listed(sequence, _AIST_IGNORED, homes) else None,
    )


def _listed(sequence: str, name: str, homes: list[Path]) -> bool:
    return any(sequence in _lines(home / folder / name) for home in homes for folder in (".", "splits"))


@cache
def _lines(path: Path) -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8-sig").split()) if path.is_file() else frozenset()


@cache
def _named(stem: str, folder: Path) -> Path | None:
    """The song of a name in a folder, whatever its format."""
    if not folder.is_dir():
        return None
    songs = (path for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES)
    return next((path for path in songs if path.stem == stem and path.is_file()), None)
