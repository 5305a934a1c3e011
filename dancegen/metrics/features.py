"""Kinetic and geometric features of dances, and the Frechet distance between sets of them.

Features are of windows of three seconds, two-dimensional counterparts of fairmotion's that FACT, Bailando and EDGE
report. A camera is part of them: real dance is seen from all around the dancer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.metrics.motion import FPS, HIPS, filled, joint_acceleration

WINDOW_S, HOP_S = 3.0, 1.5
ENOUGH_WINDOWS = 200
"""Of fewer, a Frechet distance says more about their number than about the dance: covariances have 40 dimensions."""
KINETIC = 39
GEOMETRIC = 38
# Parent, joint, child of the angles: elbows, shoulders, hips, knees; neck is 0, as in body_positions.
_ANGLES = ((1, 2, 3), (4, 5, 6), (0, 1, 2), (0, 4, 5), (0, 7, 8), (0, 10, 11), (7, 8, 9), (10, 11, 12))
_RELATIVE = tuple(joint for joint in range(13) if joint not in HIPS)


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Mean (D,) and covariance (D, D) of a set of windows' features, and how many windows there were."""

    mean: np.ndarray
    covariance: np.ndarray
    windows: int

    @classmethod
    def of(cls, features: np.ndarray) -> FeatureStatistics:
        """Of (W, D) features; a joint that a window's dance never shows does not count there."""
        seen = np.isfinite(features)
        count = seen.sum(axis=0)
        mean = np.where(count, np.where(seen, features, 0.0).sum(axis=0) / count.clip(1), np.nan)
        centred = np.where(seen, features - mean, 0.0)
        return cls(mean, centred.T @ centred / max(len(features) - 1, 1), len(features))

    @property
    def deviation(self) -> np.ndarray:
        """(D,) standard deviations, never 0."""
        return np.sqrt(np.diag(self.covariance)).clip(1e-6)

    def normalised(self, features: np.ndarray) -> np.ndarray:
        """(W, D) features in standard deviations from the mean; 0 for what was never seen (`missing` counts that)."""
        return np.nan_to_num((features - self.mean) / self.deviation)


def movement_windows(positions: np.ndarray, seconds: float = WINDOW_S, hop_s: float = HOP_S) -> np.ndarray:
    """`(T, J, 2)` to `(W, seconds * 30, J, 2)` windows, a view; none where the dance is shorter than one."""
    length, hop = round(seconds * FPS), max(1, round(hop_s * FPS))
    if len(positions) < length:
        return np.empty((0, length, *positions.shape[1:]))
    windows = np.lib.stride_tricks.sliding_window_view(positions, length, axis=0)[::hop]
    return np.moveaxis(windows, -1, 1)


def kinetic_features(positions: np.ndarray) -> np.ndarray:
    """`(W, 39)`: of each joint in each window, the root mean square of its horizontal and of its vertical speed (body
    heights a second), and its mean acceleration (a second squared).

    The velocity energies and the acceleration of Onuma et al., "FMDistance" (Eurographics 2008), as AIST++ takes them;
    the root keeps one wild window from ruling the distance.
    """
    windows = movement_windows(filled(positions))
    if not len(windows):
        return np.empty((0, KINETIC))
    velocity = np.diff(windows, axis=1) * FPS
    energy = np.sqrt((velocity**2).mean(axis=1))
    acceleration = np.stack([joint_acceleration(window).mean(axis=0) for window in windows])
    return np.concatenate([energy[..., 0], energy[..., 1], acceleration], axis=1)


def geometric_features(positions: np.ndarray) -> np.ndarray:
    """`(W, 38)`: the mean positions relative to the mid-hip in each window (body heights), and the mean and standard
    deviation of the angles (radians) at elbows, shoulders, hips and knees as the camera sees them.

    They stand for the relational features of Mueller et al. (SIGGRAPH 2005) that AIST++ takes from joints in space.
    """
    windows = movement_windows(centred(filled(positions)))
    if not len(windows):
        return np.empty((0, GEOMETRIC))
    places = windows[:, :, _RELATIVE].mean(axis=1).reshape(len(windows), -1)
    parents, joints, children = np.array(_ANGLES).T
    angles = _angles(windows[:, :, parents] - windows[:, :, joints], windows[:, :, children] - windows[:, :, joints])
    return np.concatenate([places, angles.mean(axis=1), angles.std(axis=1)], axis=1)


def centred(positions: np.ndarray) -> np.ndarray:
    """`(T, J, 2)` relative to the mid-hip of each frame."""
    return positions - positions[:, HIPS].mean(axis=1, keepdims=True)


def frechet_distance(one: FeatureStatistics, other: FeatureStatistics) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), in standard deviations of `other`, the real set.

    Heusel et al., NIPS 2017 (FID). Of small sets it comes out too large. nan where one of them shows no feature.
    """
    if not (np.isfinite(one.mean).any() and np.isfinite(other.mean).any()):
        return float("nan")
    scale = other.deviation
    shift = np.nan_to_num((one.mean - other.mean) / scale)
    ours, theirs = (statistics.covariance / np.outer(scale, scale) for statistics in (one, other))
    root = _root(theirs)
    # The eigenvalues of C1 C2 are those of the symmetric C2^(1/2) C1 C2^(1/2), which has no complex ones.
    values = np.linalg.eigvalsh(root @ ours @ root).clip(0)
    return float(shift @ shift + np.trace(ours) + np.trace(theirs) - 2 * np.sqrt(values).sum())


def diversity(features: np.ndarray, real: FeatureStatistics) -> float:
    """Mean distance between all pairs of (W, D) windows, in standard deviations of real dance.

    As in FACT and Bailando (mean pairwise Euclidean distance in feature space). nan for fewer than two windows, and
    where none shows a feature.
    """
    if len(features) < 2 or not np.isfinite(features).any():
        return float("nan")
    from scipy.spatial.distance import pdist

    rows = real.normalised(features)
    return float(pdist(rows[np.linspace(0, len(rows) - 1, min(len(rows), 2000)).astype(int)]).mean())


def _angles(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    cross = one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]
    return np.arctan2(np.abs(cross), (one * other).sum(-1))


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T
