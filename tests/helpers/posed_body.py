"""Bodies in poses that no file is needed for: from degrees of some joints and the height of the pelvis."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial.transform import Rotation

from dancegen.motion.body import AT, TURNING, Body, BodyMotion

LENGTHS = {
    "hips": 0.2, "shoulders": 0.34, "trunk": 0.49, "neck": 0.18, "thigh": 0.42, "shank": 0.42, "upper_arm": 0.3,
    "forearm": 0.25,
}  # fmt: skip
BODY = Body.of(LENGTHS, 1.7)
"""Somebody of 1.70 m."""


def posed(turns: Mapping[str, tuple[float, float, float]], frames: int = 1, fps: float = 30.0) -> BodyMotion:
    """The body held in a pose on the floor: its lowest joint as high as it is in the flesh there.

    turns: degrees about x, y and z in this order, in the room of the parent, by joint; the others stand as in a T.
    """
    rotations = np.broadcast_to(np.eye(3), (frames, len(TURNING), 3, 3)).copy()
    for name, degrees in turns.items():
        rotations[:, TURNING.index(AT[name])] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    held = BodyMotion(BODY, np.zeros((frames, 3)), rotations, fps)
    lowest = held.positions[0, :, 1] - np.where(np.isin(np.arange(24), [AT["l_ankle"], AT["r_ankle"]]), 0.066, 0.03)
    return BodyMotion(BODY, np.tile([0.0, -lowest.min(), 0.0], (frames, 1)), rotations, fps)


def moved(dance: BodyMotion, shift: np.ndarray) -> BodyMotion:
    """The dance with its root moved by (T, 3) metres."""
    return BodyMotion(dance.body, dance.root + shift, dance.rotations, dance.fps)


def one_after_another(dances: list[BodyMotion]) -> BodyMotion:
    """Several dances of one body as one, without passage."""
    return BodyMotion(
        dances[0].body, np.concatenate([each.root for each in dances]),
        np.concatenate([each.rotations for each in dances]), dances[0].fps,
    )  # fmt: skip
