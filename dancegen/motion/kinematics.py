"""Skeletons in motion: the joints and bones of a file, and forward kinematics for all frames at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Armature:
    """A skeleton in motion, as the file has it: its own joints, its own unit, its own axes.

    `positions` (T, J, 3): where each joint is; `rotations` (T, J, 3, 3): how the bone that starts there is turned in
    the world, identity in the rest pose; `rest` (J, 3): the joints with every rotation zero.
    `parents[j] < j`, and -1 for a root. `names[j]` is None for the end of a bone that carries no joint.
    `fps` is None where the file says no rate, `metres_per_unit` None where it says no unit. `notes`: what had to be
    assumed to read it, in words.
    """

    names: tuple[str | None, ...]
    parents: tuple[int, ...]
    rest: np.ndarray
    positions: np.ndarray
    rotations: np.ndarray
    fps: float | None
    metres_per_unit: float | None = None
    notes: tuple[str, ...] = ()

    def from_frame(self, first: int) -> Armature:
        """The same skeleton without its first frames of motion."""
        return replace(self, positions=self.positions[first:], rotations=self.rotations[first:])

    def children(self, joint: int) -> list[int]:
        return [child for child, parent in enumerate(self.parents) if parent == joint]


def forward_kinematics(
    parents: Sequence[int], translations: np.ndarray, rotations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """World positions (T, J, 3) and rotations (T, J, 3, 3) of all joints.

    `translations` (T, J, 3) and `rotations` (T, J, 3, 3) are each joint's own, relative to its parent; a parent comes
    before its children.
    """
    positions = np.empty_like(translations)
    turned = np.empty_like(rotations)
    for joint, parent in enumerate(parents):
        if parent < 0:
            positions[:, joint] = translations[:, joint]
            turned[:, joint] = rotations[:, joint]
            continue
        positions[:, joint] = positions[:, parent] + np.einsum("tij,tj->ti", turned[:, parent], translations[:, joint])
        turned[:, joint] = turned[:, parent] @ rotations[:, joint]
    return positions, turned
