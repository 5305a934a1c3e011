"""Repetition within a dance, and copying of training data, in two-second windows relative to the mid-hip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dancegen.metrics.features import centred, movement_windows
from dancegen.metrics.motion import FPS, filled

WINDOW_S, APART_S = 2.0, 4.0
HOP_S, SEARCH_HOP_S = 0.5, 0.1
POSES = 10  # of a second of a window, that are compared
FINENESS = 0.01
"""Body heights: to what places of a repertoire are rounded, a fifth of how far real dance is from other real dance."""
_STEP = round(FPS / POSES)
_POSES = round(WINDOW_S * POSES)
_PLACES = 13 * 2
_SIZE = _POSES * _PLACES
_ROWS = 256  # of windows that are compared at a time: their distances to an hour of dance are 40 MB


def repetition_windows(positions: np.ndarray, hop_s: float = HOP_S) -> np.ndarray:
    """`(T, 13, 2)` to `(W, 520)` float32: ten poses a second of each two-second window, relative to the mid-hip.

    A joint that is never seen lies on the mid-hip; there are no windows where a hip is never seen.
    """
    windows = movement_windows(_bodies(positions), WINDOW_S, hop_s)[:, ::_STEP]
    return np.ascontiguousarray(windows.reshape(len(windows), _SIZE), np.float32)


def _bodies(positions: np.ndarray) -> np.ndarray:
    """Relative to the mid-hip of each frame, `(T, 13, 2)`; none where a hip is never seen."""
    bodies = centred(filled(positions))
    return np.nan_to_num(bodies if np.isfinite(bodies).any() else bodies[:0])


def variety(positions: np.ndarray) -> float:
    """How far a dance is from repeating itself, in body heights; nan where it is too short to.

    Median, over windows every 0.5 s, of the distance to the nearest window that begins at least 4 s away, looked for
    every 0.1 s; a distance is the root mean square of the coordinates' differences. A loop scores near 0, a whole take
    of real salsa 0.06 to 0.07; the longer a dance, the more there is to come near to.
    """
    windows, others = repetition_windows(positions), repetition_windows(positions, SEARCH_HOP_S)
    starts, places = np.arange(len(windows)) * HOP_S, np.arange(len(others)) * SEARCH_HOP_S
    nearest = np.full(len(windows), np.inf)
    for rows in _blocks(windows):
        distances = _distances(windows[rows], others)
        distances[np.abs(starts[rows, None] - places) < APART_S - 1e-6] = np.inf
        nearest[rows] = distances.min(axis=1, initial=np.inf)
    return _median(nearest)


@dataclass(frozen=True, eq=False)
class Repertoire:
    """The dances that a model may have learnt, as small as may be, to look for copies of them.

    `poses` (N, 26) int8 are of all dances, ten a second, relative to the mid-hip, in hundredths of a body height;
    `lengths` (D,) says how many are each dance's.
    """

    poses: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, dances: Iterable[np.ndarray]) -> Repertoire:
        """Of the positions (T, 13, 2) of each dance."""
        kept = [_bodies(positions)[::_STEP].reshape(-1, _PLACES) for positions in dances]
        rounded = np.rint(np.concatenate([np.zeros((0, _PLACES)), *kept]) / FINENESS)
        return cls(rounded.clip(-127, 127).astype(np.int8), np.array([len(poses) for poses in kept], np.int64))

    def windows(self) -> Iterator[np.ndarray]:
        """The windows of one dance after the other, every 0.1 s of it: (N, 520)."""
        for poses in np.split(self.poses, np.cumsum(self.lengths)[:-1]):
            if len(poses) >= _POSES:
                every = np.lib.stride_tricks.sliding_window_view(poses, _POSES, axis=0).swapaxes(1, 2)
                yield every.reshape(-1, _SIZE).astype(np.float32) * FINENESS

    def packed(self) -> dict[str, np.ndarray]:
        """Arrays that compress well: how each place changes from pose to pose, wrapping round, one place after the
        other."""
        return {"repertoire": np.diff(self.poses, axis=0, prepend=np.int8(0)).T, "repertoire_lengths": self.lengths}

    @classmethod
    def unpacked(cls, changes: np.ndarray, lengths: np.ndarray) -> Repertoire:
        """What `packed` gave. Raises ValueError for arrays that it did not give."""
        if changes.dtype != np.int8 or changes.shape != (_PLACES, lengths.sum()) or (lengths < 0).any():
            raise ValueError("its repertoire is none")
        return cls(np.cumsum(changes.T, axis=0, dtype=np.int8), lengths)


def nearest_training(windows: np.ndarray, training: Iterable[np.ndarray]) -> np.ndarray:
    """`(W,)` distances in body heights of (W, 520) windows to the nearest of the training dances' windows.

    `training` yields (N, 520) of one dance after the other, every 0.1 s of it, so that not all need be in memory.
    """
    nearest = np.full(len(windows), np.inf)
    for others in training:
        for rows in _blocks(windows):
            found = _distances(windows[rows], others).min(axis=1, initial=np.inf)
            nearest[rows] = np.minimum(nearest[rows], found)
    return nearest


def copying(distances: np.ndarray) -> float:
    """Median distance of windows to their nearest training windows: 0 for a copy, nan without windows."""
    return _median(distances)


def _median(distances: np.ndarray) -> float:
    found = distances[np.isfinite(distances)]
    return float(np.median(found)) if len(found) else float("nan")


def _blocks(windows: np.ndarray) -> Iterator[slice]:
    return (slice(first, first + _ROWS) for first in range(0, len(windows), _ROWS))


def _distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(W, N) root mean square differences of the coordinates of windows, in body heights."""
    squares = (one**2).sum(1)[:, None] + (other**2).sum(1) - 2 * one @ other.T
    return np.sqrt(squares.clip(0) / one.shape[1])
