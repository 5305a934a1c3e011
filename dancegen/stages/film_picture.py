"""What a painted film shows of the poses' canvas: the dancer, or all of their way, or what a video shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from dancegen.pose.sequence import PoseSequence
from dancegen.renderers.film.settings import FOLLOW, WHOLE

FIT_GRID = 32.0
"""Pixels of the poses' canvas: see PoseSequence.fitted."""
SMALL = 0.55
"""A dancer of a smaller share of the picture's height has too few pixels for a face."""


@dataclass(frozen=True)
class Picture:
    """size: (width, height) in pixels. framing: as a person asked, or None. as_filmed: the poses were seen in a video
    of these proportions."""

    size: tuple[int, int]
    framing: str | None
    as_filmed: bool

    def of(self, dance: PoseSequence, cuts: Iterable[int]) -> PoseSequence:
        """The dance in the picture, at its own rate. cuts: the frames with which shots begin, but the first."""
        from dancegen.pose.framing import follow

        if self._follows:
            return follow(dance, self.size, cuts).shown(dance)
        return dance.on_canvas(self.size) if self.as_filmed else dance.fitted(self.size, grid=FIT_GRID)

    def notes(self, dance: PoseSequence, cuts: Iterable[int]) -> Iterator[str]:
        """What a person should know before the picture of a dance is painted."""
        from dancegen.pose.figure import seen_height
        from dancegen.pose.framing import follow

        shown = self.of(dance, cuts)
        heights = seen_height(shown.keypoints, shown.fps) / self.size[1]
        heights = heights[~np.isnan(heights)]
        if len(heights) and (share := float(np.median(heights))) < SMALL:
            advice = "take an upright --size" if self._follows else f"--framing {FOLLOW} shows them large"
            yield f"the dancer is {share:.0%} of the picture's height, and faces so small are painted badly: {advice}"
        if self._follows and (hurried := follow(dance, self.size, cuts).hurried).any():
            seconds = hurried.sum() / dance.fps
            yield f"for {seconds:.1f} s the camera draws back quickly, to keep hands and feet in the picture"

    @property
    def _follows(self) -> bool:
        return self.framing == FOLLOW or (self.framing != WHOLE and not self.as_filmed)
