"""Scores of sets of dances, and of a dance with its music, as the published code computes them."""

from __future__ import annotations

import numpy as np

from dancegen.metrics.physics import foot_contact
from dancegen.motion.body import AT

BEAT_SPREAD = 3.0
"""Frames by which a motion beat may be off and still count by exp(-1/2): 50 ms at 60 frames a second."""
SMOOTHED = 5.0
"""Frames, standard deviation of the Gaussian that the joints' speed is smoothed with."""
CONTACT_RATE = 30
"""Frames a second of EDGE's foot contact score, which depends on it."""
_LEAST_DEVIATION = 1e-10


def normalised(generated: np.ndarray, real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features (G, D) and (R, D) in standard deviations of the real ones from their mean.

    A feature that is 0 in every real dance is divided by almost nothing: the real set has to be large and varied.
    """
    mean, deviation = real.mean(axis=0), real.std(axis=0) + _LEAST_DEVIATION
    return (generated - mean) / deviation, (real - mean) / deviation


def frechet_distance(generated: np.ndarray, real: np.ndarray) -> float:
    """FID of features (G, D) against (R, D): |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2) (Heusel et al., 2017).

    The last trace is the sum of the singular values of the product of the centred sets, which exists also where there
    are fewer dances than features.
    """
    ours, theirs = normalised(generated, real)
    one, other = (each - each.mean(axis=0) for each in (ours, theirs))
    one, other = one / np.sqrt(max(len(one) - 1, 1)), other / np.sqrt(max(len(other) - 1, 1))
    shift = ours.mean(axis=0) - theirs.mean(axis=0)
    crossed = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return float(shift @ shift + (one**2).sum() + (other**2).sum() - 2 * crossed)


def diversity(features: np.ndarray) -> float:
    """Div: mean Euclidean distance between all pairs of (N, D) normalised features; nan for fewer than two."""
    if len(features) < 2:
        return float("nan")
    from scipy.spatial.distance import pdist

    return float(pdist(features).mean())


def motion_beats(joints: np.ndarray) -> np.ndarray:
    """(B,) int frames of a dance (T, 24, 3) at which the smoothed mean speed of its joints is at a minimum."""
    from scipy.ndimage import gaussian_filter1d

    speed = np.linalg.norm(np.diff(joints.astype(np.float64), axis=0), axis=-1).mean(axis=1)
    smooth = gaussian_filter1d(speed, SMOOTHED)
    return np.flatnonzero((smooth[1:-1] < smooth[:-2]) & (smooth[1:-1] < smooth[2:])) + 1


def beat_alignment(joints: np.ndarray, beats: np.ndarray) -> float:
    """Bailando's Beat Align Score of a dance (T, 24, 3) with music beats (B,), in frames: how near each music beat has
    a motion beat, as the mean of exp(-d^2 / 2 s^2).

    Music beats after the dance's end do not count; nan without music beats, 0 for a dance without motion beats.
    """
    found, heard = motion_beats(joints), beats[beats < len(joints) - 1]
    if not len(heard):
        return float("nan")
    if not len(found):
        return 0.0
    apart = np.abs(heard[:, None] - found[None]).min(axis=1)
    return float(np.exp(-(apart**2) / (2 * BEAT_SPREAD**2)).mean())


def beat_coverage(joints: np.ndarray, beats: np.ndarray, within: float) -> tuple[float, float]:
    """(share of music beats with a motion beat within so many frames, share of motion beats with a music beat)."""
    found, heard = motion_beats(joints), beats[beats < len(joints) - 1]
    if not len(heard):
        return float("nan"), float("nan")
    if not len(found):
        return 0.0, float("nan")
    apart = np.abs(heard[:, None] - found[None]) <= within
    return float(apart.any(axis=1).mean()), float(apart.any(axis=0).mean())


def smpl_foot_contact(joints: np.ndarray) -> float:
    """EDGE's PFC (`metrics.physics.foot_contact`) of a dance (T, 24, 3) metres, y up, at 30 frames a second; nan where
    the root never accelerates. The root is the pelvis, and a foot its ankle and toe."""
    feet = [joints[:, [AT[f"{side}_ankle"], AT[f"{side}_toe"]]] for side in "lr"]
    pelvis = joints[:, AT["pelvis"]].astype(np.float64)
    push = np.diff(pelvis, n=2, axis=0)
    if not (push[:, (0, 2)].any() or (push[:, 1] > 0).any()):
        return float("nan")
    return foot_contact(pelvis, *feet)
