"""Splits: which performances a model learns from, and which are held out to validate it.

A split is by performance, never by clip: partners, mirror images and other cameras of one performance, and all songs it
is danced to, stay on one side.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Where a take comes from: the performance it shows, and the source (a folder, say) that it was found in.

    split: "train" or "val", as its database's own lists prescribe; None where chance decides.
    """

    performance: str
    source: str
    split: str | None = None


def split_performances(takes: Iterable[Origin], val_fraction: float, seed: int) -> dict[str, str]:
    """The split of every performance; of takes that show the same one, the first counts.

    What a database prescribes holds. Of the rest each source gives its share to "val", so that a small source is not
    left out; which performances is up to the seed. At least one goes to "val" where there are two or more and the
    fraction is not 0, and at least one stays in "train".
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
