"""Limbs held to a believable length."""

from __future__ import annotations

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.skeleton import LIMBS, N_JOINTS, N_LIMBS


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


def _descendants() -> dict[int, tuple[int, ...]]:
    """For each joint, all joints that hang on it."""
    below: dict[int, list[int]] = {joint: [] for joint in range(N_JOINTS)}
    for parent, child in reversed(LIMBS):
        below[parent] += [child, *below[child]]
    return {joint: tuple(joints) for joint, joints in below.items()}


_DESCENDANTS = _descendants()
