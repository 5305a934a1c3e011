"""Making detected or generated poses usable: one dancer tracked, short gaps filled, limbs of a believable length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.skeleton import BODY, LIMBS, N_JOINTS, N_LIMBS

#: A filled-in joint's confidence never reaches this: what was seen and what was guessed stay apart.
FILLED_CONFIDENCE = 0.5
_BODY_JOINTS = tuple(range(N_JOINTS))[BODY]


def track_dancer(frames: Iterable[Sequence[np.ndarray] | np.ndarray]) -> list[int | None]:
    """Index of the dancer among the (18, 3) people of each frame, None where nobody is seen.

    First whoever is shown largest, then whoever is nearest to where they were, so that the dance does not jump from one
    person to another as they come and go. Who is further away than the dancer is large is somebody else.
    """
    tracked: list[int | None] = []
    last: np.ndarray | None = None
    for people in frames:
        seen = [index for index, body in enumerate(people) if (body[:, 2] > 0).any()]
        chosen = None if last is None else _nearest(people, seen, last)
        if chosen is None:
            chosen = max(seen, key=lambda i: _prominence(people[i]), default=None)
        tracked.append(chosen)
        last = last if chosen is None else people[chosen]
    return tracked


def _nearest(people: Sequence[np.ndarray] | np.ndarray, seen: list[int], last: np.ndarray) -> int | None:
    """Who of the people seen is nearest to the dancer's last pose, unless further away than the dancer is large."""
    apart = {index: _apart(people[index], last) for index in seen}
    nearest = min(seen, key=apart.__getitem__, default=None)
    return None if nearest is None or apart[nearest] > _extent(last) else nearest


def _prominence(body: np.ndarray) -> float:
    return _extent(body) * float(body[:, 2].sum())


def _extent(body: np.ndarray) -> float:
    return float(np.linalg.norm(np.ptp(body[body[:, 2] > 0, :2], axis=0)))


def _apart(body: np.ndarray, other: np.ndarray) -> float:
    """Mean distance between the joints that both show."""
    both = (body[:, 2] > 0) & (other[:, 2] > 0)
    if not both.any():
        return float("inf")
    return float(np.linalg.norm(body[both, :2] - other[both, :2], axis=1).mean())


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
