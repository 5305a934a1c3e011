"""A portrait whose looks, and if wanted proportions, the dancer takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import InputError
from dancegen.files import load_picture
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.detectors.registry import DetectorSpec

SIDE = 512
"""Of the squares that image encoders are given, in pixels; they make them smaller still."""
_LEAST_JOINTS = 4
"""Joints that make a person: fewer are a shadow or a picture on the wall."""
_NECK, _ANKLES, _FACE = 1, (10, 13), (0, 14, 15, 16, 17)
_ROOM = 1.3
"""A square round a person's joints is so much larger than they reach: hair, hands and feet go beyond them."""

Box = tuple[float, float, float]
"""(x, y, side) of a square in a picture, from its upper left corner, in pixels; it may reach out of the picture."""


def load_portrait(path: str | Path, flag: str = "--image") -> np.ndarray:
    """(H, W, 3) uint8 RGB. Raises InputError for what is no picture."""
    if not Path(path).is_file():
        raise InputError(f"{flag} {path}: there is no such file")
    try:
        return load_picture(path)
    except InputError as error:
        raise InputError(f"{flag} {error}") from error


def on_white(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 RGB: all of a picture, as large as fits into (width, height), in the middle of white."""
    import cv2

    scale = min(side / own for side, own in zip(size, picture.shape[1::-1], strict=True))
    width, height = (max(1, round(own * scale)) for own in picture.shape[1::-1])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    shown = np.full((size[1], size[0], 3), 255, np.uint8)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    shown[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=way)
    return shown


def find_person(
    picture: np.ndarray,
    path: str | Path,
    detector: DetectorSpec | None,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> np.ndarray | None:
    """(18, 3) keypoints of the one person in the portrait; None where there is no detector to look.

    Raises InputError where it shows nobody, or several.
    """
    if detector is None:
        progress.warn(
            f"nobody looked whether {path} shows one person: pip install 'dancegen[blazepose]', or give OpenPose "
            "weights with --detector, to be sure"
        )
        return None
    (found,) = detector.fetched(progress).load(device).detect([picture])
    people = [each for each in found.body if (each[:, 2] > 0).sum() >= _LEAST_JOINTS]
    if len(people) != 1:
        raise InputError(
            f"--image {path} shows {len(people) or 'no'} {'people' if people else 'person'}: "
            "give a picture of the one person who is to dance, or, if that is what it is, --detector none"
        )
    return people[0]


def squares(picture: np.ndarray, person: np.ndarray | None, *, head: bool) -> np.ndarray:
    """(N, SIDE, SIDE, 3) uint8 RGB: the portrait as image encoders see all of it; they crop what is no square.

    person: (18, 3) keypoints of whom it shows; without them, the whole picture is there. head: whether to add the head,
    where keypoints say where it is.
    """
    boxes = [person_box(person, picture.shape[:2])]
    if head and person is not None and (found := head_box(person)) is not None:
        boxes.append(found)
    return np.stack([square(picture, box) for box in boxes])


def person_box(person: np.ndarray | None, shape: tuple[int, int]) -> Box:
    """The square round a person in a picture of (height, width) pixels; without keypoints, round all of it.

    Where no ankle is seen, the person goes on to the lower edge of the picture.
    """
    height, width = shape
    largest = max(height, width)
    if person is None:
        return (width - largest) / 2, (height - largest) / 2, largest
    seen = person[person[:, 2] > 0, :2]
    (left, top), (right, bottom) = seen.min(axis=0), seen.max(axis=0)
    if not (person[_ANKLES, 2] > 0).any():
        bottom = height
    side = min(_ROOM * max(right - left, bottom - top), largest)
    return _within((left + right - side) / 2, side, width), _within((top + bottom - side) / 2, side, height), side


def head_box(person: np.ndarray) -> Box | None:
    """The square round a head, hair and chin included, of (18, 3) keypoints; None where neck or face are not seen.

    A head is about as high as it is from the neck, between the shoulders, to the middle of the face.
    """
    face = person[_FACE, :]
    face = face[face[:, 2] > 0, :2]
    if person[_NECK, 2] <= 0 or len(face) == 0:
        return None
    middle = face.mean(axis=0)
    up = middle - person[_NECK, :2]
    side = 1.7 * float(np.linalg.norm(up))
    x, y = middle + 0.1 * up - side / 2
    return float(x), float(y), side


def square(picture: np.ndarray, box: Box) -> np.ndarray:
    """(SIDE, SIDE, 3) uint8 RGB of a box; what it has beyond the picture is of the mean colour of the edges."""
    import cv2

    edges = np.concatenate([picture[[0, -1]].reshape(-1, 3), picture[:, [0, -1]].reshape(-1, 3)])
    colour = edges.mean(axis=0).round().tolist()
    (height, width), (x, y, side) = picture.shape[:2], (round(value) for value in box)
    side = max(side, 1)
    above, before = max(0, -y), max(0, -x)
    below, after = max(0, y + side - height), max(0, x + side - width)
    padded = cv2.copyMakeBorder(picture, above, below, before, after, cv2.BORDER_CONSTANT, value=colour)
    top, left = y + above, x + before
    way = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
    return cv2.resize(padded[top : top + side, left : left + side], (SIDE, SIDE), interpolation=way)


def about_squares(taken: np.ndarray, person: np.ndarray | None, *, head: bool) -> str:
    """What of a portrait is looked at, in words."""
    if person is None:
        more = "; a detector would find the head, which the IP-Adapter would then be given too" if head else ""
        return f"--image: nobody looked where the person is: all of the picture is taken, padded to a square{more}"
    more = " and one round the head" if len(taken) > 1 else ", the head is not seen" if head else ""
    return f"--image: a square round the person is taken{more}"


def _within(start: float, side: float, length: float) -> float:
    """The start of a stretch, moved until it lies in a length; of one that is too long, the length is in its middle."""
    return min(max(start, 0.0), length - side) if side <= length else (length - side) / 2
