"""Kinetic features (Onuma et al., FMDistance, Eurographics 2008), as in fairmotion, FACT and Bailando."""

from __future__ import annotations

import numpy as np

RATE = 60
"""Frames a second that the published features are of."""
REACH = 2
"""Frames before and after a frame that its velocity is averaged over."""
KINETIC = 72


def kinetic_features(joints: np.ndarray) -> np.ndarray:
    """(72,) float64 of a dance of (T, 24, 3) metres at 60 frames a second, T at least 3: for each joint its horizontal
    energy, its vertical energy and what is called its energy expenditure.

    The energies are means over the frames of a squared velocity, which is itself a mean over five frames. The third is
    published as an acceleration; a parenthesis misplaced in fairmotion, and in all that copied it, makes it
    (p[s+1] - p[s] + p[s-1]) / dt^2 - p[s] / dt, which mostly measures how far from the origin a joint is. The dance is
    moved so that its root begins at the origin, as Bailando does; FACT leaves it where it is.
    """
    places = joints.astype(np.float64) - joints[0, 0]
    steps = np.diff(places, axis=0)
    velocity = _averaged(steps, np.ones(len(steps), bool)) * RATE
    whole = np.arange(1, len(places)) < len(places) - 1  # has a frame after it
    after = np.concatenate([places[2:], places[-1:]])
    expenditure = (after - places[1:] + places[:-1]) * RATE**2 - places[1:] * RATE
    energies = (
        (velocity[..., [0, 2]] ** 2).sum(axis=-1).mean(axis=0),
        (velocity[..., 1] ** 2).mean(axis=0),
        np.linalg.norm(_averaged(expenditure, whole), axis=-1).mean(axis=0),
    )
    return np.stack(energies, axis=1).ravel()


def _averaged(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(S, J, 3) means of each value and its neighbours within REACH, of those that count (S,)."""
    weights = counts.astype(np.float64)[:, None, None]
    padded = np.pad(np.concatenate([values * weights, np.broadcast_to(weights, (len(values), 1, 3))], axis=1),
                    ((REACH, REACH), (0, 0), (0, 0)))  # fmt: skip
    sums = np.sum([padded[shift : shift + len(values)] for shift in range(2 * REACH + 1)], axis=0)
    return sums[:, :-1] / sums[:, -1:]
