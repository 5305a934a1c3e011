"""One scale and one place for a whole clip: dancers from video as large on the canvas as those from motion capture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.geometry import BODY_FRACTION, FLOOR_LINE, MARGIN, body_height, place
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX

ANKLE_HEIGHT = 0.045
"""Of an ankle over the floor, as a share of the body's height."""
BENT = 1.075
"""A standing body's height over that of one who dances, as `body_height` measures it (motion capture: 1.05 to 1.11)."""
STRAY = 0.2
"""Percent of the joints at either end of the dance's extent that need not fit inside the margins."""
_HIPS = (INDEX["r_hip"], INDEX["l_hip"])
_ANKLES = (INDEX["r_ankle"], INDEX["l_ankle"])


def onto_canvas(poses: PoseSequence, size: tuple[int, int]) -> PoseSequence:
    """The dance on a canvas of `size` (width, height), with one scale and one place for all of its frames.

    As `motion.cameras.project` places motion capture: the body is 62 % of the canvas high, less only where the dance
    would not fit inside the margins, its usual place in the middle, its floor at nine tenths. Height, floor and extent
    are taken from the whole clip so that single frames with a stray joint do not matter.
    """
    present = poses.keypoints[..., 2] > 0
    if not present.any():
        return poses.fitted(size)
    points = poses.keypoints[present][:, :2].astype(np.float64)
    low, high = np.percentile(points, STRAY, axis=0), np.percentile(points, 100 - STRAY, axis=0)
    canvas = np.array(size, np.float64)
    room = canvas * (1 - 2 * MARGIN)
    try:
        tall = BENT * body_height(poses.keypoints)
    except PoseError:
        return poses.fitted(size, margin=MARGIN)
    scale = float(min(BODY_FRACTION * size[1] / tall, *(room / np.maximum(high - low, 1e-6))))
    usual = np.array([_usual(poses.keypoints, _HIPS, 0, points), _usual(poses.keypoints, _ANKLES, 1, points)])
    wanted = np.array([0.5, FLOOR_LINE]) * canvas - scale * (usual + np.array([0, ANKLE_HEIGHT * tall]))
    offset = np.clip(wanted, MARGIN * canvas - scale * low, MARGIN * canvas + room - scale * high)
    # `place` keeps pixels' centres whole.
    offset = offset - 0.5 * scale + 0.5
    return replace(
        poses,
        keypoints=place(poses.keypoints, scale, offset),
        size=size,
        hands=None if poses.hands is None else place(poses.hands, scale, offset),
        face=None if poses.face is None else place(poses.face, scale, offset),
    )


def _usual(keypoints: np.ndarray, joints: tuple[int, int], axis: int, points: np.ndarray) -> float:
    """The median of a coordinate of two joints; of all of the joints where those are never seen."""
    seen = keypoints[:, joints, 2] > 0
    values = keypoints[:, joints, axis][seen]
    return float(np.median(values if len(values) else points[:, axis]))
