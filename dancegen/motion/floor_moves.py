"""Floor moves: where a dancer is carried by more than the feet, as in handstands, freezes, spins on the back and sits.

A choreographer that knows of no contacts but those of the feet learns nothing good from them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.motion.motion import Motion
from dancegen.pose.skeleton import INDEX

# Heights above the floor and lengths, as shares of the dancer's height.
HAND_DOWN = 0.12
"""A wrist so low has its hand on the floor: a hand that stands on its fingertips is 0.108 long."""
CROUCHED = 0.35
"""Hips so low: a thigh is 0.245 long, a leg 0.53. Squats and kneeling are that low too, on feet and knees alone."""
SEATED = 0.11
"""Hips so low lie on the floor."""
LYING = 0.2
"""Shoulders and hips so low are those of one who lies or rolls."""
HEAD_UNDER = 0.05
"""How far the head is under the hips of one who stands on hands or head; it is above them in a partner's deep dip."""
FOOT_OFF = 0.2
"""An ankle so high is in the air: who bends down to the floor stands on both feet."""
AWAY_S = 0.25
"""On both sides of a floor move: the way down and the way up again."""
APART_S = 1.0
"""Floor moves that are nearer to each other, with their ways down and up, are one."""
SHORTEST_S = 0.1
"""What lasts shorter is a touch."""


@dataclass(frozen=True, eq=False)
class FloorMoves:
    """frames: (T,) bool, which frames belong to floor moves. spans: first and last + 1 of each move's frames."""

    frames: np.ndarray
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, motion: Motion) -> FloorMoves:
        """The floor moves of a dance, their ways down and up among them."""
        down = _runs(carried_by_more_than_feet(motion), SHORTEST_S * motion.fps)
        away, apart = round(AWAY_S * motion.fps), APART_S * motion.fps
        spans: list[tuple[int, int]] = []
        for first, last in [(max(a - away, 0), min(b + away, len(motion))) for a, b in down]:
            if spans and first - spans[-1][1] < apart:
                spans[-1] = spans[-1][0], last
            else:
                spans.append((first, last))
        frames = np.zeros(len(motion), bool)
        for first, last in spans:
            frames[first:last] = True
        return cls(frames, tuple(spans))

    def between(self, shortest: int) -> list[tuple[int, int]]:
        """First and last + 1 of the frames between floor moves, where there are so many or more in a row."""
        return _runs(~self.frames, shortest)


def carried_by_more_than_feet(motion: Motion) -> np.ndarray:
    """(T,) bool: frames with a hand on the floor and low hips, or upside down with a hand or the head on the floor, or
    seated or lying on it.
    """
    at = {name: motion.joints3d[:, index].astype(np.float64) / motion.height_m for name, index in INDEX.items()}
    hips, shoulders, head = ((at[f"l_{name}"] + at[f"r_{name}"]) / 2 for name in ("hip", "shoulder", "ear"))
    hand = np.minimum(at["l_wrist"][:, 1], at["r_wrist"][:, 1]) < HAND_DOWN
    foot_off = np.maximum(at["l_ankle"][:, 1], at["r_ankle"][:, 1]) > FOOT_OFF
    upside_down = head[:, 1] < hips[:, 1] - HEAD_UNDER
    on_hands = hand & ((hips[:, 1] < CROUCHED) | (upside_down & foot_off))
    on_head = upside_down & (head[:, 1] < HAND_DOWN)
    lying = (hips[:, 1] < SEATED) | (np.maximum(hips[:, 1], shoulders[:, 1]) < LYING)
    return on_hands | on_head | lying


def _runs(there: np.ndarray, shortest: float) -> list[tuple[int, int]]:
    """First and last + 1 of every run of True that is long enough."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= max(shortest, 1)]
