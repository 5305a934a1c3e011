"""One person as OpenPose and what came after it write one: lists of points in several numbers and orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18
from dancegen.pose.skeleton import N_JOINTS

BODY_KEY = "pose_keypoints_2d"
HAND_KEYS = ("hand_left_keypoints_2d", "hand_right_keypoints_2d")
FACE_KEY = "face_keypoints_2d"
_OLD = {BODY_KEY: "pose_keypoints"} | {key: key.removesuffix("_2d") for key in (*HAND_KEYS, FACE_KEY)}
"""What OpenPose called them before 2018."""
HAND_POINTS, FACE_POINTS = 21, 70
_FROM_BODY_25 = [*range(8), *range(9, 19)]
"""Where OpenPose's own default, BODY_25, keeps our 18 joints: it has a mid-hip at 8, and feet at the end."""
_WHOLE_FACE, _WHOLE_HANDS = slice(23, 91), (slice(91, 112), slice(112, 133))
"""Of COCO-WholeBody's 133 points, behind 17 of the body and 6 of the feet: 68 of the face, and both hands."""
_COUNTS = (len(COCO_17), N_JOINTS, 19, 25, 133)
_FARTHEST = 1e6


@dataclass(frozen=True)
class Person:
    """One person of one frame: (18, 3) body, and (2, 21, 3) hands and (70, 3) face where given."""

    body: np.ndarray
    hands: np.ndarray | None
    face: np.ndarray | None


def read_person(person: Any, where: str) -> Person:
    """A person from JSON. The body has 17, 18, 19, 25 or 133 points: COCO, OpenPose's three, COCO-WholeBody.

    Hands and faces of other numbers of points than OpenPose's are left out; of 68 face points, dlib's and DWPose's, the
    pupils are missing. where: the file and frame, for messages. Raises PoseError.
    """
    if isinstance(person, list):  # the OpenPose editor for Stable Diffusion's web UI: [[x, y], ...]
        return Person(_body(_pairs(person, where), where), None, None)
    if not isinstance(person, dict):
        raise PoseError(f"{where}: a person is not a JSON object")
    points = _points(person, BODY_KEY, where)
    if points is None:
        points = np.zeros((N_JOINTS, 3), np.float32)
    body = _body(points, where)
    hands = [_points(person, key, where, HAND_POINTS) for key in HAND_KEYS]
    face = _face(_points(person, FACE_KEY, where, 68, FACE_POINTS))
    if len(points) == 133:
        hands = [points[part] for part in _WHOLE_HANDS]
        face = _face(points[_WHOLE_FACE])
    return Person(body, _both(hands), face)


def _body(points: np.ndarray, where: str) -> np.ndarray:
    if len(points) == N_JOINTS:
        return points
    if len(points) in (19, 25):
        return points[_FROM_BODY_25]
    if len(points) not in _COUNTS:
        known = ", ".join(map(str, _COUNTS[:-1]))
        raise PoseError(f"{where}: a body of {len(points)} points is not known; {known} or {_COUNTS[-1]} are read")
    return coco17_to_coco18(points[: len(COCO_17)])


def _face(points: np.ndarray | None) -> np.ndarray | None:
    return None if points is None else np.pad(points, ((0, FACE_POINTS - len(points)), (0, 0)))


def _both(hands: Sequence[np.ndarray | None]) -> np.ndarray | None:
    if all(hand is None for hand in hands):
        return None
    return np.stack([np.zeros((HAND_POINTS, 3), np.float32) if hand is None else hand for hand in hands])


def _pairs(points: list, where: str) -> np.ndarray:
    """(N, 3) float32 of a list of [x, y] or null; all that is given is sure."""
    flat = []
    for point in points:
        if point is not None and not (isinstance(point, list) and len(point) == 2):
            raise PoseError(f'{where}: "keypoints" must hold pairs of numbers')
        flat += [None] * 3 if point is None else [*point, 1.0]
    return _checked(flat, "keypoints", where)


def _points(person: dict, key: str, where: str, *counts: int) -> np.ndarray | None:
    """(N, 3) float32 of a flat list of x, y, confidence; None where it is absent, null or empty.

    counts: how many points are taken; a list of other numbers of points counts as absent. By default any.
    """
    values = person.get(key)
    if values is None:
        values = person.get(_OLD[key])
    if values is None or values == []:
        return None
    if not isinstance(values, list) or len(values) % 3:
        raise PoseError(f'{where}: "{key}" must hold numbers, three for each point')
    if counts and len(values) // 3 not in counts:
        return None
    return _checked(values, key, where)


def _checked(values: list, key: str, where: str) -> np.ndarray:
    if any(isinstance(value, bool) or not isinstance(value, (int, float, type(None))) for value in values):
        raise PoseError(f'{where}: "{key}" holds something that is not a number')
    nulls = np.array([value is None for value in values]).reshape(-1, 3)
    if any(value is not None and not abs(value) <= _FARTHEST for value in values):
        raise PoseError(f'{where}: "{key}" holds numbers out of all bounds')
    points = np.array([0 if value is None else value for value in values], dtype=np.float64).reshape(-1, 3)
    points[nulls.any(axis=1) | (points[:, 2] <= 0) | (points[:, :2] == 0).all(axis=1)] = 0
    points[:, 2] = points[:, 2].clip(0, 1)
    return points.astype(np.float32)
