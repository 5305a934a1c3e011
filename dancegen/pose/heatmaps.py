"""Heatmaps, one a joint, from keypoints and back, to a small fraction of a pixel."""

from __future__ import annotations

import numpy as np

SIGMA = 1.5  # pixels
THRESHOLD = 0.3
_REACH = 4  # pixels round a peak that decoding looks at: 3.8 deviations of blob times window


def draw_heatmaps(keypoints: np.ndarray, size: tuple[int, int], sigma: float = SIGMA) -> np.ndarray:
    """(N, 18, 3) keypoints in pixels of size (width, height) -> (N, 18, height, width) float32.

    Each map is a Gaussian that is 1 at the joint's very position, which may lie between pixels; all zeros where the
    joint is missing. The confidence does not change the height.
    """
    keypoints = np.asarray(keypoints, dtype=np.float32)
    width, height = size
    scale = np.float32(-0.5 / sigma**2)
    across = np.exp(scale * (np.arange(width, dtype=np.float32) - keypoints[..., 0:1]) ** 2)
    down = np.exp(scale * (np.arange(height, dtype=np.float32) - keypoints[..., 1:2]) ** 2)
    down *= keypoints[..., 2:] > 0
    return down[..., :, None] * across[..., None, :]


def decode_heatmaps(heat: np.ndarray, threshold: float = THRESHOLD, sigma: float = SIGMA) -> np.ndarray:
    """(N, 18, H, W) heatmaps -> (N, 18, 3) float32 keypoints in pixels of the maps.

    The position is the fixed point of a Gaussian-windowed centroid round the highest pixel, so a second, weaker blob
    does not pull at it. The confidence is the height of the blob's top, clipped to 0..1; below the threshold the joint
    is missing: (0, 0, 0).
    """
    heat = np.asarray(heat, dtype=np.float32)
    height, width = heat.shape[-2:]
    maps = heat.reshape(-1, height * width)
    peak = maps.argmax(axis=1)
    row, column = np.divmod(peak, width)
    value = maps[np.arange(len(maps)), peak]
    blobs, inside = _cut_out(maps.reshape(-1, height, width), row, column)
    shift = _centre(blobs, inside, sigma)
    top = value * np.exp((shift**2).sum(axis=1) / (2 * sigma**2))
    found = np.stack([column + shift[:, 0], row + shift[:, 1], np.clip(top, 0, 1)], axis=1)
    found[value < threshold] = 0
    return found.reshape(*heat.shape[:-2], 3).astype(np.float32)


def _cut_out(maps: np.ndarray, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of (M, H, W) maps round a pixel each, zeros beyond the border and where a map is negative: (M, D, D).

    And, for x and y, which of a piece's columns and rows lie on the map: (M, 2, D) bool.
    """
    height, width = maps.shape[1:]
    reach = np.arange(-_REACH, _REACH + 1)
    rows, columns = row[:, None] + reach, column[:, None] + reach
    inside = np.stack([(columns >= 0) & (columns < width), (rows >= 0) & (rows < height)], axis=1)
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    pieces = maps[np.arange(len(maps))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return np.where(inside[:, 1, :, None] & inside[:, 0, None, :], np.maximum(pieces, 0), 0), inside


def _centre(blobs: np.ndarray, inside: np.ndarray, sigma: float, iterations: int = 4) -> np.ndarray:
    """(M, 2) x, y of each blob's centre relative to the middle of its piece.

    Seen through a Gaussian window of the blob's own width, the centroid lies half way between the window's centre and
    the blob's: stepping twice as far lands on the blob's centre at once, and on other widths converges quickly. Where
    the border cuts the piece off, the step is taken from the centroid that a blob right under the window would show.
    """
    reach = np.arange(-_REACH, _REACH + 1, dtype=np.float32)
    centre = np.zeros((len(blobs), 2), dtype=np.float32)
    for _ in range(iterations):
        window = np.exp(-((reach - centre[:, :, None]) ** 2) / (2 * sigma**2)) * inside
        across = _mean(np.einsum("mij,mi->mj", blobs, window[:, 1]) * window[:, 0], reach)
        down = _mean(np.einsum("mij,mj->mi", blobs, window[:, 0]) * window[:, 1], reach)
        expected = _mean(window**2, reach)
        centre = np.clip(centre + 2 * (np.stack([across, down], axis=1) - expected), -2, 2)
    return centre


def _mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted mean of (D,) values over the last axis of the weights."""
    return (weights @ values) / np.maximum(weights.sum(axis=-1), 1e-12)
