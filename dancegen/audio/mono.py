"""From the channels of a song to one: their mean or, where they cancel each other out, the loudest of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

WINDOW = 32_768  # samples that are looked at together, whatever blocks they come in
_CANCELLED = 0.01  # of the channels' mean power: what is left of them in their mean
_AUDIBLE = 1e-6  # mean square of a sample, -60 dB: what is fainter may cancel out

SAID = (
    "its channels cancel each other out, as with a cable or a plug-in wired the wrong way round: one of them is heard"
)


def to_mono(raw: Iterable[np.ndarray], cancelled: Callable[[], None] = lambda: None) -> Iterator[np.ndarray]:
    """Blocks (N, channels) of a song as one channel, (N,) float32.

    It is the mean of the channels. From the first window on in which the mean has lost what the channels have, it is
    the channel that is loudest there, and `cancelled` is called. What blocks the song comes in makes no difference.
    """
    chosen: int | None = None
    for window in _windows(raw):
        if window.shape[1] == 1:
            yield window[:, 0]
            continue
        mean = window.mean(axis=1, dtype=np.float32)
        if chosen is None:
            power = np.square(window, dtype=np.float32).mean(axis=0)
            if power.mean() > _AUDIBLE and np.square(mean).mean() < _CANCELLED * power.mean():
                chosen = int(power.argmax())
                cancelled()
        yield mean if chosen is None else np.ascontiguousarray(window[:, chosen])


def _windows(raw: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Blocks (N, channels) as windows of WINDOW samples; the last may be shorter."""
    rest = np.empty((0, 1), np.float32)
    for block in raw:
        first = 0
        if len(rest):
            first = WINDOW - len(rest)
            rest = np.concatenate([rest, block[:first]])
            if len(rest) < WINDOW:
                continue
            yield rest
        while first + WINDOW <= len(block):
            yield block[first : first + WINDOW]
            first += WINDOW
        rest = block[first:]
    if len(rest):
        yield rest
