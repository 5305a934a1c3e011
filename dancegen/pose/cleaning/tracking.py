"""Which of the people in the pictures is the dancer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def track_dancer(frames: Iterable[Sequence[np.ndarray] | np.ndarray]) -> list[int | None]:
    """Index of the dancer among the (18, 3) people of each frame, None where nobody is seen.

    First whoever is shown largest, then whoever is nearest to where they were, so that the dance does not jump from one
    person to another as they come and go. Who is further away than the dancer is large is somebody else.
    """
    tracked: list[int | None] = []
    last: np.ndarray | None = None
    for people in frames:
        seen = [index for index, body in enumerate(people) if (body[:, 2] > 0).any()]
        chosen = None if last is None else _nearest(people, seen, last)
        if chosen is None:
            chosen = max(seen, key=lambda i: _prominence(people[i]), default=None)
        tracked.append(chosen)
        last = last if chosen is None else people[chosen]
    return tracked


def _nearest(people: Sequence[np.ndarray] | np.ndarray, seen: list[int], last: np.ndarray) -> int | None:
    """Who of the people seen is nearest to the dancer's last pose, unless further away than the dancer is large."""
    apart = {index: _apart(people[index], last) for index in seen}
    nearest = min(seen, key=apart.__getitem__, default=None)
    return None if nearest is None or apart[nearest] > _extent(last) else nearest


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
