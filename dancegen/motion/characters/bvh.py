"""A dance on a character's skeleton as BVH: its own joints, by their own names."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dancegen.motion.characters.fitted import Fitted
from dancegen.motion.export.bvh import LEGS_ORDER, ORDER, Bone, write_skeleton

END = 0.3
"""How long the end of a bone is that nothing hangs on, of the bone before it."""


def write_bvh_character(fitted: Fitted, path: str | Path) -> None:
    """The skeleton as its own BVH file has it; of another file, from the root on, standing as it rests there.

    Joints turn about their axes in the order of the file, if it states one.
    """
    character = fitted.character
    parents, names = character.armature.parents, character.armature.names
    turned = fitted.turned if any(character.orders) else _from_rest(fitted)
    root = character.hips
    while parents[root] >= 0:
        root = parents[root]
    legs = {joint for side in "lr" for joint in _leg(fitted, side)}
    bones: list[Bone] = []
    local: list[np.ndarray | None] = []
    at: dict[int, int] = {}
    for joint, parent in enumerate(parents):
        if joint != root and parent not in at:
            continue
        above = at.get(parent, -1)
        at[joint] = len(bones)
        order = character.orders[joint] or (LEGS_ORDER if joint in legs else ORDER)
        name = names[joint] if names[joint] or joint in _bearing(parents) else None
        bones.append(
            Bone(name or None, above, character.offsets[joint], order, moves=joint in (root, character.hips))
        )  # fmt: skip
        outer = np.eye(3) if above < 0 else turned[:, parent]
        local.append(None if name is None else np.swapaxes(outer, -1, -2) @ turned[:, joint])
    for joint in [joint for joint in at if bones[at[joint]].name is not None and joint not in _bearing(parents)]:
        bones.append(Bone(None, at[joint], END * character.offsets[joint]))
        local.append(None)
    places = {at[character.hips]: _within(fitted, turned)}
    if root != character.hips:
        places[at[root]] = np.tile(character.offsets[root], (len(fitted), 1))
    write_skeleton(bones, local, places, fitted.fps, path)


def _from_rest(fitted: Fitted) -> np.ndarray:
    """(T, J, 3, 3): how joints are turned from the rest pose, where a BVH file has no turned axes."""
    return fitted.turned @ np.swapaxes(fitted.character.turned, -1, -2)


def _within(fitted: Fitted, turned: np.ndarray) -> np.ndarray:
    """(T, 3): where the hips are in the joint that they hang on."""
    character = fitted.character
    parent = character.armature.parents[character.hips]
    if parent < 0:
        return fitted.hips
    return np.einsum("tji,tj->ti", turned[:, parent], fitted.hips - fitted.positions[:, parent])


def _leg(fitted: Fitted, side: str) -> list[int]:
    body = fitted.character.body
    return [body[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]


def _bearing(parents: tuple[int, ...]) -> frozenset[int]:
    """The joints that something hangs on."""
    return frozenset(parents)
