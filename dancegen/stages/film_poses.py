"""What ControlNets are shown of a stretch of a dance."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from dancegen.stages.film_recipes import array_input
from dancegen.store import Input

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence


@dataclass(frozen=True)
class ShownPoses:
    """Poses of some frames, on the canvas of the film, as float32.

    keypoints: (F, 18, 3). hands: (F, 2, 21, 3), face: (F, 70, 3), or None where nobody looked for them.
    """

    keypoints: np.ndarray
    hands: np.ndarray | None = None
    face: np.ndarray | None = None

    @classmethod
    def of(cls, dance: PoseSequence, frames: np.ndarray) -> ShownPoses:
        """Some frames of a dance; of hands and faces only what is there."""
        found = (None if points is None else points[frames] for points in (dance.hands, dance.face))
        return cls(dance.keypoints[frames], *(None if each is None or not each.any() else each for each in found))

    def inputs(self) -> tuple[Input, ...]:
        """All of it as inputs of a recipe."""
        return tuple(
            array_input("poses", each.name, np.asarray(points, "<f4"))
            for each in fields(self)
            if (points := getattr(self, each.name)) is not None
        )

    def openpose(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8 RGB: one pose as the ControlNet for OpenPose was trained on it."""
        from dancegen.pose.drawing import draw_openpose

        hands, face = (None if points is None else points[frame] for points in (self.hands, self.face))
        return draw_openpose(self.keypoints[frame], size, hands=hands, face=face)


def rounded(dance: PoseSequence) -> PoseSequence:
    """The dance to a quarter of a pixel: what nobody sees makes no other film."""
    steps = [4, 4, 64]
    points = {name: getattr(dance, name) for name in ("keypoints", "hands", "face")}
    return replace(dance, **{name: np.round(each * steps) / steps for name, each in points.items() if each is not None})
