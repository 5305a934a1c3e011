"""Which of several people dances: one person, followed through the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def follow(frames: Iterable[Sequence[np.ndarray]]) -> list[int | None]:
    """Index of the dancer among the (18, 3) people of each frame, None where nobody is seen.

    First whoever is shown largest, then whoever is nearest to where they were, so that the dance does not jump from one
    person to another as they come and go. Who is further away than the dancer is large is somebody else.
    """
    followed: list[int | None] = []
    last: np.ndarray | None = None
    for people in frames:
        seen = [index for index, body in enumerate(people) if (body[:, 2] > 0).any()]
        chosen = min(seen, key=lambda i: _apart(people[i], last), default=None) if last is not None else None
        if chosen is None or _apart(people[chosen], last) > _extent(last):
            chosen = max(seen, key=lambda i: _prominence(people[i]), default=None)
        followed.append(chosen)
        last = last if chosen is None else people[chosen]
    return followed


def _prominence(body: np.ndarray) -> float:
    return _extent(body) * float(body[:, 2].sum())


def _extent(body: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(body[body[:, 2] > 0, :2], axis=0)))


def _apart(body: np.ndarray, other: np.ndarray) -> float:
    """Mean distance between the joints that both show."""
    both = (body[:, 2] > 0) & (other[:, 2] > 0)
    if not both.any():
        return float("inf")
    return float(np.linalg.norm(body[both, :2] - other[both, :2], axis=1).mean())
