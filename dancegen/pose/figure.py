"""The figure round the joints: how far a body reaches beyond them, how tall it stands, and how tall it is seen."""

from __future__ import annotations

import numpy as np

from dancegen.pose.geometry import NECK_TO_ANKLE, NECK_TO_HIP
from dancegen.pose.skeleton import FACE, INDEX, N_JOINTS

# Shares of a standing body's height, after Winter, Biomechanics and Motor Control of Human Movement.
HAND, SOLE, CROWN, FLESH = 0.108, 0.05, 0.075, 0.035
"""From the wrist to the fingertips, the ankle to the sole, eyes and ears to the crown, and any other joint to skin."""
BEFORE_S, AFTER_S = 3.0, 1.0
"""Seconds round a moment in which the body is seen at its full length."""
LONGEST = 95
"""The percentile of lengths that counts as the full one: limbs that point at the camera are shorter, none longer."""
_NECK = INDEX["neck"]
_HIPS = [INDEX["r_hip"], INDEX["l_hip"]]
_LEGS = [[INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")] for side in "rl"]
_ANKLES = [leg[2] for leg in _LEGS]
_BEYOND = np.full(N_JOINTS, FLESH)
_BEYOND[[INDEX["r_wrist"], INDEX["l_wrist"]]] = HAND
_BEYOND[_ANKLES] = SOLE
_BEYOND[list(FACE)] = CROWN


def standing_height(keypoints: np.ndarray, fps: float) -> np.ndarray:
    """(T,) how tall the dancer of (T, 18, 3) keypoints is when upright, where they are then, in the same pixels.

    From neck to ankle along the bones, as long as they are within a few seconds, since a camera shortens them; of a
    body without ankles from neck to hips, else from the height of what is seen. Looks `AFTER_S` ahead.
    """
    before, after = round(BEFORE_S * fps), round(AFTER_S * fps)
    lengths = np.pad(_length_now(keypoints), (before, after), constant_values=np.nan)
    around = np.lib.stride_tricks.sliding_window_view(lengths, before + after + 1)
    known = ~np.isnan(around).all(axis=1)
    found = np.full(len(keypoints), np.nan)
    found[known] = np.nanpercentile(around[known], LONGEST, axis=1)
    if not known.any():
        return np.ones(len(keypoints))
    last = np.maximum.accumulate(np.where(known, np.arange(len(keypoints)), -1))
    return np.maximum(found[np.where(last < 0, np.argmax(known), last)], 1.0)


def reach_of(keypoints: np.ndarray, body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest x and y (T, 2) of a figure of (T, 18, 3) keypoints that stands `body` (T,) pixels tall: skin,
    hands, feet and crown. NaN where nobody is seen."""
    there = keypoints[..., 2:] > 0
    points, beyond = keypoints[..., :2].astype(np.float64), _BEYOND[:, None] * body[:, None, None]
    low = np.where(there, points - beyond, np.inf).min(axis=1)
    high = np.where(there, points + beyond, -np.inf).max(axis=1)
    return np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)


def seen_height(keypoints: np.ndarray, fps: float) -> np.ndarray:
    """(T,) pixels from the crown to the lower sole, as the dancer of (T, 18, 3) keypoints is held at each moment; NaN
    where head or ankles are hidden. Hands do not count."""
    body = standing_height(keypoints, fps)
    head, feet = keypoints[:, list(FACE)], keypoints[:, _ANKLES]
    top = np.where(head[..., 2] > 0, head[..., 1], np.inf).min(axis=1) - CROWN * body
    sole = np.where(feet[..., 2] > 0, feet[..., 1], -np.inf).max(axis=1) + SOLE * body
    return np.where(np.isfinite(sole - top), np.abs(sole - top), np.nan)


def _length_now(keypoints: np.ndarray) -> np.ndarray:
    """(T,) the height that each frame tells by itself, NaN where nobody is seen."""
    there, points = keypoints[..., 2] > 0, keypoints[..., :2].astype(np.float64)
    hips = points[:, _HIPS].mean(axis=1)
    trunk = np.where(there[:, [_NECK, *_HIPS]].all(axis=1), np.linalg.norm(points[:, _NECK] - hips, axis=1), np.nan)
    legs = [
        np.where(there[:, leg].all(axis=1), np.linalg.norm(np.diff(points[:, leg], axis=1), axis=2).sum(axis=1), np.nan)
        for leg in _LEGS
    ]
    leg = np.fmax(*legs)
    low, high = reach_of(keypoints, np.zeros(len(keypoints)))
    guesses = ((trunk + leg) / NECK_TO_ANKLE, trunk / NECK_TO_HIP, high[:, 1] - low[:, 1])
    found = np.full(len(keypoints), np.nan)
    for guess in guesses:
        found = np.where(np.isnan(found), guess, found)
    return found
