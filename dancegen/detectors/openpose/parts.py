"""Hands and faces of people whose bodies OpenPose has found, as controlnet-aux looks for them: in squares cut out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dancegen.detectors.openpose.networks import Network
from dancegen.detectors.openpose.upsampling import STRIDE, upsampling
from dancegen.pose.detections import N_FACE, N_HAND

# controlnet-aux's own numbers.
HAND_SIDES = (184, 368, 552, 736)
"""Pixels of the pictures of a hand that the network sees, the mean of which counts."""
HAND_MAP, FACE_SIDE = 128, 384
HAND_BLUR = 0.8
LEAST_HAND, LEAST_FACE = 0.05, 0.05
MOST_AT_ONCE = 8
"""Squares that a network sees at once."""


@dataclass(frozen=True)
class _Square:
    """A part of a picture, of so many pixels a side from (x, y) on. hand: 0 the left, 1 the right."""

    picture: int
    person: int
    x: int
    y: int
    side: int
    hand: int = 0

    def cut(self, pictures: list[np.ndarray]) -> np.ndarray:
        return pictures[self.picture][self.y : self.y + self.side, self.x : self.x + self.side]

    def placed(self, found: np.ndarray) -> np.ndarray:
        """(K, 3) keypoints of its pixels -> of the picture's; what is in its first row or column is missing."""
        missing = (found[:, 2] <= 0) | (found[:, :2] < 1e-6).any(axis=1)
        return np.where(missing[:, None], 0, found + np.array([self.x, self.y, 0]))


def find_hands(network: Network, pictures: list[np.ndarray], bodies: list[np.ndarray]) -> list[np.ndarray]:
    """BGR pictures, (P, 18, 3) keypoints of the bodies in each -> (P, 2, 21, 3) each, left then right."""
    found = [np.zeros((len(people), 2, N_HAND, 3), np.float32) for people in bodies]
    squares = list(_hand_squares(pictures, bodies))
    for some in _portions(squares):
        for square, maps in zip(some, _hand_maps(network, [each.cut(pictures) for each in some]), strict=True):
            found[square.picture][square.person, square.hand] = square.placed(_hand(maps, square.side))
    return found


def find_faces(network: Network, pictures: list[np.ndarray], bodies: list[np.ndarray]) -> list[np.ndarray]:
    """BGR pictures, (P, 18, 3) keypoints of the bodies in each -> (P, 70, 3) each."""
    from controlnet_aux.open_pose.util import smart_resize

    found = [np.zeros((len(people), N_FACE, 3), np.float32) for people in bodies]
    for some in _portions(list(_face_squares(pictures, bodies))):
        seen = np.stack([smart_resize(each.cut(pictures), (FACE_SIDE, FACE_SIDE)) for each in some])
        maps = network(_as_input(seen))
        for square, own in zip(some, maps, strict=True):
            cut = square.cut(pictures)
            found[square.picture][square.person] = square.placed(_face(own[:N_FACE], cut.shape[:2]))
    return found


def _hand_squares(pictures: list[np.ndarray], bodies: list[np.ndarray]) -> Iterator[_Square]:
    from controlnet_aux.open_pose.util import handDetect

    for number, (picture, people) in enumerate(zip(pictures, bodies, strict=True)):
        for person, body in enumerate(people):
            for x, y, side, is_left in handDetect(_as_controlnet_aux(body), picture):
                yield _Square(number, person, x, y, side, 0 if is_left else 1)


def _face_squares(pictures: list[np.ndarray], bodies: list[np.ndarray]) -> Iterator[_Square]:
    from controlnet_aux.open_pose.util import faceDetect

    for number, (picture, people) in enumerate(zip(pictures, bodies, strict=True)):
        for person, body in enumerate(people):
            square = faceDetect(_as_controlnet_aux(body), picture)
            if square is not None:
                yield _Square(number, person, *square)


def _as_controlnet_aux(body: np.ndarray):
    from controlnet_aux.open_pose.body import BodyResult, Keypoint

    keypoints = [Keypoint(float(x), float(y), float(score)) if score > 0 else None for x, y, score in body]
    return BodyResult(keypoints, 0.0, 0)


def _portions(squares: list[_Square]) -> Iterator[list[_Square]]:
    for first in range(0, len(squares), MOST_AT_ONCE):
        yield squares[first : first + MOST_AT_ONCE]


def _as_input(pictures: np.ndarray) -> np.ndarray:
    return pictures.transpose(0, 3, 1, 2).astype(np.float32) / 256 - 0.5


def _hand_maps(network: Network, hands: list[np.ndarray]) -> np.ndarray:
    """(N, 21, 128, 128) the mean of the maps of each scale."""
    import cv2
    from controlnet_aux.open_pose.util import smart_resize

    soft = [cv2.GaussianBlur(hand, (0, 0), HAND_BLUR) for hand in hands]
    mean = np.zeros((len(hands), N_HAND, HAND_MAP, HAND_MAP))
    for side in HAND_SIDES:
        maps = network(_as_input(np.stack([smart_resize(hand, (side, side)) for hand in soft])))
        enlarging = upsampling((side // STRIDE, side // STRIDE), (side, side), (HAND_MAP, HAND_MAP))
        mean += enlarging.whole(maps[:, :N_HAND].astype(np.float64)) / len(HAND_SIDES)
    return mean


def _hand(maps: np.ndarray, side: int) -> np.ndarray:
    """(21, 128, 128) maps -> (21, 3) keypoints in pixels of a square: the peak of each map's largest patch."""
    from scipy.ndimage import gaussian_filter, label
    from scipy.ndimage import sum as sum_of

    found = np.zeros((N_HAND, 3))
    for keypoint, own in zip(found, maps, strict=True):
        patches, count = label(gaussian_filter(own, sigma=3) > LEAST_HAND, structure=np.ones((3, 3)))  # pyright: ignore
        if count:
            largest = 1 + np.argmax(sum_of(own, patches, range(1, count + 1)))
            inside = np.where(patches == largest, own, 0)
            y, x = np.unravel_index(inside.argmax(), inside.shape)
            keypoint[:] = int(x * side / HAND_MAP), int(y * side / HAND_MAP), np.clip(own[y, x], 1e-3, 1)
    return found


def _face(maps: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(70, h, w) maps -> (70, 3) keypoints in pixels of a square that was so large."""
    import torch

    large = torch.nn.functional.interpolate(torch.from_numpy(maps)[None], size, mode="bilinear", align_corners=True)
    flat = large[0].flatten(1).numpy()
    best = flat.argmax(axis=1)
    score = flat[np.arange(len(flat)), best]
    y, x = np.divmod(best, size[1])
    return np.column_stack([x, y, np.where(score > LEAST_FACE, np.clip(score, 1e-3, 1), 0)])
