"""A film in segments: pieces of its painted frames, each painted by itself, that share a few frames with the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Segment:
    """Painted frames `first` to `stop`; from `start` on they are the segment's own, before that shared."""

    first: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def shared(self) -> int:
        """How many frames it shares with the segment before."""
        return self.start - self.first


def cut(frames: int, borders: Sequence[int], *, longest: int, overlap: int, shortest: int) -> list[Segment]:
    """Cut frames 0 to `frames` at `borders` and wherever a piece would have more than `longest` frames of its own.

    Pieces are counted from the border before, so that a film that goes on longer keeps the segments it had. Each
    segment but the first begins `overlap` frames early, and earlier still where it would have less than `shortest`.
    """
    starts = [at for a, b in pairwise(_edges(frames, borders)) for at in range(a, b, longest)]
    pieces = zip(starts, [*starts[1:], frames], strict=True)
    return [
        Segment(max(0, min(start - overlap, stop - shortest)) if start else 0, start, stop) for start, stop in pieces
    ]


def cut_chained(
    frames: int, borders: Sequence[int], cuts: Sequence[int], *, longest: int, overlap: int
) -> list[Segment]:
    """The same for segments that each begin with the last `overlap` frames of the one before.

    With them, a segment has at most `longest` frames. After each of the `cuts` the chain begins afresh.
    """
    found = []
    for shot, end in pairwise(_edges(frames, cuts)):
        inside = [border for border in borders if shot < border < end]
        for start, border in pairwise([shot, *inside, end]):
            while start < border:
                first = max(shot, start - overlap)
                stop = min(border, first + longest)
                found.append(Segment(first, start, stop))
                start = stop
    return found


def crossfade(overlap: int) -> np.ndarray:
    """(overlap,) float32: the share of the later segment in each shared frame, rising evenly, never 0 or 1."""
    return (np.arange(1, overlap + 1) / (overlap + 1)).astype(np.float32)


def _edges(frames: int, borders: Sequence[int]) -> list[int]:
    return sorted({0, frames, *(border for border in borders if 0 < border < frames)})
