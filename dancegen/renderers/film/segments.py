"""A film in segments: pieces of key frames, each painted by itself, that share a few frames with the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class Segment:
    """Key frames `first` to `stop` are painted; from `start` on they are the segment's own, before that shared."""

    first: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.first


def cut(frames: int, borders: Sequence[int], *, longest: int, overlap: int, window: int) -> list[Segment]:
    """Cut key frames 0 to `frames` at `borders` and wherever a piece would be longer than `longest`.

    Cuts are counted from the piece's beginning, so that a film that goes on longer keeps the segments it had. Each
    segment but the first begins `overlap` frames early, and earlier still where it would have less than a window.
    """
    edges = sorted({0, frames, *(border for border in borders if 0 < border < frames)})
    starts = [at for a, b in pairwise(edges) for at in range(a, b, longest)]
    pieces = zip(starts, [*starts[1:], frames], strict=True)
    return [Segment(max(0, min(start - overlap, stop - window)) if start else 0, start, stop) for start, stop in pieces]


def windows(frames: int, size: int, stride: int) -> list[tuple[int, int]]:
    """(first, stop) of the context windows over so many frames: `stride` apart, the last one ends with the frames."""
    if frames <= size:
        return [(0, frames)]
    starts = [*range(0, frames - size, stride), frames - size]
    return [(start, start + size) for start in starts]


def settled(frames: int, size: int, stride: int) -> list[slice]:
    """After each of the `windows`, the frames that no later one sees; together they are all frames, in order."""
    starts = [first for first, _ in windows(frames, size, stride)]
    return [slice(first, stop) for first, stop in pairwise([*starts, frames])]


def pyramid(size: int) -> np.ndarray:
    """(size,) float32 weights of a window's frames where several see one: 1, 2, 3, ..., 3, 2, 1."""
    ramp = np.arange(1, size + 1)
    return np.minimum(ramp, ramp[::-1]).astype(np.float32)


def crossfade(overlap: int) -> np.ndarray:
    """(overlap,) float32: the share of the later segment in each shared frame, rising evenly, never 0 or 1."""
    return (np.arange(1, overlap + 1) / (overlap + 1)).astype(np.float32)
