"""Cuts that are seen in the people alone: everybody is suddenly somewhere else, or of another size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dancegen.pose.cleaning.likeness import apart, extent, growth, points_of, shows_somebody

_FARTHEST, _FASTEST = 0.5, 2.0
"""Sizes of a person, and sizes a second, by which somebody who goes on dancing may move between two pictures."""
_GROWTH = 0.4
"""Logarithm of a size by which nobody grows from one picture to the next."""
_NEAR, _LASTING_S = 3, 0.5
"""Pictures on one side of a cut, and seconds on the other, in which nobody who was there may be there still: what a
detector takes for a person now and then makes no cut."""


def find_jumps(bodies: Sequence[np.ndarray], fps: float) -> list[int]:
    """Frames with which everybody is elsewhere than before, from the (P, 18, 3) people of every frame; ascending."""
    people = [[points_of(body) for body in frame if shows_somebody(body)] for frame in bodies]
    allowed = _FARTHEST + _FASTEST / fps
    lasting = max(_NEAR, round(_LASTING_S * fps))

    def goes_on(before: Iterable[int], after: Iterable[int]) -> bool:
        later = [points for frame in after for points in people[frame]]
        return any(_same(one, other, allowed) for frame in before for one in people[frame] for other in later)

    found = []
    for t in range(1, len(people)):
        if not people[t] or not any(people[max(0, t - _NEAR) : t]):
            continue
        near_before, near_after = range(max(0, t - _NEAR), t), range(t, min(len(people), t + _NEAR))
        if goes_on(near_before, near_after):
            continue
        all_before, all_after = range(max(0, t - lasting), t), range(t, min(len(people), t + lasting))
        if not goes_on(near_before, all_after) and not goes_on(all_before, near_after):
            found.append(t)
    return found


def _same(one: np.ndarray, other: np.ndarray, allowed: float) -> bool:
    size = max(extent(one), extent(other), 1e-6)
    return apart(one, other, size) < allowed and abs(growth(one, other)) < _GROWTH


def merged_cuts(cuts: np.ndarray, jumps: Iterable[int], frames: int) -> list[int]:
    """Both kinds of cuts, ascending, inside a clip of so many frames. A jump beside a cut in the pictures is that cut:
    detectors may need a frame to see who is there."""
    seen = sorted({int(cut) for cut in cuts if 0 < cut < frames})
    own = [jump for jump in jumps if all(abs(jump - cut) > _NEAR for cut in seen)]
    return sorted({*seen, *own})
