"""Hard cuts, seen in the pictures of a video while they pass by."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


class ShotFinder:
    """Finds where the camera cuts, from pictures that are shown to it one after the other."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self._cuts: list[int] = []
        self._count = 0

    def see(self, frame: np.ndarray) -> None:
        """The next picture, (H, W, 3) uint8 RGB."""
        small = frame[:: max(1, frame.shape[0] // 32), :: max(1, frame.shape[1] // 32)].astype(np.float32)
        if self._last is not None and np.abs(small - self._last).mean() > 40:
            self._cuts.append(self._count)
        self._last, self._count = small, self._count + 1

    def cuts(self) -> np.ndarray:
        """(C,) int, ascending: the pictures with which a new shot begins, of all that were shown."""
        return np.array(self._cuts, int)


def find_shots(frames: Iterable[np.ndarray]) -> np.ndarray:
    """(C,) int, ascending: the pictures with which a new shot begins. One picture at a time is held."""
    finder = ShotFinder()
    for frame in frames:
        finder.see(frame)
    return finder.cuts()
