"""Making a detected or generated dance usable: short gaps filled, limbs of a believable length, and how tall it is."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, LIMBS, N_JOINTS, N_LIMBS

#: A filled-in joint's confidence never reaches this: what was seen and what was guessed stay apart.
FILLED_CONFIDENCE = 0.5
#: Neck to mid-ankle, and neck to mid-hip, as shares of the height of a standing person.
NECK_TO_ANKLE = 0.82
NECK_TO_HIP = 0.30
_NECK, _HIPS, _ANKLES = 1, (8, 11), (10, 13)
_BODY_JOINTS = tuple(range(N_JOINTS))[BODY]


def fill_gaps(keypoints: np.ndarray, max_gap: int, joints: Iterable[int] = _BODY_JOINTS) -> np.ndarray:
    """(T, 18, 3) keypoints with the joints' gaps of up to max_gap frames filled in.

    Between two sightings the joint moves smoothly, without overshoot; before the first and after the last it holds
    still. Filled joints have half the confidence of their surroundings, always under FILLED_CONFIDENCE. By default only
    the body is filled: a face point that is missing is usually hidden by the head.
    """
    filled = np.array(keypoints, dtype=np.float32)
    for joint in joints:
        missing = filled[:, joint, 2] <= 0
        if missing.any() and not missing.all():
            wanted = missing & _in_short_gap(missing, max_gap)
            filled[wanted, joint] = _between(filled[:, joint], np.flatnonzero(~missing), np.flatnonzero(wanted))
    return filled


def _in_short_gap(missing: np.ndarray, max_gap: int) -> np.ndarray:
    """(T,) bool: frames of runs of missing ones that are no longer than max_gap."""
    change = np.diff(np.pad(missing.astype(np.int8), 1))
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    short = np.zeros(len(missing), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        short[start:end] = end - start <= max_gap
    return short


def _between(track: np.ndarray, seen: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(W, 3) what a joint's (T, 3) track may have been at the wanted frames, given those where it was seen."""
    at = wanted.clip(seen[0], seen[-1])
    if len(seen) == 1:
        positions = np.repeat(track[seen, :2], len(at), axis=0)
    else:
        from scipy.interpolate import PchipInterpolator

        positions = PchipInterpolator(seen, track[seen, :2].astype(np.float64))(at)
    confidence = np.interp(at, seen, track[seen, 2]) / 2
    return np.column_stack([positions, np.minimum(confidence, FILLED_CONFIDENCE - 0.01)])


def limb_lengths(keypoints: np.ndarray) -> np.ndarray:
    """(..., 18, 3) keypoints -> (..., 17) float32 lengths in pixels, as LIMBS lists them; NaN if a joint is missing."""
    keypoints = np.asarray(keypoints, dtype=np.float32)
    parents, children = np.array(LIMBS).T
    start, end = keypoints[..., parents, :], keypoints[..., children, :]
    lengths = np.linalg.norm(end[..., :2] - start[..., :2], axis=-1)
    return np.where((start[..., 2] > 0) & (end[..., 2] > 0), lengths, np.float32(np.nan))


def clamp_limbs(keypoints: np.ndarray, max_lengths: np.ndarray) -> np.ndarray:
    """(..., 18, 3) keypoints with no limb longer than its (17,) maximum in pixels.

    A limb too long pulls its child joint towards its parent, along the limb; all that hangs on the child moves along,
    so the limbs beyond keep their direction and length. The neck, the tree's root, never moves.
    """
    clamped = np.array(keypoints, dtype=np.float32)
    max_lengths = np.asarray(max_lengths, dtype=np.float32)
    if max_lengths.shape != (N_LIMBS,):
        raise PoseError(f"there are {N_LIMBS} limbs, but maximum lengths of the shape {max_lengths.shape}")
    # LIMBS lists every parent before its children, so one pass settles the whole tree.
    for (parent, child), longest in zip(LIMBS, max_lengths, strict=True):
        limb = clamped[..., child, :2] - clamped[..., parent, :2]
        length = np.linalg.norm(limb, axis=-1)
        both = (clamped[..., parent, 2] > 0) & (clamped[..., child, 2] > 0)
        excess = np.where(both & (length > longest), 1 - longest / np.maximum(length, 1e-9), 0)
        pull = excess[..., None] * limb
        for joint in (child, *_DESCENDANTS[child]):
            clamped[..., joint, :2] -= np.where(clamped[..., joint, 2:] > 0, pull, 0)
    return clamped


def body_height(poses: PoseSequence | np.ndarray) -> float:
    """The dancer's standing height in pixels, from a sequence or (T, 18, 3) keypoints.

    The 95th percentile over time of the distance from neck to mid-ankle, divided by 0.82: people bend and jump, but a
    projection never makes them longer. Where no frame shows an ankle, neck to mid-hip stands in. Raises PoseError if no
    frame shows either.
    """
    keypoints = poses.keypoints if isinstance(poses, PoseSequence) else np.asarray(poses)
    for ends, share in ((_ANKLES, NECK_TO_ANKLE), (_HIPS, NECK_TO_HIP)):
        distances = _distance_to_middle(keypoints, ends)
        if len(distances) and (length := np.percentile(distances, 95)) > 0:
            return float(length / share)
    raise PoseError("no frame shows the neck together with the hips or ankles, so the dancer's height is unknown")


def _distance_to_middle(keypoints: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    """Distances from the neck to the middle of two joints, of the frames that show all three."""
    shown = (keypoints[:, (_NECK, *ends), 2] > 0).all(axis=1)
    middle = keypoints[shown][:, ends, :2].mean(axis=1)
    return np.linalg.norm(keypoints[shown, _NECK, :2] - middle, axis=-1)


def _descendants() -> dict[int, tuple[int, ...]]:
    """For each joint, all joints that hang on it."""
    below: dict[int, list[int]] = {joint: [] for joint in range(N_JOINTS)}
    for parent, child in reversed(LIMBS):
        below[parent] += [child, *below[child]]
    return {joint: tuple(joints) for joint, joints in below.items()}


_DESCENDANTS = _descendants()
