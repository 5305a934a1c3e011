"""Strengths that go with the song: up on every beat, or along a curve over its time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from dancegen.errors import InputError, choose_one
from dancegen.options.times import PATTERN, seconds_of

if TYPE_CHECKING:
    import numpy as np

TARGETS = ("prompt", "lora", "control", "depth")
STRONGEST = 3.0
"""Times what is usual."""
_ON_BEATS = re.compile(r"(?P<low>\d+(?:\.\d*)?|\.\d+)-(?P<high>\d+(?:\.\d*)?|\.\d+)")
_POINT = re.compile(rf"(?P<time>{PATTERN})\s+(?P<value>\d+(?:\.\d*)?|\.\d+)")


@dataclass(frozen=True)
class Pulse:
    """By how much a strength is multiplied over time.

    Either from `low`, between beats, to `high`, on each of them, from which it falls at once and ever more slowly; or
    along straight lines between `points`, (second of the song, value), before the first and after the last as there.
    """

    target: str
    low: float = 1.0
    high: float = 1.0
    points: tuple[tuple[float, float], ...] = ()

    @classmethod
    def parse(cls, flag: str, text: str) -> Pulse:
        """Read control=0.6-1 or "control=0:00 0.5 | 0:32 1". Raises InputError."""
        target, _, curve = (part.strip() for part in text.partition("="))
        if target not in TARGETS:
            raise InputError(f"{flag} {text}: {choose_one(target, TARGETS)}, like control=0.6-1")
        found = _ON_BEATS.fullmatch(curve)
        if found:
            pulse = cls(target, float(found["low"]), float(found["high"]))
        else:
            entries = [_POINT.fullmatch(part.strip()) for part in curve.split("|")]
            if not all(entries):
                raise InputError(
                    f"{flag} {text}: write its strength between and on beats, like {target}=0.6-1, or over the song's "
                    f"time, like '{target}=0:00 0.5 | 0:32 1'"
                )
            points = tuple((float(seconds_of(each["time"]) or 0.0), float(each["value"])) for each in entries if each)
            if any(later[0] <= earlier[0] for earlier, later in pairwise(points)):
                raise InputError(f"{flag} {text}: each time must be later than the one before")
            pulse = cls(target, points=points)
        if max([pulse.low, pulse.high, *(value for _, value in pulse.points)]) > STRONGEST:
            raise InputError(f"{flag} {text}: choose 0 to {STRONGEST:g} times what is usual")
        return pulse

    def at(self, times_s: np.ndarray, beats_s: np.ndarray) -> np.ndarray:
        """(T,) float32, to four decimals. times_s: of the song; beats_s: of the same, rising."""
        import numpy as np

        times_s, beats_s = np.asarray(times_s, float), np.asarray(beats_s, float)
        if self.points:
            seconds, values = zip(*self.points, strict=True)
            found = np.interp(times_s, seconds, values)
        else:
            found = self.low + (self.high - self.low) * (1 - _since_beat(times_s, beats_s)) ** 2
        return np.round(found, 4).astype(np.float32)


def parse_pulses(flag: str, value: Any) -> tuple[str, ...]:
    """Texts of pulses, each checked, each of something else. Raises InputError."""
    texts = (value,) if isinstance(value, str) else tuple(value)
    targets = [Pulse.parse(flag, text).target for text in texts]
    for target in targets:
        if targets.count(target) > 1:
            raise InputError(f"{flag}: {target} is given twice")
    return texts


def _since_beat(times_s: np.ndarray, beats_s: np.ndarray) -> np.ndarray:
    """(T,) which share of the way from the last beat to the next has gone by; 1 before the first.

    A beat is due half a thousandth before its time, so that a frame on it is on it.
    """
    import numpy as np

    if not len(beats_s):
        return np.ones(len(times_s))
    last = np.searchsorted(beats_s, times_s + 5e-4, side="right") - 1
    lasts = np.diff(beats_s, append=2 * beats_s[-1] - beats_s[-2] if len(beats_s) > 1 else beats_s[-1] + 1)
    gone = (times_s - beats_s[np.maximum(last, 0)]) / np.maximum(lasts[np.maximum(last, 0)], 1e-6)
    return np.where(last < 0, 1.0, np.clip(gone, 0, 1))
