"""A dance for a body of other proportions: every limb keeps its direction and takes the other body's length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.geometry import limb_lengths, torso_length
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX, LIMBS, MIRROR

_NECK, _HIPS = INDEX["neck"], (INDEX["r_hip"], INDEX["l_hip"])
_FEET = [INDEX["r_ankle"], INDEX["l_ankle"]]
_LEAST, _MOST = 0.5, 2.0  # of a limb's length: beyond that, a joint was seen wrongly rather than a body built so
_SEEN = 90  # percentile of a limb's length over a dance: how long it is when the camera sees all of it


def retarget(dance: PoseSequence, body: np.ndarray) -> PoseSequence:
    """The dance with the limb proportions of `body`, (18, 3) keypoints of someone who stands before a camera.

    Lengths are compared in units of each body's torso (neck to the middle of the hips), the dancer's as the camera saw
    them when they were longest. A limb that `body` does not show, and that of its other side neither, stays as it was;
    so do 3D joints, hands and face. The lower foot stays at the height it had. Raises PoseError where `body` has no
    torso.
    """
    ratios = _ratios(dance.keypoints, np.asarray(body, np.float32))
    moved = dance.keypoints.copy()
    for (parent, child), ratio in zip(LIMBS, ratios, strict=True):
        seen = (dance.keypoints[:, parent, 2] > 0) & (dance.keypoints[:, child, 2] > 0)
        limb = dance.keypoints[:, child, :2] - dance.keypoints[:, parent, :2]
        moved[seen, child, :2] = moved[seen, parent, :2] + limb[seen] * ratio
    moved[..., 1] += _sunk(dance.keypoints, moved)[:, None]
    moved[dance.keypoints[..., 2] == 0] = 0
    return replace(dance, keypoints=moved)


def _ratios(dance: np.ndarray, body: np.ndarray) -> np.ndarray:
    """(limbs,) by how much each limb must grow; both sides of a body by the same."""
    theirs = limb_lengths(body[None])[0] / torso_length(body[None])[0]
    own = np.nanpercentile(limb_lengths(dance), _SEEN, axis=0) / np.nanpercentile(torso_length(dance), _SEEN)
    if not np.isfinite(torso_length(body[None])[0]):
        raise PoseError("the body to take proportions from shows no torso: neck and at least one hip must be seen")
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = theirs / own
    sides = {frozenset(limb): place for place, limb in enumerate(LIMBS)}
    mirrored = [sides[frozenset((int(MIRROR[a]), int(MIRROR[b])))] for a, b in LIMBS]
    with np.errstate(invalid="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a limb that neither side shows
            ratios = np.nanmean([ratios, ratios[mirrored]], axis=0)
    return np.clip(np.nan_to_num(ratios, nan=1.0), _LEAST, _MOST)


def _sunk(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(T,) pixels by which the lower foot has risen; 0 where no foot is seen."""
    seen = before[:, _FEET, 2] > 0
    lowest = [np.where(seen, poses[:, _FEET, 1], -np.inf).max(axis=1) for poses in (before, after)]
    return np.where(seen.any(axis=1), lowest[0] - lowest[1], 0.0)
