"""The face by itself: where it is in each frame, cut out large, and put back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.arrays import smooth
from dancegen.pose.figure import standing_height
from dancegen.pose.skeleton import INDEX

HEAD = 0.26
"""Side of the square round a head, as a share of the standing body: the head is half of it."""
_STEADY = 1.5
"""Frames over which the square's way is smoothed."""
_FEATHER = 0.15
"""Share of the square's side over which it goes over into the picture round it."""
_FACE = [INDEX["nose"], INDEX["r_eye"], INDEX["l_eye"]]
_HEAD = [*_FACE, INDEX["r_ear"], INDEX["l_ear"]]


@dataclass(frozen=True)
class Faces:
    """corners: (F, 2) left and top in pixels, side: of all squares, in pixels. seen: (F,) whether there is a face."""

    corners: np.ndarray
    side: float
    seen: np.ndarray

    @classmethod
    def of(cls, keypoints: np.ndarray, fps: float) -> Faces | None:
        """Of (F, 18, 3) keypoints; None where no frame shows a face: two of nose and eyes.

        The square has one size, and goes with the head, smoothly.
        """
        seen = (keypoints[:, _FACE, 2] > 0).sum(axis=1) >= 2
        if not seen.any():
            return None
        there = keypoints[:, _HEAD, 2:] > 0
        middle = (keypoints[:, _HEAD, :2] * there).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
        frames = np.arange(len(keypoints))
        middle = np.stack([np.interp(frames, frames[seen], middle[seen, axis]) for axis in (0, 1)], axis=1)
        side = HEAD * float(np.median(standing_height(keypoints, fps)[seen]))
        return cls(smooth(middle, _STEADY) - side / 2, side, seen)

    def cut(self, frame: np.ndarray, place: int, pixels: int) -> np.ndarray:
        """(pixels, pixels, 3) uint8: the square of a (H, W, 3) frame; outside the picture its edge goes on."""
        import cv2

        return cv2.warpAffine(
            frame, self._way(place, pixels), (pixels, pixels), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )

    def put(self, frame: np.ndarray, place: int, face: np.ndarray) -> np.ndarray:
        """The (H, W, 3) frame with a (pixels, pixels, 3) face in its square, which ends softly."""
        import cv2

        height, width = frame.shape[:2]
        reduced = cv2.resize(face, (max(1, round(self.side)),) * 2, interpolation=cv2.INTER_AREA)
        small = self._way(place, len(reduced))
        back, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (width, height)
        pasted = cv2.warpAffine(reduced, small, size, flags=back, borderMode=cv2.BORDER_REPLICATE)
        share = cv2.warpAffine(_soft(len(reduced)), small, size, flags=back)[..., None]
        return np.rint(frame * (1 - share) + pasted * share).clip(0, 255).astype(np.uint8)

    def moved(self, points: np.ndarray, pixels: int) -> np.ndarray:
        """(F, ..., 3) keypoints of frames as they lie in the squares, of so many pixels."""
        corners = self.corners.reshape(-1, *[1] * (points.ndim - 2), 2)
        found = points.copy()
        found[..., :2] = (points[..., :2] + 0.5 - corners) * (pixels / self.side) - 0.5
        return np.where(points[..., 2:] > 0, found, 0).astype(np.float32)

    def _way(self, place: int, pixels: int) -> np.ndarray:
        """(2, 3) from a frame to its square, pixel centres being whole numbers."""
        scale = pixels / self.side
        left, top = self.corners[place]
        return np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5]])


def _soft(pixels: int) -> np.ndarray:
    """(pixels, pixels) float32: 1 inside, falling to 0 at the edge."""
    inside = (np.minimum(np.arange(pixels), np.arange(pixels)[::-1]) + 0.5) / (_FEATHER * pixels)
    ramp = np.clip(inside, 0, 1)
    ramp = ramp * ramp * (3 - 2 * ramp)
    return np.outer(ramp, ramp).astype(np.float32)
