"""Soft solids as distance fields: bones with a profile, and how they melt together.

Every field is (h, w) float32: pixels to the surface, negative inside. After Quilez, 2D distance functions; a bone's
radius follows its profile along the bone, which bends the distances a little and the outline not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np


@dataclass(frozen=True)
class Patch:
    """A rectangle of the frame, and the points at which fields are worked out on it.

    x, y: columns and rows of the points, (1, w) and (h, 1) float32. left, top, width, height: the rectangle, in pixels.
    spacing: 1, a point for each pixel, or 2, one in the middle of four.
    """

    x: np.ndarray
    y: np.ndarray
    left: int
    top: int
    width: int
    height: int
    spacing: int

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.height, self.width

    @property
    def window(self) -> tuple[slice, slice]:
        """(rows, columns) of the frame."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def __bool__(self) -> bool:
        return self.width > 0 and self.height > 0

    def filled(self, values: np.ndarray) -> np.ndarray:
        """(height, width) of every pixel, from values (h, w) of the points, which are all but linear between them."""
        import cv2

        if self.spacing == 1:
            return values
        rows, columns = values.shape
        doubled = cv2.resize(values, (2 * columns, 2 * rows), interpolation=cv2.INTER_LINEAR)
        return doubled[: self.height, : self.width]


def patch_around(points: np.ndarray, margin: float, size: tuple[int, int], step: int = 1, spacing: int = 1) -> Patch:
    """The part of a frame of `size` (width, height) within `margin` pixels of (N, 2) points; it may be empty.

    step: of what its bounds are multiples, unless the frame ends before. spacing: that of its
    points.
    """
    (left, right), (top, bottom) = (
        (_within(floor((low - margin) / step) * step, side), _within(ceil((high + margin + 1) / step) * step, side))
        for low, high, side in zip(points.min(axis=0).tolist(), points.max(axis=0).tolist(), size, strict=True)
    )
    x, y = (
        np.arange(first + (spacing - 1) / 2, end, spacing, dtype=np.float32)
        for first, end in ((left, right), (top, bottom))
    )
    return Patch(x[None], y[:, None], left, top, right - left, bottom - top, spacing)


def _within(bound: int, side: int) -> int:
    return min(max(bound, 0), side)


def bone(patch: Patch, a: np.ndarray, b: np.ndarray, start: float, end: float, bulge: float = 0.0, lean: float = 0.0):
    """Field of a bone from a to b and its distance to the axis, both (h, w).

    start, end: radii at a and b. bulge: added halfway, as a calf or a thigh has it; lean: -1 to 1, how far the
    bulge sits towards a rather than b.
    """
    (ax, ay), (bx, by) = a.tolist(), b.tolist()
    dx, dy = bx - ax, by - ay
    inverse = 1 / max(dx * dx + dy * dy, 1e-3)
    px, py = patch.x - ax, patch.y - ay
    along = px * (dx * inverse) + py * (dy * inverse)
    np.minimum(np.maximum(along, 0, out=along), 1, out=along)  # several times faster than np.clip on few numbers
    across = px - along * dx
    across *= across
    down = py - along * dy
    down *= down
    across += down
    axis = np.sqrt(across, out=across)
    radius = along * (end - start)
    radius += start
    if bulge:
        # A parabola through 0 at both ends, leaning to one of them.
        hump = along * (1 - along)
        hump *= 4 * bulge * (1 + lean) - along * (8 * bulge * lean)
        radius += hump
    return axis - radius, axis


def melted(one: np.ndarray, other: np.ndarray, softness: float) -> np.ndarray:
    """The union of two fields, with a fillet of `softness` pixels where they meet (polynomial smooth minimum)."""
    blend = np.abs(one - other)
    np.subtract(softness, blend, out=blend)
    np.maximum(blend, 0, out=blend)
    blend *= blend
    blend *= 0.25 / softness
    return np.minimum(one, other) - blend
