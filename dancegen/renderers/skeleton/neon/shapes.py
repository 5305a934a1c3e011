"""Soft solids as distance fields: bones with a profile, and how they melt together.

Every field is (h, w) float32: pixels to the surface, negative inside. After Quilez, 2D distance functions; a bone's
radius follows its profile along the bone, which bends the distances a little and the outline not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Patch:
    """A rectangle of the frame: column and row coordinates, (1, w) and (h, 1) float32, and where it lies."""

    x: np.ndarray
    y: np.ndarray
    left: int
    top: int

    @property
    def window(self) -> tuple[slice, slice]:
        """(rows, columns) of the frame."""
        return slice(self.top, self.top + len(self.y)), slice(self.left, self.left + self.x.shape[1])

    def __bool__(self) -> bool:
        return self.x.size > 0 and self.y.size > 0


def patch_around(points: np.ndarray, margin: float, size: tuple[int, int], step: int = 1) -> Patch:
    """The part of a frame of `size` (width, height) within `margin` pixels of (N, 2) points; it may be empty.

    step: of what its bounds are multiples, unless the frame ends before.
    """
    low = np.floor((points.min(axis=0) - margin) / step).astype(int) * step
    high = np.ceil((points.max(axis=0) + margin + 1) / step).astype(int) * step
    left, top = np.clip(low, 0, size)
    right, bottom = np.clip(high, 0, size)
    columns = np.arange(left, max(right, left), dtype=np.float32)[None]
    rows = np.arange(top, max(bottom, top), dtype=np.float32)[:, None]
    return Patch(columns, rows, int(left), int(top))


def bone(patch: Patch, a, b, start: float, end: float, bulge: float = 0.0, lean: float = 0.0):
    """Field of a bone from a to b and its distance to the axis, both (h, w).

    start, end: radii at a and b. bulge: added halfway, as a calf or a thigh has it; lean: -1 to 1, how far the
    bulge sits towards a rather than b.
    """
    ax, ay, bx, by = (np.float32(value) for value in (*a, *b))
    dx, dy = bx - ax, by - ay
    inverse = np.float32(1 / max(float(dx * dx + dy * dy), 1e-3))
    px, py = patch.x - ax, patch.y - ay
    along = px * (dx * inverse) + py * (dy * inverse)
    np.clip(along, 0, 1, out=along)
    across = px - along * dx
    across *= across
    down = py - along * dy
    down *= down
    across += down
    axis = np.sqrt(across, out=across)
    radius = along * np.float32(end - start)
    radius += np.float32(start)
    if bulge:
        # A parabola through 0 at both ends, leaning to one of them.
        hump = along * (1 - along)
        hump *= np.float32(4 * bulge * (1 + lean)) - along * np.float32(8 * bulge * lean)
        radius += hump
    return axis - radius, axis


def melted(one: np.ndarray, other: np.ndarray, softness: float) -> np.ndarray:
    """The union of two fields, with a fillet of `softness` pixels where they meet (polynomial smooth minimum)."""
    blend = np.abs(one - other)
    np.subtract(np.float32(softness), blend, out=blend)
    np.maximum(blend, 0, out=blend)
    blend *= blend
    blend *= np.float32(0.25 / softness)
    return np.minimum(one, other) - blend
