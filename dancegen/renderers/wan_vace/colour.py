"""Colours that stay: a chain of segments drifts, each a little brighter or more saturated than the one before.

Two things are taken out. What a segment makes of frames that it was given is known: their colours are what they were
before, so the difference is drift and nothing else, and the segment's new frames are put right by it. What creeps in
over a segment's frames is measured against the first segment, and taken out along a ramp. More than drift can be is a
change of light that belongs to the film: it is left alone, and becomes what later segments are measured against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_LEVELS = 12.0
"""Of 255: what the mean of a channel drifts within one segment, at most."""
MOST_CONTRAST = 1.15
"""The same for a channel's contrast, as a factor."""
ALIKE = 0.9
"""The least correlation of given frames and what a segment makes of them."""
_FLAT = 2.0
"""A channel that varies less has no contrast to speak of."""
_EVERY = 4
"""Statistics are taken of every fourth pixel a side."""


@dataclass(frozen=True)
class Tone:
    """Mean and standard deviation, each (3,), of the channels of some frames, 0 to 255."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, frames: np.ndarray) -> Tone:
        """Of (F, H, W, 3) frames."""
        means, spreads = statistics(frames)
        return cls(means.mean(axis=0), spreads.mean(axis=0))

    @classmethod
    def told(cls, said: Mapping[str, Any]) -> Tone:
        """What `to_dict` gave."""
        return cls(np.array(said["mean"]), np.array(said["spread"]))

    def to_dict(self) -> dict[str, list[float]]:
        """Plain values, to a hundredth of a level."""
        return {"mean": self.mean.round(2).tolist(), "spread": self.spread.round(2).tolist()}


def statistics(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, 3) means and (F, 3) standard deviations of the channels of each of (F, H, W, 3) frames."""
    some = frames[:, ::_EVERY, ::_EVERY].astype(np.float32)
    return some.mean(axis=(1, 2)), some.std(axis=(1, 2))


def matched(painted: np.ndarray, before: np.ndarray, first: Tone | None) -> tuple[np.ndarray, Tone]:
    """A segment in the colours of the one before and of the first: ((F - N, H, W, 3) float32 new frames, tone).

    painted: (F, H, W, 3) float, all frames of the segment, 0 to 255. before: (N, H, W, 3) what the first N of them are.
    first: the tone to keep, or None where the segment sets its own. tone: the one that the next segment is to keep.
    """
    new = painted[len(before) :].astype(np.float32)
    gain, offset = step_between(painted[: len(before)], before)
    new = new * gain + offset
    if first is None:
        return new, Tone.of(new)
    levels, contrast = creep(new, first)
    if is_change(new, first, levels, contrast):
        return new, Tone.of(new[-max(1, len(new) // 4) :])
    ramp = np.linspace(0, 1, len(new) + 1, dtype=np.float32)[1:, None, None, None]
    middle = new.mean(axis=(1, 2), keepdims=True)
    put_right = (new - middle) * (1 / contrast).astype(np.float32) ** ramp + middle - ramp * levels.astype(np.float32)
    return put_right, first


def step_between(painted: np.ndarray, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3,) gain and (3,) offset, float32, that make given frames what they were: before = gain * painted + offset.

    1 and 0 for channels that came back so changed that it is no drift.
    """
    gain, offset = np.ones(3, np.float32), np.zeros(3, np.float32)
    for channel in range(3):
        x, y = (each[..., channel].astype(np.float64).ravel() for each in (painted, before))
        if x.std() < _FLAT or y.std() < _FLAT:
            found = 1.0, float(y.mean() - x.mean())
        elif np.corrcoef(x, y)[0, 1] < ALIKE:
            continue
        else:
            slope = float(y.std() / x.std())
            found = slope, float(y.mean() - slope * x.mean())
        moved = found[0] * x.mean() + found[1] - x.mean()
        if abs(moved) <= MOST_LEVELS and 1 / MOST_CONTRAST <= found[0] <= MOST_CONTRAST:
            gain[channel], offset[channel] = found
    return gain, offset


def creep(frames: np.ndarray, first: Tone) -> tuple[np.ndarray, np.ndarray]:
    """(3,) levels and (3,) contrast by which the last of (F, H, W, 3) frames differ from a tone, by a straight line."""
    means, spreads = statistics(frames)
    levels = _line(means - first.mean)[-1]
    contrast = np.exp(_line(np.log(np.maximum(spreads, _FLAT) / np.maximum(first.spread, _FLAT)))[-1])
    return levels, contrast


def is_change(frames: np.ndarray, first: Tone, levels: np.ndarray, contrast: np.ndarray) -> bool:
    """Whether frames differ from a tone by more than drift can, in all or from one moment to the next."""
    means, _ = statistics(frames)
    apart = means - first.mean
    sudden = np.abs(apart - _line(apart)).max() > MOST_LEVELS / 2
    return bool(sudden or np.abs(levels).max() > MOST_LEVELS or np.abs(np.log(contrast)).max() > np.log(MOST_CONTRAST))


def _line(values: np.ndarray) -> np.ndarray:
    """(F, 3): the straight line through (F, 3) values."""
    if len(values) < 2:
        return values
    t = np.arange(len(values)) - (len(values) - 1) / 2
    slope = (t[:, None] * (values - values.mean(axis=0))).sum(axis=0) / (t**2).sum()
    return values.mean(axis=0) + t[:, None] * slope
