"""How a dance is cut into clips: all of its seconds are in one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dancegen.audio.features import FRAME_RATE

SHORTEST_S = 2.0
"""A shorter dance gives no clip, unless clips themselves are to be shorter."""
_ROUNDING = 1e-6
"""Of a frame: times are sums of floating-point numbers."""


@dataclass(frozen=True)
class Piece:
    """A clip to cut. start_s: where it begins, in seconds of the song; overlap_s: how much the one before holds too."""

    start_s: float
    frames: int
    overlap_s: float = 0.0


def pieces(start_s: float, end_s: float, clip_s: float, fps: float, grid: float = FRAME_RATE) -> list[Piece]:
    """The clips of a dance from `start_s` to `end_s` of its song, `clip_s` long each.

    They follow each other; the last one ends with the dance and so overlaps the one before it. A dance shorter than a
    clip gives one that is as long as the dance, down to two seconds. Starts lie on a grid of so many moments a
    second: the frames of the log-mel, or of a video.
    """
    whole = round(clip_s * fps)
    start = _moment_after(start_s, grid)
    most = _frames_between(start, end_s, fps)
    if most < min(whole, max(2, round(SHORTEST_S * fps))):
        return []
    if most <= whole:
        return [Piece(start, most)]
    found, reached = [], start
    while _frames_between(start, end_s, fps) >= whole:
        found.append(Piece(start, whole))
        reached = start + whole / fps
        start = _moment_after(reached, grid)
    if _frames_between(reached, end_s, fps) >= 1:
        last = _moment_before(end_s - whole / fps, grid)
        found.append(Piece(last, whole, reached - last))
    return found


def _frames_between(start_s: float, end_s: float, fps: float) -> int:
    return math.floor((end_s - start_s) * fps + _ROUNDING)


def _moment_after(seconds: float, grid: float) -> float:
    return math.ceil(seconds * grid - _ROUNDING) / grid


def _moment_before(seconds: float, grid: float) -> float:
    return math.floor(seconds * grid + _ROUNDING) / grid
