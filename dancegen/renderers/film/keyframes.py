"""Which frames of a film are painted: a few a second, and one on every beat. The rest is interpolated."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np


def choose_keyframes(
    frames: int, fps: float, key_fps: float, beats_s: np.ndarray, cuts: Iterable[int] = ()
) -> np.ndarray:
    """(K,) int: the frames of a film that are painted, the first and the last among them.

    Beats are anchors, each at the frame nearest to it; between two of them the key frames lie evenly, as near to
    `key_fps` as whole numbers allow, before the first and after the last they go on at that rate. A beat nearer to the
    one before than a key frame lasts is no anchor. The frames on both sides of each of the `cuts`, before the given
    frames, are painted, too: nothing is interpolated from one shot to another. With `key_fps` at the film's rate or
    over it, every frame is a key.
    """
    if frames <= 0:
        return np.zeros(0, int)
    step = fps / key_fps
    if step <= 1:
        return np.arange(frames)
    anchors = _anchors(np.asarray(beats_s, float) * fps, frames, step)
    keys: set[int] = {0, frames - 1}
    for first, last in pairwise(anchors):
        pieces = max(1, round((last - first) / step))
        keys.update(round(first + (last - first) * piece / pieces) for piece in range(pieces + 1))
    # Before the first anchor and after the last one there is no beat to end on.
    keys.update(round(at) for at in np.arange(anchors[0], -0.5, -step))
    keys.update(round(at) for at in np.arange(anchors[-1], frames - 0.5, step))
    keys.update(int(frame) + side for frame in cuts for side in (-1, 0))
    return np.array(sorted(key for key in keys if 0 <= key < frames))


def even_frames(frames: int, fps: float, rate: float, cuts: Iterable[int] = ()) -> np.ndarray:
    """(K,) int: the frames of a film that are painted by a model of a fixed rate, in frames a second.

    They are even from each of the `cuts` on; the last frame before it, and of the film, is one of them too.
    """
    if frames <= 0:
        return np.zeros(0, int)
    edges = sorted({0, frames, *(int(frame) for frame in cuts if 0 < frame < frames)})
    keys: set[int] = set()
    for first, stop in pairwise(edges):
        keys.update(round(first + at) for at in np.arange(0, stop - first - 0.5, max(1.0, fps / rate)))
        keys.add(stop - 1)
    return np.array(sorted(keys))


def _anchors(beats: np.ndarray, frames: int, step: float) -> list[int]:
    """Frame numbers of the beats; the film's first frame where there are none."""
    anchors: list[int] = []
    for beat in beats:
        near = round(float(beat))
        if 0 <= near < frames and (not anchors or near - anchors[-1] >= step - 0.5):
            anchors.append(near)
    return anchors or [0]
