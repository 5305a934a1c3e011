"""Does a dance repeat itself, or what it was trained on? Two-second windows, relative to the mid-hip of each frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dancegen.metrics.features import centred, movement_windows
from dancegen.metrics.motion import FPS, filled

WINDOW_S, APART_S = 2.0, 4.0
HOP_S, SEARCH_HOP_S = 0.5, 0.1
POSES = 10  # of a second of a window, that are compared
_STEP = round(FPS / POSES)
_SIZE = round(WINDOW_S * POSES) * 13 * 2
_ROWS = 256  # of windows that are compared at a time: their distances to an hour of dance are 40 MB


def repetition_windows(positions: np.ndarray, hop_s: float = HOP_S) -> np.ndarray:
    """`(T, 13, 2)` to `(W, 520)` float32: ten poses a second of each two-second window, relative to the mid-hip.

    A joint that is never seen lies on the mid-hip; there are no windows where a hip is never seen.
    """
    body = centred(filled(positions))
    if not np.isfinite(body).any():
        body = body[:0]
    windows = movement_windows(np.nan_to_num(body), WINDOW_S, hop_s)[:, ::_STEP]
    return np.ascontiguousarray(windows.reshape(len(windows), _SIZE), np.float32)


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
