"""How a dance moves: speed, acceleration, stillness and joints that are not there.

Every figure is of a sequence at 30 frames a second whose body height is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.pose.cleaning import FILLED_CONFIDENCE, body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY

FPS = 30.0
FREEZE_SPEED = 0.1  # body heights a second


@dataclass(frozen=True)
class MotionFigures:
    """speed_median: body heights a second; accel_mean: body heights a second squared; the others are shares, 0..1."""

    speed_median: float
    accel_mean: float
    freeze_ratio: float
    missing: float


def motion_figures(sequence: PoseSequence) -> MotionFigures:
    """The figures of one dance. A dance too short to move has nan where nothing was measured.

    Raises PoseError where no frame shows how tall the dancer is.
    """
    positions = body_positions(sequence)
    speed, accel = joint_speed(positions), joint_acceleration(positions)
    return MotionFigures(
        speed_median=_finite(np.nanmedian, speed),
        accel_mean=_finite(np.nanmean, accel),
        freeze_ratio=freeze_ratio(speed),
        missing=float((sequence.keypoints[:, BODY, 2] <= 0).mean()),
    )


def body_positions(sequence: PoseSequence) -> np.ndarray:
    """Joints 1 to 13 at 30 frames a second in body heights: `(T, 13, 2)`, nan where a joint is missing."""
    height = body_height(sequence.keypoints)
    keypoints = sequence.resample(FPS).keypoints[:, BODY]
    return np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan) / height


def unseen_share(sequence: PoseSequence) -> float:
    """Share of body joints, 0..1, that no image showed: missing, or filled in with less than FILLED_CONFIDENCE."""
    return float((sequence.keypoints[:, BODY, 2] < FILLED_CONFIDENCE).mean())


def joint_speed(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` body heights to `(T - 1, J)` body heights a second."""
    return np.linalg.norm(np.diff(positions, axis=0), axis=-1) * FPS


def joint_acceleration(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` body heights to `(T - 2, J)` body heights a second squared."""
    return np.linalg.norm(np.diff(positions, 2, axis=0), axis=-1) * FPS**2


def freeze_ratio(speed: np.ndarray) -> float:
    """Share of one-second windows (every half second) whose mean joint speed is under 0.1 body heights a second."""
    window, hop = int(FPS), int(FPS / 2)
    starts = range(0, max(1, len(speed) - window + 1), hop)
    means = [_finite(np.nanmean, speed[s : s + window]) for s in starts]
    return float(np.mean([not m >= FREEZE_SPEED for m in means]))


def _finite(summary, values: np.ndarray) -> float:
    return float(summary(values)) if np.isfinite(values).any() else float("nan")
