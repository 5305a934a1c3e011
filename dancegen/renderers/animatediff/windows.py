"""Long scenes: AnimateDiff's motion modules see a few frames at once, windows that overlap see them all.

The noise they begin with (FreeNoise) is a function of seed and frame number, so that it does not depend on how a film
is cut into segments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


STATIC, MOVING = "static", "moving"
CONTEXTS = (STATIC, MOVING)
"""Where windows lie: in the same places at every step, as AnimateDiff-Evolved's static ones, or each step elsewhere."""

Window = tuple[int, int]
"""(first, stop) of the frames that are denoised together."""


def windows(frames: int, size: int, stride: int) -> list[Window]:
    """Context windows over so many frames, `stride` apart; the last one ends with the frames."""
    if frames <= size:
        return [(0, frames)]
    starts = [*range(0, frames - size, stride), frames - size]
    return [(start, start + size) for start in starts]


def moved_windows(frames: int, size: int, stride: int, *, seed: int, first: int, step: int) -> list[Window]:
    """The same for one step of the scene that begins with frame `first` of its film, in places of the step's own.

    Where a window ends, what its frames share ends too. If that is in the same places at every step, and as far apart,
    the picture changes there, every `stride` frames. Here windows are drawn up to an overlap nearer or further apart:
    some only meet. At each step they begin elsewhere, at each of `stride` places once before any comes again.
    """
    import torch

    if frames <= size:
        return [(0, frames)]
    turn, place = divmod(step, stride)
    shift = int(torch.randperm(stride, generator=seeded_generator(seed, "shift", first, turn))[place])
    more = size - stride
    drawn = torch.randint(-more, more + 1, (frames,), generator=seeded_generator(seed, "windows", first, step))
    starts = (stride + drawn).cumsum(0) - stride - shift
    inner = starts[(starts > 0) & (starts < frames - size)].tolist()
    return [(start, start + size) for start in (0, *inner, frames - size)]


def settled(found: Sequence[Window]) -> list[slice]:
    """After each of these windows, the frames that no later one sees; together they are all frames, in order."""
    edges = [*(first for first, _ in found), found[-1][1]]
    return [slice(first, stop) for first, stop in pairwise(edges)]


def pyramid(size: int) -> np.ndarray:
    """(size,) float32 weights of a window's frames where several see one: 1, 2, 3, ..., 3, 2, 1."""
    import numpy as np

    ramp = np.arange(1, size + 1)
    return np.minimum(ramp, ramp[::-1]).astype(np.float32)


def frame_noise(seed: int, first: int, stop: int, shape: tuple[int, int, int], *, window: int) -> torch.Tensor:
    """(stop - first, C, h, w) float32 on the CPU: the noise of frames `first` to `stop` of any film of this seed.

    After FreeNoise (Qiu et al. 2023): a few noises come again and again, shuffled, so that pictures far apart in a film
    stay related. FreeNoise has as many as a window has frames, and shuffles them in such a way that a later window sees
    some of them twice: its motion modules then make two frames alike that are not to be. Here there are half as many
    more, and each shuffle is drawn for its own place in the film: no two frames of any `window` frames in a row share
    one.
    """
    import torch

    base: dict[int, torch.Tensor] = {}
    chosen = [_source(seed, frame, window) for frame in range(first, stop)]
    for source in chosen:
        if source not in base:
            base[source] = torch.randn(shape, generator=seeded_generator(seed, "noise", source))
    return torch.stack([base[source] for source in chosen])


def seeded_generator(seed: int, *place: object) -> torch.Generator:
    """A generator on the CPU for one place of a film, the same on every machine."""
    import torch

    digest = hashlib.sha256(repr((int(seed), *place)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def other_seed(seed: int, purpose: str) -> int:
    """A seed for something else in the same film, whose noise has nothing to do with that of `seed`."""
    return int.from_bytes(hashlib.sha256(repr((int(seed), purpose)).encode()).digest()[:7], "big")


def _source(seed: int, frame: int, window: int) -> int:
    """Which of the noises a frame begins with: three units of half a window, each shuffled within itself at every turn.

    One comes again after two units and a frame at the earliest, which is more than a window.
    """
    import torch

    unit = (window + 1) // 2
    turn, place = divmod(frame, 3 * unit)
    if turn == 0:
        return frame
    number, within = divmod(place, unit)
    order = torch.randperm(unit, generator=seeded_generator(seed, "shuffle", turn, number))
    return number * unit + int(order[within])
