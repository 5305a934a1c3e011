"""How a dance moves: speed, acceleration, stillness and joints that are not there.

Every figure is of a sequence at 30 frames a second whose body height is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.cleaning import FILLED_CONFIDENCE
from dancegen.pose.geometry import body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY

FPS = 30.0
FREEZE_SPEED = 0.1  # body heights a second
HIPS, ANKLES = (7, 10), (9, 12)
"""Where `body_positions` has them: it begins with the neck, joint 1."""


@dataclass(frozen=True)
class MotionFigures:
    """How a dance moves and whether it was seen; nan where nothing was measured.

    speed_median: body heights a second. freeze_ratio: a share, 0..1. accel_mean and jerk_mean: body heights a second
    squared and cubed. missing: share of body joints, 0..1, that no image showed.
    """

    speed_median: float
    freeze_ratio: float
    accel_mean: float
    jerk_mean: float
    missing: float


def motion_figures(sequence: PoseSequence) -> MotionFigures:
    """The figures of one dance. Raises PoseError where no frame shows how tall the dancer is."""
    return MotionFigures(**movement(body_positions(sequence)), missing=missing_share(sequence))


def movement(positions: np.ndarray) -> dict[str, float]:
    """MotionFigures of `(T, 13, 2)` positions: all but what was missing, which they do not show."""
    speed = joint_speed(positions)
    return {
        "speed_median": finite(np.nanmedian, speed),
        "freeze_ratio": freeze_ratio(speed),
        "accel_mean": finite(np.nanmean, joint_acceleration(positions)),
        "jerk_mean": finite(np.nanmean, joint_jerk(positions)),
    }


def body_positions(sequence: PoseSequence) -> np.ndarray:
    """Joints 1 to 13 at 30 frames a second in body heights, y down: `(T, 13, 2)`, nan where a joint is missing.

    The origin is the median mid-hip, the median of all joints where no frame shows both hips. Raises PoseError where no
    frame shows how tall the dancer is.
    """
    height = body_height(sequence.keypoints)
    keypoints = sequence.resample(FPS).keypoints[:, BODY]
    positions = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan) / height
    if not np.isfinite(positions).any():
        raise PoseError("at 30 frames a second no frame shows any joint of the body")
    hips = positions[:, HIPS].mean(axis=1)
    shown = hips if np.isfinite(hips).any() else positions.reshape(-1, 2)
    return positions - np.nanmedian(shown, axis=0)


def filled(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` with nan replaced by straight lines between sightings, held before the first and after the last.

    A joint that is never seen stays nan.
    """
    result = positions.copy()
    frames = np.arange(len(positions))
    for track in np.moveaxis(result, 1, 0):
        seen = np.isfinite(track[:, 0])
        if seen.any() and not seen.all():
            for axis in range(track.shape[1]):
                track[~seen, axis] = np.interp(frames[~seen], frames[seen], track[seen, axis])
    return result


def missing_share(sequence: PoseSequence) -> float:
    """Share of body joints, 0..1, that no image showed: missing, or filled in with less than FILLED_CONFIDENCE."""
    return float((sequence.keypoints[:, BODY, 2] < FILLED_CONFIDENCE).mean())


def joint_speed(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` body heights to `(T - 1, J)` body heights a second."""
    return np.linalg.norm(np.diff(positions, axis=0), axis=-1) * FPS


def joint_acceleration(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` body heights to `(T - 2, J)` body heights a second squared."""
    return np.linalg.norm(np.diff(positions, 2, axis=0), axis=-1) * FPS**2


def joint_jerk(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` body heights to `(T - 3, J)` body heights a second cubed."""
    return np.linalg.norm(np.diff(positions, 3, axis=0), axis=-1) * FPS**3


def freeze_ratio(speed: np.ndarray) -> float:
    """Share of one-second windows (every half second) whose mean joint speed is under 0.1 body heights a second.

    Windows that show no joint do not count; nan where none does.
    """
    window, hop = int(FPS), int(FPS / 2)
    starts = range(0, max(1, len(speed) - window + 1), hop)
    means = np.array([finite(np.nanmean, speed[s : s + window]) for s in starts])
    return finite(np.mean, means[np.isfinite(means)] < FREEZE_SPEED)


def finite(summary: Callable[[np.ndarray], float], values: np.ndarray) -> float:
    """`summary`, a NumPy reduction that ignores nan, of the values; nan where all are nan."""
    return float(summary(values)) if np.isfinite(values).any() else float("nan")
