"""Splits: which performances a model learns from, and which are held out to validate or to test it.

A split is by performance, never by clip: partners, mirror images and other cameras of one performance, and all songs it
is danced to, stay on one side.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import InputError, reading
from dancegen.text import read_text

SIDES = ("train", "val", "test")
OWN, RANDOM = "own", "random"
SPLITS = (OWN, RANDOM, *SIDES)
"""What `--split` may be, besides a file: as databases prescribe, by chance, or everything on one side."""


@dataclass(frozen=True)
class Origin:
    """Where a take comes from: the performance it shows, and the source (a folder, say) that it was found in.

    split: "train", "val" or "test", as its database's own lists or a person prescribe; None where chance decides.
    """

    performance: str
    source: str
    split: str | None = None


@dataclass(frozen=True)
class SplitChoice:
    """What a person asks of the sides. how: one of SPLITS. named: the side of takes and performances, by a file."""

    how: str = OWN
    named: Mapping[str, str] | None = None

    def side(self, name: str, performance: str, own: str | None) -> str | None:
        """The side of a take that its database puts on `own`; None where chance decides."""
        if self.named is not None:
            return self.named.get(name, self.named.get(performance, own))
        if self.how in SIDES:
            return self.how
        return own if self.how == OWN else None

    def leaves_out(self, own: str | None) -> bool:
        """Whether a take belongs to another side than the one that is asked for, by its database's own lists."""
        return self.how in SIDES and own is not None and own != self.how

    @property
    def recipe(self) -> object:
        """What it is to a recipe: its content."""
        return self.how if self.named is None else dict(sorted(self.named.items()))


def split_choice(how: str | Path) -> SplitChoice:
    """What `--split` says: one of SPLITS, or a file with a line `NAME SIDE` for each take or performance.

    Raises InputError where it is neither.
    """
    if str(how) in SPLITS:
        return SplitChoice(str(how))
    path = Path(how)
    if not path.is_file():
        raise InputError(f"--split {how}: give {', '.join(SPLITS)}, or a file with a line NAME SIDE for each take")
    named: dict[str, str] = {}
    with reading(path, "list of sides"):
        for number, line in enumerate(read_text(path, "list of sides").splitlines(), 1):
            words = line.split("#")[0].replace(",", " ").split()
            if not words:
                continue
            if len(words) != 2 or words[1] not in SIDES:
                raise InputError(f"line {number} of {path} should be a name and train, val or test, as in: 60_05 val")
            if named.setdefault(words[0], words[1]) != words[1]:
                raise InputError(f"line {number} of {path} puts {words[0]} on a second side")
    if not named:
        raise InputError(f"{path} names no take: it should have lines like: 60_05 val")
    return SplitChoice(named=named)


def split_performances(takes: Iterable[Origin], val_fraction: float, seed: int) -> dict[str, str]:
    """The split of every performance; of takes that show the same one, the first that is prescribed counts.

    What is prescribed holds. Of the rest each source gives its share to "val", so that a small source is not left out;
    which performances is up to the seed. At least one goes to "val" where there are two or more and the fraction is not
    0, and at least one stays in "train".
    """
    sources: dict[str, str] = {}
    splits: dict[str, str] = {}
    for take in takes:
        sources.setdefault(take.performance, take.source)
        if take.split is not None:
            splits.setdefault(take.performance, take.split)
    free = sorted(sources.keys() - splits.keys(), key=lambda name: (zlib.crc32(f"{seed}/{name}".encode()), name))
    val: list[str] = []
    for source in sorted({sources[name] for name in free}):
        own = [name for name in free if sources[name] == source]
        val += own[: round(val_fraction * len(own))]
    if not val and val_fraction > 0 and "val" not in splits.values():
        val = free[:1]
    if len(val) == len(free) and "train" not in splits.values():
        val = val[:-1]
    return splits | {name: "val" if name in val else "train" for name in free}
