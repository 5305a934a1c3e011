"""Anatomy: a person's proportions, height and facing direction, from the 18 joints of `pose.skeleton`.

Proportions are fractions of body height, from Drillis and Contini's segment table (as in Winter, "Biomechanics and
Motor Control of Human Movement").
"""

from __future__ import annotations

import numpy as np

from dancegen.arrays import unit
from dancegen.pose.skeleton import INDEX

SHANK_THIGH_TRUNK = 0.245 + 0.246 + 0.288  # ankle to knee, knee to hip, hips to shoulders
ANKLE_HEIGHT = 0.039
EAR_ABOVE_SHOULDERS = 0.107

# Where the face is, from the point between the ears, as fractions of body height: right, up, forward.
FACE = {
    "nose": (0.0, -0.010, 0.062),
    "r_eye": (0.019, 0.010, 0.048),
    "l_eye": (-0.019, 0.010, 0.048),
    "r_ear": (0.044, 0.0, 0.0),
    "l_ear": (-0.044, 0.0, 0.0),
}
LIMBS = tuple(f"{s}_{role}" for s in "rl" for role in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))


def body_height(joints: np.ndarray) -> float:
    """Standing height of the person whose joints are given, (T, 18, 3), in the unit of the joints."""

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.median(np.linalg.norm(a - b, axis=-1)))

    def joint(name: str) -> np.ndarray:
        return joints[:, INDEX[name]]

    legs = [
        distance(joint(f"{s}_{a}"), joint(f"{s}_{b}")) for s in "rl" for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips = (joint("r_hip") + joint("l_hip")) / 2
    shoulders = (joint("r_shoulder") + joint("l_shoulder")) / 2
    return (sum(legs) / 2 + distance(hips, shoulders)) / SHANK_THIGH_TRUNK


def facing(joints: np.ndarray) -> np.ndarray:
    """Which way the hips face on the floor: (T, 2) unit vectors (x, z). Zero where the hips lie on their side."""
    across = joints[:, INDEX["l_hip"]] - joints[:, INDEX["r_hip"]]
    forward = np.stack([-across[:, 2], across[:, 0]], axis=1)  # across x up, seen from above
    return unit(forward)
