"""Long scenes: AnimateDiff's motion modules see a few frames at once, windows that overlap see them all.

The noise they begin with (FreeNoise) is a function of seed and frame number, so that it does not depend on how a film
is cut into segments.
"""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def windows(frames: int, size: int, stride: int) -> list[tuple[int, int]]:
    """(first, stop) of the context windows over so many frames: `stride` apart, the last one ends with the frames."""
    if frames <= size:
        return [(0, frames)]
    starts = [*range(0, frames - size, stride), frames - size]
    return [(start, start + size) for start in starts]


def settled(frames: int, size: int, stride: int) -> list[slice]:
    """After each of the `windows`, the frames that no later one sees; together they are all frames, in order."""
    starts = [first for first, _ in windows(frames, size, stride)]
    return [slice(first, stop) for first, stop in pairwise([*starts, frames])]


def pyramid(size: int) -> np.ndarray:
    """(size,) float32 weights of a window's frames where several see one: 1, 2, 3, ..., 3, 2, 1."""
    ramp = np.arange(1, size + 1)
    return np.minimum(ramp, ramp[::-1]).astype(np.float32)


def frame_noise(
    seed: int, first: int, stop: int, shape: tuple[int, int, int], *, window: int, stride: int
) -> torch.Tensor:
    """(stop - first, C, h, w) float32 on the CPU: the noise of frames `first` to `stop` of any film of this seed.

    FreeNoise (Qiu et al. 2023): the first window's noises come again and again, shuffled within strides of the window,
    so that pictures far apart in a film stay related. Here each shuffle is drawn for its own place in the film.
    """
    import torch

    base: dict[int, torch.Tensor] = {}
    chosen = [_source(seed, frame, window, stride) for frame in range(first, stop)]
    for source in chosen:
        if source not in base:
            base[source] = torch.randn(shape, generator=seeded_generator(seed, "noise", source))
    return torch.stack([base[source] for source in chosen])


def seeded_generator(seed: int, *place: object) -> torch.Generator:
    """A generator on the CPU for one place of a film, the same on every machine."""
    import torch

    digest = hashlib.sha256(repr((int(seed), *place)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _source(seed: int, frame: int, window: int, stride: int) -> int:
    """Which of the first window's noises a frame begins with."""
    import torch

    turn, place = divmod(frame, window)
    if turn == 0:
        return frame
    unit = place // stride
    width = min(stride, window - unit * stride)
    order = torch.randperm(width, generator=seeded_generator(seed, "shuffle", turn, unit))
    return unit * stride + int(order[place - unit * stride])
