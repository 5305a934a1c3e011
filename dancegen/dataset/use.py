"""How much of recorded takes is in the clips of a dataset, and what is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dancegen.dataset.pairing import MeasuredTake, PairedClips
from dancegen.dataset.seen import SeenTake

WORTH_SAYING_S = 0.5
"""Dance that no song had room for."""


@dataclass(frozen=True)
class Use:
    """source_s: what takes have; used_s: what of it is in a clip, each moment once; waiting_s: how long people only
    stand in them, before and after the dance, or are not seen. missing: dances that are not whole, in words.
    """

    source_s: float
    used_s: float
    waiting_s: float
    missing: tuple[str, ...]

    def summary(self) -> dict[str, float]:
        """The figures for a person."""
        figures = {
            "source_seconds": self.source_s, "of_source_seconds": self.used_s, "waiting_seconds": self.waiting_s,
        }  # fmt: skip
        return {name: round(seconds, 1) for name, seconds in figures.items()}


def use_of(takes: Sequence[MeasuredTake | SeenTake], paired: Iterable[PairedClips], shown: Mapping[str, str]) -> Use:
    """What became of the seconds of takes. shown: what a person calls each take."""
    taken: dict[str, list[tuple[float, float]]] = {take.digest: [] for take in takes}
    for one in paired:
        for clip, span in zip(one.clips, one.taken, strict=True):
            taken[clip.source].append(span)
    missing = []
    for take in takes:
        danced, used = covered(take.spans), covered(taken[take.digest])
        if used and danced - used > WORTH_SAYING_S:
            missing.append(f"{shown[take.name]} ({danced - used:.1f} of {danced:.1f} s)")
    return Use(
        source_s=sum(take.seconds for take in takes),
        used_s=sum(map(covered, taken.values())),
        waiting_s=sum(take.seconds - covered(take.spans) for take in takes),
        missing=tuple(missing),
    )


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds that lie in any of these (start, end) spans, each once."""
    total, reached = 0.0, -np.inf
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total
