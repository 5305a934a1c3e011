"""Diagnostics of a training: mode collapse, a dancer who stands still, a discriminator that always wins.

Each is a sign that must stay for several reports before it is a warning.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from dancegen.errors import PoseError
from dancegen.metrics.motion import HIPS, body_positions
from dancegen.pose.sequence import PoseSequence

REPORTS = 3
"""Reports in a row that must show a sign before it is said: a training may begin badly, or have a bad moment."""
ALIKE, IDENTICAL = 0.2, 0.005
"""Share of the real dances' `spread`, and body heights, under which dances count as one."""
STILL = 0.5
"""By how much more of its time than real dancers a dancer may stand still."""
SURE = 0.05
"""Nats above the least that it can lose, under which a discriminator is never wrong."""


def spread(dances: Sequence[PoseSequence]) -> float:
    """How different dances are: mean distance of a joint from the same one at the same time, each seen from its own
    mid-hip, over all pairs of dances, in body heights. Their second halves count, where their first poses are
    forgotten. 0 where no pair is seen."""
    bodies = [body - body[:, HIPS].mean(1, keepdims=True) for body in map(_body, dances) if body is not None]
    shortest = min((len(body) for body in bodies), default=0)
    late = [body[shortest // 2 : shortest] for body in bodies]
    apart = [np.linalg.norm(one - other, axis=-1) for one, other in combinations(late, 2)]
    seen = np.concatenate([distance[np.isfinite(distance)] for distance in apart]) if apart else np.empty(0)
    return float(seen.mean()) if len(seen) else 0.0


def _body(dance: PoseSequence) -> np.ndarray | None:
    try:
        return body_positions(dance)
    except PoseError:
        return None


class FreeRunning(Protocol):
    """What a family's validation says of free-running dances beside real ones."""

    @property
    def spread(self) -> float: ...

    @property
    def real_spread(self) -> float: ...

    @property
    def freeze(self) -> float: ...

    @property
    def real_freeze(self) -> float: ...


@dataclass(frozen=True)
class Sign:
    """Something that may be wrong: whether it is there now, and what to say of it if it stays."""

    name: str
    there: bool
    words: str


def dance_signs(found: FreeRunning, remedy: str) -> list[Sign]:
    """Signs in the dances themselves. remedy: what to try, for this family."""
    alike = found.spread < max(ALIKE * found.real_spread, IDENTICAL)
    still = found.freeze > found.real_freeze + STILL
    return [
        Sign(
            "alike",
            alike,
            f"the dances hardly differ from each other: they are {found.spread:.3f} body heights apart, real ones "
            f"{found.real_spread:.3f}. That is mode collapse; try {remedy}, or --init with a model from before it",
        ),
        Sign(
            "still",
            still,
            f"the dancer stands still {found.freeze:.0%} of the time, real ones {found.real_freeze:.0%}; if that does "
            f"not pass, look whether the clips move, and try a lower --learning-rate or {remedy}",
        ),
    ]


def never_wrong(real_loss: float, fake_loss: float, smoothing: float) -> bool:
    """Whether a discriminator with these losses (binary cross entropy, real labels smoothed) has won for good."""
    least = -sum(p * math.log(p) for p in (smoothing, 1 - smoothing) if p > 0)
    return real_loss < least + SURE and fake_loss < SURE


class Watch:
    """Counts for how many reports in a row each sign has been there."""

    def __init__(self) -> None:
        self.seen: dict[str, int] = {}

    def notice(self, signs: Sequence[Sign]) -> list[str]:
        """What to say now: the words of signs that have just been there for REPORTS reports in a row."""
        self.seen = {sign.name: self.seen.get(sign.name, 0) + 1 for sign in signs if sign.there}
        return [sign.words for sign in signs if self.seen.get(sign.name) == REPORTS]
