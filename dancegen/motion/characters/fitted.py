"""What comes out when a character does a dance: its joints' axes in every frame, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dancegen.motion.body import BodyMotion
from dancegen.motion.characters.character import Character


@dataclass(frozen=True, eq=False)
class Fitted:
    """A dance on a character, in its own world and unit.

    turned (T, J, 3, 3): each joint's axes. hips (T, 3): where the joint is that carries the body. moving: the joints
    that turn relative to their parents. unit: of the character's for a metre of the dancer's. legs: the dancer with the
    character's legs, in the dancer's metres.
    """

    character: Character
    turned: np.ndarray
    hips: np.ndarray
    moving: tuple[int, ...]
    fps: float
    unit: float
    legs: BodyMotion

    def __len__(self) -> int:
        return len(self.hips)

    @cached_property
    def positions(self) -> np.ndarray:
        """(T, J, 3): where the joints are."""
        armature, at_rest = self.character.armature, self.character.turned
        found = np.tile(armature.rest, (len(self), 1, 1))
        for joint, parent in enumerate(armature.parents):
            if joint == self.character.hips:
                found[:, joint] = self.hips
            elif parent >= 0:
                bone = at_rest[parent].T @ (armature.rest[joint] - armature.rest[parent])
                found[:, joint] = found[:, parent] + self.turned[:, parent] @ bone
        return found
