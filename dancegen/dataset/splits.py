"""Splits: which performances a model learns from, and which are held out to validate it.

A split is by performance, never by clip: partners, mirror images and other cameras of one performance, and all songs it
is danced to, stay on one side.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

SPLITS = ("train", "val")


def split_performances(
    sources: Mapping[str, str], val_fraction: float, seed: int, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The split of every performance. `sources` maps it to where it comes from (its first source folder).

    given: splits that a database's own lists prescribe; they hold, and the rest is divided by chance. Each source gives
    its share to "val", so that a small one is not left out; which performances is up to the seed. At least one goes to
    "val" where there are two or more and the fraction is not 0, and at least one stays in "train".
    """
    fixed = dict(given or {})
    order = sorted(sources.keys() - fixed.keys(), key=lambda name: (zlib.crc32(f"{seed}/{name}".encode()), name))
    val: list[str] = []
    for source in sorted({sources[name] for name in order}):
        own = [name for name in order if sources[name] == source]
        val += own[: round(val_fraction * len(own))]
    if not val and val_fraction > 0 and "val" not in fixed.values():
        val = order[:1]
    if len(val) == len(order) and "train" not in fixed.values():
        val = val[:-1]
    return fixed | {name: "val" if name in val else "train" for name in order}
