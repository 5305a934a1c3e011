"""Where pixels lie: placing keypoints on a canvas, and moving them from one canvas to another.

A pixel's centre has whole coordinates, so the picture spans -0.5 to width - 0.5. (OpenPose's own pixel indices are of
this kind too: controlnet-aux divides them by the width only to multiply again before it draws.)
"""

from __future__ import annotations

import numpy as np


def place(keypoints: np.ndarray, scale: float, offset: tuple[float, float]) -> np.ndarray:
    """Scale and shift present joints of (..., 3) keypoints; missing ones stay (0, 0, 0).

    x' = (x + 0.5) * scale - 0.5 + offset: the same point of the picture, pixel centres being whole numbers.
    """
    keypoints = np.asarray(keypoints, dtype=np.float32)
    placed = keypoints.copy()
    placed[..., :2] = (keypoints[..., :2] + 0.5) * np.float32(scale) - 0.5 + np.asarray(offset, dtype=np.float32)
    return np.where(keypoints[..., 2:] > 0, placed, 0).astype(np.float32)


def to_canvas(keypoints: np.ndarray, size_from: tuple[int, int], size_to: tuple[int, int]) -> np.ndarray:
    """Move (..., 3) keypoints from a canvas (width, height) to another: one scale, centred, never stretched."""
    scale = min(size_to[0] / size_from[0], size_to[1] / size_from[1])
    offset = ((size_to[0] - size_from[0] * scale) / 2, (size_to[1] - size_from[1] * scale) / 2)
    return place(keypoints, scale, offset)
