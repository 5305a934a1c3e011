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

_LEAST_JOINTS = 4
"""Joints that make a person: fewer are a shadow or a picture on the wall."""


def load_portrait(path: str | Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB. Raises InputError for what is no picture."""
    if not Path(path).is_file():
        raise InputError(f"--image {path}: there is no such file")
    try:
        return load_picture(path)
    except InputError as error:
        raise InputError(f"--image {error}") from error


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
    (found,) = detector.load(device).detect([picture])
    people = [each for each in found.body if (each[:, 2] > 0).sum() >= _LEAST_JOINTS]
    if len(people) != 1:
        raise InputError(
            f"--image {path} shows {len(people) or 'no'} {'people' if people else 'person'}: "
            "give a picture of the one person who is to dance, or, if that is what it is, --detector none"
        )
    return people[0]
