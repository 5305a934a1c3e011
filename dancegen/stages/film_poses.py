"""What ControlNets are shown of a stretch of a dance."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import InputError
from dancegen.stages.film_recipes import array_input
from dancegen.store import SHORT, Input

if TYPE_CHECKING:
    from dancegen.motion.solid import Solid
    from dancegen.pose.sequence import PoseSequence
    from dancegen.renderers.film.faces import Faces


@dataclass(frozen=True)
class ShownPoses:
    """Poses of some frames, on the canvas of the film, as float32.

    keypoints: (F, 18, 3). hands: (F, 2, 21, 3), face: (F, 70, 3), or None where nobody looked for them. solid: the
    body, where depth is shown, else None.
    """

    keypoints: np.ndarray
    hands: np.ndarray | None = None
    face: np.ndarray | None = None
    solid: Solid | None = None

    @classmethod
    def of(cls, dance: PoseSequence, frames: np.ndarray, solid: Solid | None = None) -> ShownPoses:
        """Some frames of a dance; of hands and faces only what is there. solid: of all its frames."""
        found = [None if points is None else points[frames] for points in (dance.hands, dance.face)]
        hands, face = (None if each is None or not each.any() else each for each in found)
        return cls(dance.keypoints[frames], hands, face, None if solid is None else solid[frames])

    def enlarged(self, size: tuple[int, int], larger: tuple[int, int]) -> ShownPoses:
        """The same where a picture of a size is stretched to a larger one."""
        scale = np.array(larger) / np.array(size)

        def moved(points: np.ndarray | None) -> np.ndarray | None:
            if points is None:
                return None
            found = points.copy()
            found[..., :2] = (points[..., :2] + 0.5) * scale - 0.5
            return np.where(points[..., -1:] > 0, found, 0).astype(np.float32)

        solid = None if self.solid is None else self.solid.enlarged(scale)
        return ShownPoses(np.asarray(moved(self.keypoints)), moved(self.hands), moved(self.face), solid)

    def near(self, faces: Faces, frames: list[int], side: int) -> ShownPoses:
        """Some frames of it in the squares round their faces, without depth."""
        points = (None if each is None else each[frames] for each in (self.keypoints, self.hands, self.face))
        keypoints, hands, face = (None if each is None else faces.moved(each, side) for each in points)
        return ShownPoses(np.asarray(keypoints), hands, face)

    def inputs(self) -> tuple[Input, ...]:
        """All of it as inputs of a recipe."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "solid"}
        if self.solid is not None:
            arrays |= {f"solid {name}": values for name, values in self.solid.arrays().items()}
        return tuple(
            array_input("poses", name, np.asarray(points, "<f4"))
            for name, points in arrays.items()
            if points is not None
        )  # fmt: skip

    def openpose(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8 RGB: one pose as the ControlNet for OpenPose was trained on it."""
        from dancegen.pose.drawing import draw_openpose

        hands, face = (None if points is None else points[frame] for points in (self.hands, self.face))
        return draw_openpose(self.keypoints[frame], size, hands=hands, face=face)

    def depth(self, frame: int, size: tuple[int, int]) -> np.ndarray:
        """(H, W, 3) uint8: one pose as the ControlNet for depth is shown it, near bright."""
        from dancegen.renderers.skeleton.mannequin.depth import draw_depth

        if self.solid is None:
            raise ValueError("these poses have no depth")
        return draw_depth(self.solid, frame, size)


def rounded(dance: PoseSequence) -> PoseSequence:
    """The dance to a quarter of a pixel: what nobody sees makes no other film."""
    steps = [4, 4, 64]
    points = {name: getattr(dance, name) for name in ("keypoints", "hands", "face")}
    return replace(dance, **{name: np.round(each * steps) / steps for name, each in points.items() if each is not None})


def solid_of(shown: PoseSequence, dance: PoseSequence, digest: str) -> Solid:
    """The body of a dance in a film's picture.

    shown: what the film shows of the dance. dance: all of it, by which the body is measured. digest: of the dance as a
    person knows it. Raises InputError where it has no joints in space.
    """
    from dancegen.motion.solid import Solid, body_of

    if shown.joints3d is None or dance.joints3d is None:
        raise InputError(
            f"--depth takes joints in space, and the dance {digest[:SHORT]} has none, as poses of pictures have none: "
            "film a dance of generate-poses --model diffusion, or leave --depth out"
        )
    return Solid.of(shown, body_of(dance))
