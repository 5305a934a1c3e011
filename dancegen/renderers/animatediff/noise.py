"""The film's noise: a function of seed and absolute frame number, so that it does not depend on how the film is cut."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def frame_noise(seed: int, first: int, stop: int, shape: tuple[int, int, int], *, window: int, stride: int):
    """(stop - first, C, h, w) float32 on the CPU: where key frames `first` to `stop` of any film of this seed begin.

    FreeNoise (Qiu et al. 2023): the first window's noises come again and again, shuffled within strides of the window,
    so that looks far apart in a film stay related. Here each shuffle is drawn for its own place in the film.
    """
    import torch

    base: dict[int, torch.Tensor] = {}
    chosen = [_source(seed, frame, window, stride) for frame in range(first, stop)]
    for source in chosen:
        if source not in base:
            base[source] = torch.randn(shape, generator=generator(seed, "noise", source))
    return torch.stack([base[source] for source in chosen])


def generator(seed: int, *place: object) -> torch.Generator:
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
    order = torch.randperm(width, generator=generator(seed, "shuffle", turn, unit))
    return unit * stride + int(order[place - unit * stride])
