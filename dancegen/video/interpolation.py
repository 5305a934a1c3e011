"""Frames between frames: moved along optical flow from both sides and blended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def interpolate(keys: Iterable[tuple[int, np.ndarray]]) -> Iterator[np.ndarray]:
    """Every frame from the first key to the last: (number, (H, W, 3) uint8) in rising order -> (H, W, 3) uint8.

    Key frames come out as they went in. A frame at a share t between two keys is both of them, moved along DIS optical
    flow (Kroeger et al. 2016) to t and blended; the flow at t is that of Super SloMo (Jiang et al. 2018, eq. 4).
    """
    before: tuple[int, np.ndarray] | None = None
    for number, frame in keys:
        if before is not None and number - before[0] > 1:
            yield from _between(before[1], frame, number - before[0])
        yield frame
        before = (number, frame)


def _between(first: np.ndarray, last: np.ndarray, pieces: int) -> Iterator[np.ndarray]:
    import cv2

    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (first, last)]
    if min(grey[0].shape) < 16:  # too small for any flow
        ahead = back = np.zeros((*grey[0].shape, 2), np.float32)
    else:
        flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        ahead, back = flow.calc(grey[0], grey[1], None), flow.calc(grey[1], grey[0], None)
    for piece in range(1, pieces):
        t = piece / pieces
        from_first = _moved(first, -(1 - t) * t * ahead + t * t * back)
        from_last = _moved(last, (1 - t) ** 2 * ahead - t * (1 - t) * back)
        yield cv2.addWeighted(from_first, 1 - t, from_last, t, 0)


def _moved(frame: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Each pixel taken from where (H, W, 2) `flow` points."""
    import cv2

    height, width = frame.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return cv2.remap(frame, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
