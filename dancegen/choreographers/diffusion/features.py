"""A dance as numbers that a network can learn, and back, with forward kinematics in torch.

A frame has 127 of them: the root's place (3), how 20 joints are turned in the room as 6 each (Zhou et al., CVPR 2019),
and whether ankles and toes stand on the floor (4). Metres, y up. Turns count from the room and not from the parent:
so the place of a joint is a sum of its limbs and not a product of their turns, which is learnt in a fraction of the
time, and a small error at the hip stays one at the foot.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dancegen.motion.body import FEET, GROUPS, NAMES, PARENTS, TURNING, Body, BodyMotion
from dancegen.motion.rotations import from_6d, to_6d

ROOT = slice(0, 3)
TURNS = slice(3, 3 + 6 * len(TURNING))
CONTACTS = slice(TURNS.stop, TURNS.stop + len(FEET))
WIDTH = CONTACTS.stop
PARTS = tuple(GROUPS)
"""Parts of the body that can be kept while others are danced anew, in the order of a mask's channels."""
_PELVIS = 3
_TURNED_BY = [TURNING.index(PARENTS[joint]) for joint in TURNING[1:]]
_HUNG_ON = [TURNING.index(PARENTS[joint]) for joint in range(1, len(NAMES))]
_CHAINS = torch.eye(len(NAMES))
"""(24, 24): 1 where a joint (column) hangs on a limb (row), the root counting as the first."""
for _joint in range(1, len(NAMES)):
    _CHAINS[:, _joint] += _CHAINS[:, PARENTS[_joint]]


def encode(motion: BodyMotion) -> np.ndarray:
    """(T, 127) float32 of a dance, in the axes of its room."""
    turns = to_6d(motion.orientations[:, TURNING]).reshape(len(motion), -1)
    return np.concatenate([motion.root, turns, motion.contacts], 1).astype(np.float32)


def decode(features: np.ndarray, body: Body, fps: float, start_s: float = 0.0) -> BodyMotion:
    """The dance that (T, 127) numbers stand for; contacts are left to what the feet do."""
    features = np.asarray(features, np.float64)
    turns = from_6d(features[:, TURNS].reshape(len(features), len(TURNING), 6))
    local = turns.copy()
    local[:, 1:] = np.swapaxes(turns[:, _TURNED_BY], -1, -2) @ turns[:, 1:]
    return BodyMotion(body, features[:, ROOT], local, fps, start_s)


def part_masks() -> Tensor:
    """(4, 127) float32: 1 where a number belongs to a part of the body. Contacts belong to the legs."""
    masks = torch.zeros(len(PARTS), WIDTH)
    for row, part in enumerate(PARTS):
        for name in GROUPS[part]:
            first = TURNS.start + 6 * TURNING.index(NAMES.index(name))
            masks[row, first : first + 6] = 1
    masks[PARTS.index("root"), ROOT] = 1
    masks[PARTS.index("legs"), CONTACTS] = 1
    return masks


def heading(features: Tensor) -> Tensor:
    """Where the pelvis faces on the floor: radians (...) from +z towards +x, of (..., 127)."""
    forward = torch.linalg.cross(features[..., _PELVIS : _PELVIS + 3], features[..., _PELVIS + 3 : _PELVIS + 6])
    return torch.atan2(forward[..., 0], forward[..., 2])


def turned(features: Tensor, angle: Tensor) -> Tensor:
    """The dance (B, T, 127) with the room turned by radians (B,) about the vertical."""
    cos, sin = torch.cos(angle)[:, None, None], torch.sin(angle)[:, None, None]
    arrows = features[..., : TURNS.stop].unflatten(-1, (-1, 3))
    x, y, z = arrows.unbind(-1)
    arrows = torch.stack([cos * x + sin * z, y, cos * z - sin * x], -1)
    return torch.cat([arrows.flatten(-2), features[..., CONTACTS]], -1)


def moved(features: Tensor, shift: Tensor) -> Tensor:
    """The dance (B, T, 127) moved by (B, 2) metres along x and z."""
    result = features.clone()
    result[..., 0] += shift[:, None, 0]
    result[..., 2] += shift[:, None, 1]
    return result


def origin(known: Tensor, reach: int) -> Tensor:
    """The frame (B,) in whose axes windows are seen, from what of them is known (B, T, 4).

    The last frame of the known run that they begin with, at most `reach` - 1; else the first frame whose root is known;
    else the first one of all.
    """
    there = known[..., 0] > 0
    run = there[:, :reach].long().cumprod(1).sum(1)
    first = there.float().argmax(1)  # 0 where none is
    return torch.where(run > 0, run - 1, first)


def own_axes(features: Tensor, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The dance (B, T, 127) as seen from where it is at `frame` (B,): there the root is at x = z = 0 and faces +z.

    Returns it with the heading (B,) and the place (B, 2) that frame has in the room; `into_room` goes back.
    """
    at = features[torch.arange(len(features)), frame]
    turn, place = heading(at), at[:, (0, 2)]
    return turned(moved(features, -place), -turn), turn, place


def into_room(features: Tensor, turn: Tensor, place: Tensor) -> Tensor:
    """The inverse of `own_axes`."""
    return moved(turned(features, turn), place)


def positions(features: Tensor, offsets: Tensor) -> Tensor:
    """(..., 24, 3) metres of all joints of a body with `offsets` (24, 3); differentiable.

    Each limb is as long as the two columns of its turn make it: where those are of length 1 and upright on each other,
    as in every real dance, this is forward kinematics.
    """
    turns = features[..., TURNS].unflatten(-1, (len(TURNING), 2, 3))
    third = torch.linalg.cross(turns[..., 0, :], turns[..., 1, :])
    columns = torch.cat([turns, third[..., None, :]], -2)[..., _HUNG_ON, :, :]  # (..., 23, 3, 3)
    limbs = (columns * offsets[1:, :, None]).sum(-2)
    return (
        torch.cat([features[..., None, ROOT], limbs], -2).transpose(-1, -2).matmul(_CHAINS.to(limbs)).transpose(-1, -2)
    )


@dataclass(frozen=True, eq=False)
class Normalizer:
    """What a window's numbers are divided by: mean and spread (127,) of features, mean and spread (S, 2) of liveliness.

    The liveliness of a window is the logarithm of its mean joint speed in body heights a second.
    """

    mean: Tensor
    spread: Tensor
    liveliness: Tensor

    def normalise(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.spread

    def restore(self, features: Tensor) -> Tensor:
        return features * self.spread + self.mean

    def to(self, device: str) -> Normalizer:
        return Normalizer(self.mean.to(device), self.spread.to(device), self.liveliness.to(device))
