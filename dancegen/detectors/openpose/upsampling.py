"""From a network's small maps to those at a picture's size, as controlnet-aux computes them, but only where needed.

controlnet-aux enlarges every map twice with OpenCV and blurs it, whole. All of that is linear and acts on rows and
columns separately: value (y, x) of the large map is rows[y] @ small map @ columns[x]. So single values, single regions
and the blurred map are small products, and no large map is made. The two agree to the last digits of a float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

STRIDE = 8
"""Pixels of the network's picture that one of a map stands for."""
BLUR_SIGMA = 3.0
"""Pixels of the large map; controlnet-aux looks for peaks in maps that are blurred so."""


@dataclass(frozen=True, eq=False)
class Upsampling:
    """rows: (H, h) and columns: (W, w), float64. blurred_rows, blurred_columns: the same, and the blur."""

    rows: np.ndarray
    columns: np.ndarray
    blurred_rows: np.ndarray
    blurred_columns: np.ndarray

    def at(self, maps: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(C, h, w) maps, (N,) whole pixels -> (C, N) values there."""
        return np.einsum("cnw,nw->cn", self.rows[y] @ maps, self.columns[x])

    def whole(self, maps: np.ndarray) -> np.ndarray:
        """(C, h, w) maps -> (C, H, W)."""
        return self.rows @ maps @ self.columns.T

    def blurred_above(self, small: np.ndarray, threshold: float) -> tuple[np.ndarray, int, int]:
        """The part of a blurred (h, w) map outside of which no value is over a threshold, and its first row and column.

        One more pixel is in it on each side, but at the edges of the picture.
        """
        by_row, by_column = self.blurred_rows @ small, small @ self.blurred_columns.T
        # No value of a row can be larger than the largest of its sums times the columns' largest total of weights.
        top, bottom = _range(np.abs(by_row).max(axis=1) * _total(self.blurred_columns) > threshold)
        left, right = _range(np.abs(by_column).max(axis=0) * _total(self.blurred_rows) > threshold)
        return by_row[top:bottom] @ self.blurred_columns[left:right].T, top, left


@lru_cache(maxsize=32)
def upsampling(small: tuple[int, int], used: tuple[int, int], large: tuple[int, int]) -> Upsampling:
    """As (height, width): of the maps; of the network's picture without its padding; of what they are enlarged to."""
    rows, columns = _enlarging(small, used, large, 0), _enlarging(small, used, large, 1)
    return Upsampling(rows, columns, _blurred(rows), _blurred(columns))


def _enlarging(small: tuple[int, int], used: tuple[int, int], large: tuple[int, int], axis: int) -> np.ndarray:
    """(large, small) weights along an axis: what OpenCV makes of maps that are one in a single row, or column."""
    from controlnet_aux.open_pose.util import smart_resize, smart_resize_k

    probes = np.zeros((*small, small[axis]), np.float32)
    each = np.arange(small[axis])
    probes[(each, slice(None), each) if axis == 0 else (slice(None), each, each)] = 1
    enlarged = _channels(smart_resize_k, probes, STRIDE, STRIDE)[: used[0], : used[1]]
    enlarged = _channels(smart_resize, np.ascontiguousarray(enlarged), large)
    return np.take(enlarged, enlarged.shape[1 - axis] // 2, axis=1 - axis).astype(np.float64)


def _channels(resize, maps: np.ndarray, *how) -> np.ndarray:
    return np.stack([resize(maps[..., channel], *how) for channel in range(maps.shape[2])], axis=2)


def _blurred(weights: np.ndarray) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(weights, BLUR_SIGMA, axis=0)


def _total(weights: np.ndarray) -> float:
    return float(np.abs(weights).sum(axis=1).max())


def _range(wanted: np.ndarray) -> tuple[int, int]:
    """From the first to behind the last that is wanted, and one more on each side; empty where none is."""
    found = np.flatnonzero(wanted)
    return (max(0, int(found[0]) - 1), min(len(wanted), int(found[-1]) + 2)) if len(found) else (0, 0)
