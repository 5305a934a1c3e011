"""One frame's camera in numbers that pixels are worked out with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.motion.cameras import Lens, axes


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera. eye: (3,) metres. turn: (3, 3), right, down and ahead in the room. focal: pixels. middle: (2,)
    the pixel straight ahead; whole numbers are the middles of pixels."""

    eye: np.ndarray
    turn: np.ndarray
    focal: float
    middle: np.ndarray

    @classmethod
    def of(cls, lens: Lens, frame: int) -> View:
        """The camera of one frame of a lens."""
        one = lens[frame : frame + 1]
        turn = axes(one.eye, one.target)[0]
        return cls(one.eye[0], turn, float(one.scale[0] * one.distance[0]), one.offset[0])

    def within(self, corner: tuple[int, int], finer: int) -> View:
        """The same camera in a part of the picture whose first pixel is `corner`, each pixel divided by `finer`."""
        return View(self.eye, self.turn, self.focal * finer, (self.middle - corner + 0.5) * finer - 0.5)

    def seen(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels (N, 2) of points (N, 3), and how far ahead they are (N,), metres."""
        across = (points - self.eye) @ self.turn.T
        ahead = across[:, 2]
        return self.focal * across[:, :2] / np.where(np.abs(ahead) < 1e-6, 1e-6, ahead)[:, None] + self.middle, ahead

    @property
    def ways(self) -> np.ndarray:
        """(3, 3): a pixel (column, row, 1) times this leads from the eye one metre ahead."""
        right, down, ahead = self.turn
        start = ahead - (self.middle[0] * right + self.middle[1] * down) / self.focal
        return np.stack([right / self.focal, down / self.focal, start])

    @property
    def to_floor(self) -> np.ndarray:
        """(3, 3): a pixel (column, row, 1) as (x, z, 1) on the floor, times a number that is negative below the
        horizon."""
        ways = self.ways.T  # the way of a pixel is ways @ pixel
        x, y, z = ways
        return np.stack([self.eye[0] * y - self.eye[1] * x, self.eye[2] * y - self.eye[1] * z, y])

    def same(self, other: View | None) -> bool:
        """Whether it shows a room that stands still as the other does."""
        return other is not None and all(
            np.allclose(one, its, atol=1e-9, rtol=0)
            for one, its in ((self.eye, other.eye), (self.turn, other.turn), (self.middle, other.middle))
        ) and abs(self.focal - other.focal) < 1e-9  # fmt: skip
