"""Operations on arrays that every part of the package shares: unit vectors, Gaussian smoothing, local maxima."""

from __future__ import annotations

import numpy as np

TINY = 1e-9
"""Length under which a vector has no direction and stays (almost) zero."""


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., N) scaled to length 1; a zero vector stays zero."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), TINY)


def smooth(values: np.ndarray, sigma: float, axis: int = 0) -> np.ndarray:
    """`values` convolved with a Gaussian along `axis`, the edges repeated; in the values' own float type.

    sigma: the Gaussian's standard deviation in samples; 0 leaves the values as they are.
    """
    if sigma <= 0:
        return values
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(values, sigma, axis=axis, mode="nearest")


def local_maxima(values: np.ndarray) -> np.ndarray:
    """Indexes (M,) of the samples (N,) that are higher than both neighbours; of a flat top its middle; never an end.

    As `scipy.signal.find_peaks`, whose import takes longer than all that is looked for with it.
    """
    slopes = np.diff(values)
    sloping = np.flatnonzero(slopes)
    rising = slopes[sloping] > 0
    tops = np.flatnonzero(rising[:-1] & (slopes[sloping[1:]] < 0))
    return (sloping[tops] + 1 + sloping[tops + 1]) // 2


def catmull_rom(rows: np.ndarray, at: np.ndarray) -> np.ndarray:
    """(K, C) of a curve through points (T, C), at times (K,) counted in points: cubics of Catmull and Rom (1974).

    Each depends on the two points before and the two after; at its ends the curve goes straight on, and no further.
    """
    last = len(rows) - 1
    low = np.clip(np.floor(at).astype(int), 0, max(last - 1, 0))
    share = np.clip(at - low, 0, 1).astype(rows.dtype)[:, None]
    here, after = rows[low], rows[np.minimum(low + 1, last)]
    before = np.where(low[:, None] > 0, rows[low - 1], 2 * here - after)
    later = np.where(low[:, None] + 2 <= last, rows[np.minimum(low + 2, last)], 2 * after - here)
    slope, bend = after - before, 2 * before - 5 * here + 4 * after - later
    return here + share / 2 * (slope + share * (bend + share * (3 * (here - after) + later - before)))
