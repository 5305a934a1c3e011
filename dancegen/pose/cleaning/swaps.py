"""Left and right that a detector exchanged, put back: of the whole body, or of the arms, the legs or the trunk alone.

Of all ways to exchange left and right of these three parts in every frame the one is found, by dynamic programming
over the shot, that makes the joints move most smoothly, with few changes and most frames as the detector saw them.
"""

from __future__ import annotations

import numpy as np

from dancegen.pose.skeleton import INDEX

_PAIRS = {
    "trunk": ("shoulder", "hip"),
    "arms": ("elbow", "wrist"),
    "legs": ("knee", "ankle"),
}
PARTS = {part: np.array([(INDEX[f"r_{name}"], INDEX[f"l_{name}"]) for name in names]) for part, names in _PAIRS.items()}
_BONES = {
    "arms": ((INDEX["r_shoulder"], INDEX["r_elbow"]), (INDEX["l_shoulder"], INDEX["l_elbow"])),
    "legs": ((INDEX["r_hip"], INDEX["r_knee"]), (INDEX["l_hip"], INDEX["l_knee"])),
}
_NECK, _HIPS = INDEX["neck"], (INDEX["r_hip"], INDEX["l_hip"])
_EYES, _EARS = (INDEX["r_eye"], INDEX["l_eye"]), (INDEX["r_ear"], INDEX["l_ear"])
_FAR = 0.12
"""Body heights: a joint that is further from where it was going counts no more than that. It may be wrong itself."""
_STEP_WEIGHT = 0.5
"""Of how far a joint goes, beside how much that differs from before."""
_BONE_WEIGHT = 1.0
_FACING_WEIGHT = 1.0
_PROFILE, _FRONT = 0.012, 0.025
"""Body heights between the eyes: of a face that may be seen from any side, and of one that is surely seen from in
front. (It is 0.035 to 0.04 straight from in front.)"""
_CHANGE = 0.08
"""Body heights: what a change costs, of one part or of all of them together, and half of it for each more part."""
_FLIPPED = 0.002
"""What a frame and part cost whose sides are exchanged."""
_STATES = 8
_BITS = np.array([[(state >> k) & 1 for k in range(3)] for state in range(_STATES)])
"""(8, 3): whether trunk, arms and legs are exchanged."""


def find_swaps(keypoints: np.ndarray, height: float) -> np.ndarray:
    """(T, 3) bool: in which frames left and right of trunk, arms and legs are exchanged in (T, 18, 3) keypoints of a
    dancer `height` pixels tall."""
    count = len(keypoints)
    if count < 3:
        return np.zeros((count, 3), bool)
    moves = [_moves(keypoints, pairs, height) for pairs in PARTS.values()]
    bones = _bones(keypoints, height) + _facing(keypoints, height)
    changes = np.abs(_BITS[:, None] - _BITS[None]).sum(axis=-1)
    change = np.where(changes > 0, _CHANGE * (0.5 + 0.5 * changes), 0.0)
    change[np.ix_([0, 7], [0, 7])] = np.where(np.eye(2), 0.0, _CHANGE)  # the whole body at once
    own = _FLIPPED * _BITS.sum(axis=1)
    first, second, third = np.ix_(range(_STATES), range(_STATES), range(_STATES))
    best = (own[:, None] + own + change + bones[0][:, None] + bones[1]).astype(np.float64)
    came_from = np.zeros((count, _STATES, _STATES), np.int8)
    for t in range(2, count):
        step = sum(
            moves[part][t][_BITS[first, part], _BITS[second, part], _BITS[third, part]] for part in range(len(moves))
        )
        total = best[:, :, None] + step + change[None] + (own + bones[t])[None, None]
        came_from[t] = total.argmin(axis=0)
        best = total.min(axis=0)
    return _BITS[_path(best, came_from)].astype(bool)


def _path(best: np.ndarray, came_from: np.ndarray) -> np.ndarray:
    """(T,) the states of least cost, from the costs (8, 8) of the last two and where each pair came from."""
    count = len(came_from)
    states = np.zeros(count, int)
    states[-2], states[-1] = np.unravel_index(int(best.argmin()), best.shape)
    for t in range(count - 1, 1, -1):
        states[t - 2] = came_from[t, states[t - 1], states[t]]
    return states


def _moves(keypoints: np.ndarray, pairs: np.ndarray, height: float) -> np.ndarray:
    """(T, 2, 2, 2): what it costs, in body heights, that a part is exchanged or not in frames t - 2, t - 1 and t."""
    points, weights = keypoints[..., :2].astype(np.float64) / height, keypoints[..., 2] > 0
    places, seen = _without_gaps(points, weights, pairs)  # (T, P, 2 sides, 2), (T, P)
    sides = places, places[:, :, ::-1]
    costs = np.zeros((len(keypoints), 2, 2, 2))
    for a in range(2):
        for b in range(2):
            for c in range(2):
                one, two, now = sides[a][:-2], sides[b][1:-1], sides[c][2:]
                turn = np.linalg.norm(now - 2 * two + one, axis=-1)
                step = np.linalg.norm(now - two, axis=-1)
                cost = np.minimum(turn, _FAR).sum(axis=-1) + _STEP_WEIGHT * np.minimum(step, _FAR).sum(axis=-1)
                costs[2:, a, b, c] = (cost * seen[2:]).sum(axis=-1)
    return costs


def _without_gaps(points: np.ndarray, seen: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs' places (T, P, 2, 2), straight lines over gaps, and whether both of a pair were seen (T, P)."""
    frames = np.arange(len(points))
    places = points[:, pairs]
    both = np.all(seen[:, pairs], axis=-1)
    for k in range(len(pairs)):
        known = both[:, k]
        if known.any() and not known.all():
            for side, axis in np.ndindex(2, 2):
                track = places[:, k, side, axis]  # a view
                track[~known] = np.interp(frames[~known], frames[known], track[known])
    return places, both.astype(np.float64)


def _bones(keypoints: np.ndarray, height: float) -> np.ndarray:
    """(T, 8): what it costs, in body heights, that arms or legs hang on the other side of a trunk: upper arms and
    thighs that are longer than they usually are."""
    points, seen = keypoints[..., :2].astype(np.float64) / height, keypoints[..., 2] > 0
    costs = np.zeros((len(keypoints), _STATES))
    for place, bones in ((1, _BONES["arms"]), (2, _BONES["legs"])):
        (r_top, r_end), (l_top, l_end) = bones
        known = np.all(seen[:, [r_top, r_end, l_top, l_end]], axis=1)
        if not known.any():
            continue
        straight = np.linalg.norm(points[:, [r_end, l_end]] - points[:, [r_top, l_top]], axis=-1)
        crossed = np.linalg.norm(points[:, [l_end, r_end]] - points[:, [r_top, l_top]], axis=-1)
        longest = np.percentile(np.minimum(straight, crossed)[known], 95)
        over = [np.maximum(lengths - longest, 0).sum(axis=1) * known for lengths in (straight, crossed)]
        apart = _BITS[:, 0] != _BITS[:, place]
        own, crosswise = (np.minimum(each, _FAR)[:, None] for each in over)
        costs += _BONE_WEIGHT * np.where(apart, crosswise, own)
    return costs


def _facing(keypoints: np.ndarray, height: float) -> np.ndarray:
    """(T, 8): what it costs, in body heights, that the shoulders say "from behind" where both eyes are seen side by
    side as only a face shows them: the further the shoulders are apart, the more."""
    up = keypoints[:, _NECK, :2] - keypoints[:, _HIPS, :2].mean(axis=1)
    up = np.where(np.all(keypoints[:, (_NECK, *_HIPS), 2] > 0, axis=1)[:, None], up, (0, -1))
    eyes, shoulders = (_to_the_right(keypoints, pair, up) / height for pair in (_EYES, PARTS["trunk"][0]))
    sure = np.clip((eyes - _PROFILE) / (_FRONT - _PROFILE), 0, 1)
    wrong = np.clip(np.stack([-shoulders, shoulders]), 0, _FAR) * sure
    return _FACING_WEIGHT * wrong[_BITS[:, 0]].T


def _to_the_right(keypoints: np.ndarray, pair: tuple[int, int] | np.ndarray, up: np.ndarray) -> np.ndarray:
    """(T,): how many pixels the left one of a pair is to the right of the other in the picture, seen with `up` (T, 2)
    upwards; 0 where one is missing."""
    across = _across(keypoints, pair)
    return (up[:, 0] * across[:, 1] - up[:, 1] * across[:, 0]) / np.maximum(np.linalg.norm(up, axis=1), 1e-6)


def exchanged(keypoints: np.ndarray, swaps: np.ndarray) -> np.ndarray:
    """(T, 18, 3) keypoints with left and right of trunk, arms and legs exchanged where `swaps` (T, 3) says so."""
    repaired = keypoints.copy()
    for part, pairs in enumerate(PARTS.values()):
        frames = np.flatnonzero(swaps[:, part])
        for right, left in pairs:
            repaired[frames, right], repaired[frames, left] = keypoints[frames, left], keypoints[frames, right]
    _exchange_faces(repaired, np.flatnonzero(swaps[:, 0]))
    return repaired


def _exchange_faces(keypoints: np.ndarray, frames: np.ndarray) -> None:
    """Eyes and ears go along with a trunk, unless they lie as its shoulders do already: detectors often know a face
    where they take the body for its back."""
    shoulders = _across(keypoints[frames], PARTS["trunk"][0])
    for pair in (_EYES, _EARS):
        against = (_across(keypoints[frames], pair) * shoulders).sum(axis=1) < 0
        one_alone = (keypoints[frames][:, pair, 2] > 0).sum(axis=1) == 1
        chosen, (right, left) = frames[against | one_alone], pair
        keypoints[chosen, right], keypoints[chosen, left] = keypoints[chosen, left], keypoints[chosen, right]


def _across(keypoints: np.ndarray, pair: tuple[int, int] | np.ndarray) -> np.ndarray:
    """(T, 2): from the right to the left one of a pair; 0 where one is missing."""
    right, left = pair
    both = np.all(keypoints[:, [right, left], 2] > 0, axis=1)
    return (keypoints[:, left, :2] - keypoints[:, right, :2]).astype(np.float64) * both[:, None]
