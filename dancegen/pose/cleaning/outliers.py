"""Joints where no body has them, taken out to be filled in: those that jump away for a moment and back again, ends of
limbs that are far too long, and one joint that is taken for both of a pair."""

from __future__ import annotations

import numpy as np

from dancegen.pose.geometry import limb_lengths
from dancegen.pose.skeleton import BODY_LIMBS, INDEX, LIMBS

LONGEST_S = 0.1
"""Of a jump and back."""
_LEAST = 0.07
"""Body heights: smaller jumps are a matter of smoothing."""
_MOST_TURN = 90.0
"""Body heights a second squared: a limb that turns round faster is none. (Wrists of salsa: 99.9 % under 60.)"""
_LONG, _TOO_LONG = 75, 1.7
"""Percentile of a limb's lengths, and times that, from which on a limb ends in a wrong place."""
_LARGEST = {
    (1, 2): 0.2, (1, 5): 0.2, (2, 3): 0.3, (3, 4): 0.27, (5, 6): 0.3, (6, 7): 0.27, (1, 8): 0.48, (8, 9): 0.4,
    (9, 10): 0.4, (1, 11): 0.48, (11, 12): 0.4, (12, 13): 0.4,
}  # fmt: skip
"""Body heights: limbs of people, and half as much again for what comes near the camera."""
_PAIRS = [(INDEX[f"l_{part}"], INDEX[f"r_{part}"]) for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]
_ONE_PLACE, _HALF_AS_SURE, UNSURE = 0.05, 0.5, 0.3
"""Body heights within which a pair is one place, by how much less sure the wrong one of it is, and the confidence under
which other detectors call a joint unseen. Measured on `musepose_dance.mp4`, where a small OpenPose takes one leg under
a skirt for both: nothing that is taken out was where BlazePose sees it. Of four other dances it is next to nothing."""


def drop_outliers(keypoints: np.ndarray, fps: float, height: float) -> np.ndarray:
    """(T, J, 3) keypoints without the joints that jump, of somebody `height` pixels tall."""
    kept = keypoints.copy()
    for joint in range(keypoints.shape[1]):
        kept[_jumps(kept[:, joint], fps, height), joint] = 0
    return kept


def drop_long_limbs(keypoints: np.ndarray, height: float) -> np.ndarray:
    """(T, 18, 3) keypoints without the ends of limbs that are much longer than they are at other times, or than those
    of somebody `height` pixels tall."""
    kept = keypoints.copy()
    lengths = limb_lengths(keypoints)
    for number in BODY_LIMBS:
        length = lengths[:, number]
        known = np.isfinite(length)
        if known.sum() >= 10:
            longest = min(_TOO_LONG * np.percentile(length[known], _LONG), _LARGEST[LIMBS[number]] * height)
            kept[known & (np.nan_to_num(length) > longest), LIMBS[number][1]] = 0
    return kept


def drop_doubles(keypoints: np.ndarray, height: float) -> np.ndarray:
    """(T, 18, 3) keypoints without those that are the other side's: where left and right are in one place, and one of
    them is unsure and less than half as sure as the other, the detector saw one joint twice."""
    kept = keypoints.copy()
    for pair in map(list, _PAIRS):
        places, sure = keypoints[:, pair, :2], keypoints[:, pair, 2]
        together = np.linalg.norm(places[:, 0] - places[:, 1], axis=-1) < _ONE_PLACE * height
        unsure = (sure > 0) & (sure < np.minimum(UNSURE, _HALF_AS_SURE * sure[:, ::-1]))
        kept[:, pair] = np.where((together[:, None] & unsure)[..., None], 0, kept[:, pair])
    return kept


def _jumps(track: np.ndarray, fps: float, height: float) -> np.ndarray:
    """Frames of the joint's (T, 3) track in which it is where it cannot be."""
    seen = np.flatnonzero(track[:, 2] > 0)
    places = track[seen, :2].astype(np.float64) / height
    wrong = np.zeros(len(seen), bool)
    for count in range(1, max(1, round(LONGEST_S * fps)) + 1):
        if len(seen) < count + 2:
            break
        before, after = places[: -count - 1], places[count + 1 :]
        lasts = seen[count + 1 :] - seen[: -count - 1] <= count + 1 + round(LONGEST_S * fps)
        allowed = np.maximum(_LEAST, 0.5 * _MOST_TURN * ((count + 1) / 2 / fps) ** 2)
        allowed = allowed + np.linalg.norm(after - before, axis=1)
        away = np.full(len(before), np.inf)
        for k in range(1, count + 1):
            middle = before + (after - before) * k / (count + 1)
            away = np.minimum(away, np.linalg.norm(places[k : len(places) - count - 1 + k] - middle, axis=1))
        for start in np.flatnonzero(lasts & (away > allowed)):
            if not wrong[start] and not wrong[start + count + 1]:
                wrong[start + 1 : start + count + 1] = True
    return seen[wrong]
