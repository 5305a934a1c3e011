"""A film in segments: pieces of its painted frames, each painted by itself, that share a few frames with the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Segment:
    """Painted frames `first` to `stop` of one shot; from `start` on they are the segment's own, before that shared.

    shot: which one of the film, from 0. Nothing of one shot is seen in another's frames.
    """

    first: int
    start: int
    stop: int
    shot: int = 0

    def __len__(self) -> int:
        return self.stop - self.first

    @property
    def shared(self) -> int:
        """How many frames it shares with the segment before."""
        return self.start - self.first


def cut(
    frames: int, borders: Sequence[int], cuts: Sequence[int] = (), *, longest: int, overlap: int, shortest: int
) -> list[Segment]:
    """Cut frames 0 to `frames` at `borders` and wherever a piece would have more than `longest` frames of its own.

    Pieces are counted from the border before, so that a film that goes on longer keeps the segments it had. Each
    segment but a shot's first begins `overlap` frames early, and earlier still where it would have less than
    `shortest`, but never before one of the `cuts`, with which a shot begins.
    """
    found = []
    for shot, (begin, end) in enumerate(pairwise(_edges(frames, cuts))):
        inside = [begin, *sorted({border for border in borders if begin < border < end}), end]
        starts = [at for a, b in pairwise(inside) for at in range(a, b, longest)]
        for start, stop in zip(starts, [*starts[1:], end], strict=True):
            first = start if start == begin else max(begin, min(start - overlap, stop - shortest))
            found.append(Segment(first, start, stop, shot))
    return found


def cut_chained(
    frames: int, borders: Sequence[int], cuts: Sequence[int], *, longest: int, overlap: int
) -> list[Segment]:
    """The same for segments that each begin with the last `overlap` frames of the one before.

    With them, a segment has at most `longest` frames. After each of the `cuts` the chain begins afresh.
    """
    found = []
    for shot, (begin, end) in enumerate(pairwise(_edges(frames, cuts))):
        inside = [border for border in borders if begin < border < end]
        for start, border in pairwise([begin, *inside, end]):
            while start < border:
                first = max(begin, start - overlap)
                stop = min(border, first + longest)
                found.append(Segment(first, start, stop, shot))
                start = stop
    return found


def crossfade(overlap: int) -> np.ndarray:
    """(overlap,) float32: the share of the later segment in each shared frame, rising evenly, never 0 or 1."""
    return (np.arange(1, overlap + 1) / (overlap + 1)).astype(np.float32)


def _edges(frames: int, borders: Sequence[int]) -> list[int]:
    return sorted({0, frames, *(border for border in borders if 0 < border < frames)})
