"""A real camera as it was calibrated: where in its picture a point of the room is seen, lens and all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NO_DISTORTION = (0.0, 0.0, 0.0, 0.0, 0.0)
_NEAREST = 1e-6


@dataclass(frozen=True, eq=False)
class Pinhole:
    """OpenCV's camera model, in the room's own unit of length.

    size: (width, height) of the picture. matrix: (3, 3) focal lengths and middle, in pixels. rotation: (3, 3) and
    translation: (3,), of the room as the camera sees it, x to the right, y down, z ahead. distortion: k1, k2, p1, p2,
    k3 of Brown's model (radial, tangential).
    """

    name: str
    size: tuple[int, int]
    matrix: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray
    distortion: tuple[float, ...] = NO_DISTORTION

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) pixels of points (..., 3) in the room; nan for what is behind the camera or not a number."""
        seen = points @ self.rotation.T + self.translation
        ahead = seen[..., 2:]
        flat = seen[..., :2] / np.where(ahead > _NEAREST, ahead, np.nan)
        return self._distorted(flat) @ self.matrix[:2, :2].T + self.matrix[:2, 2]

    def _distorted(self, flat: np.ndarray) -> np.ndarray:
        """Brown's model: r the distance from the middle, x (1 + k1 r^2 + k2 r^4 + k3 r^6) and what tilts add."""
        k1, k2, p1, p2, k3 = self.distortion
        x, y = flat[..., 0], flat[..., 1]
        squared = x**2 + y**2
        radial = 1 + squared * (k1 + squared * (k2 + squared * k3))
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (squared + 2 * x**2),
                y * radial + p1 * (squared + 2 * y**2) + 2 * p2 * x * y,
            ],
            axis=-1,
        )
