"""A dance that is keypoints from the start: what one camera or several saw of it, found by somebody else's detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.sequence import PoseSequence

_NEAR = 16
"""Frames on either side of a span that count for a spline inside it."""


@dataclass(frozen=True, eq=False)
class FlatDance:
    """views: by the camera's name, each of one rate and start; the keypoints as they were found, gaps and all.

    Raises PoseError where there are none, or where they do not belong together.
    """

    views: Mapping[str, PoseSequence]

    def __post_init__(self) -> None:
        if not self.views:
            raise PoseError("nobody is seen by any camera")
        if len({(poses.fps, poses.start_s, len(poses)) for poses in self.views.values()}) > 1:
            raise PoseError("the cameras do not show one dance: their rates, starts or lengths differ")

    @property
    def _any(self) -> PoseSequence:
        return next(iter(self.views.values()))

    @property
    def fps(self) -> float:
        return self._any.fps

    @property
    def seconds(self) -> float:
        return self._any.seconds

    @property
    def start_s(self) -> float:
        """Where in its song the dance begins."""
        return self._any.start_s

    def span(self, start_s: float, frames: int, fps: float) -> dict[str, PoseSequence]:
        """The part of every view from `start_s` seconds of the dance on, at another rate, its own start at 0; without
        the views that show nobody in it."""
        at = (start_s + np.arange(frames) / fps) * self.fps
        first, last = max(0, int(at[0]) - _NEAR), int(at[-1]) + _NEAR
        parts = {
            name: replace(poses.slice(first, last).at(np.clip(at - first, 0, None), fps), start_s=0.0)
            for name, poses in self.views.items()
        }
        return {name: part for name, part in parts.items() if (part.keypoints[..., 2] > 0).any()}

    def save(self, folder: Path) -> None:
        """Write a pose file a view."""
        folder.mkdir(parents=True)
        for name, poses in self.views.items():
            poses.save(folder / f"{name}.npz")

    @classmethod
    def load(cls, folder: Path) -> FlatDance:
        """Read what `save` wrote."""
        return cls({path.stem: PoseSequence.load(path) for path in sorted(folder.glob("*.npz"))})
