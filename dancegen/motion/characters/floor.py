"""What else than feet is kept above the floor: hands, arms, knees, hips and head, on bones of other lengths.

Where somebody stands on hands, kneels or lies, limbs of other lengths that point the same ways end under the floor, or
over it. The whole body is moved up or down for it, gently; feet that stand stay where they are, and legs bend.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.motion.body import AT, FEET, HAND, BodyMotion
from dancegen.motion.characters.character import Character
from dancegen.motion.characters.fitted import Fitted
from dancegen.motion.mannequin import CROWN
from dancegen.motion.readers.joint_names import SIDES

FLESH = {
    "hand": 0.006, "wrist": 0.0145, "elbow": 0.023, "shoulder": 0.034, "knee": 0.032, "hip": 0.050, "head": 0.045,
    "crown": 0.0,
}  # fmt: skip
"""What of a body may lie on the floor, and how much of it is under the joint: shares of the dancer's height."""
IN_THE_AIR = 0.15
"""Metres above the floor from which a foot need not be reached any more."""
TOUCHING, NEAR = 0.025, 0.05
"""Metres over the floor within which a body rests on it for sure, and from which on it does not."""
_GENTLY_S = 0.12
"""Seconds before and after in which a body is moved up for it."""

Heights = Mapping[str, np.ndarray]
"""Metres above the floor (T,), by side and joint."""


def heights_of(dance: BodyMotion) -> Heights:
    """How high the parts of a dancer are that may lie on the floor."""
    at = {name: dance.positions[:, AT[name], 1] for name in ("head", *_sided())}
    up = dance.orientations[:, AT["head"], 1, 1]
    return at | {"crown": at["head"] + CROWN * dance.body.height_m * up}


def heights_of_character(fitted: Fitted, dance: BodyMotion) -> Heights:
    """The same of a character that does the dance, in the dancer's metres."""
    character, tall = fitted.character, dance.body.height_m
    body, axes = character.body, character.axes
    room = (fitted.positions @ axes.T)[..., 1] - character.floor
    turned = axes @ fitted.turned @ np.swapaxes(character.turned, -1, -2) @ axes.T  # from rest into the room
    at = {name: room[:, body[name]] for name in ("head", *_sided()) if not name.endswith("hand")}
    for side in SIDES:
        wrist = body[f"{side}_wrist"]
        at[f"{side}_hand"] = room[:, wrist] + turned[:, wrist, 1] @ _hand(character, side, tall * fitted.unit)
    top = character.tip(body["head"])
    top = np.array([0.0, CROWN * tall * fitted.unit, 0.0]) if top is None else top
    at["crown"] = room[:, body["head"]] + turned[:, body["head"], 1] @ top
    return {name: height / fitted.unit for name, height in at.items()}


def missing(own: Heights, its: Heights, dance: BodyMotion) -> np.ndarray:
    """(T,) metres by which a body must be higher to have nothing in the floor that the dancer has above it."""
    flesh = _flesh(dance)
    return np.max([np.minimum(own[name], flesh[name] + TOUCHING) - its[name] for name in own], axis=0).clip(min=0)


def hovering(own: Heights, its: Heights, dance: BodyMotion) -> np.ndarray:
    """(T,) metres by which it must be lower to rest on the floor where the dancer does, with both feet in the air."""
    flesh = _flesh(dance)
    lowest, its_lowest = (np.min([at[name] - flesh[name] for name in own], axis=0) for at in (own, its))
    feet = (dance.positions[:, FEET, 1] - dance.body.floor_heights).min(axis=1)
    rests = ((NEAR - lowest) / (NEAR - TOUCHING)).clip(0, 1) * (feet / IN_THE_AIR).clip(0, 1)
    return rests * (its_lowest - lowest).clip(min=0)


def gently(needed: np.ndarray, fps: float) -> np.ndarray:
    """Metres (T,) that come and go over some frames, and are as many as needed at each."""
    from scipy.ndimage import maximum_filter1d

    around = max(1, round(_GENTLY_S * fps))
    return smooth(maximum_filter1d(needed, 2 * around + 1), around / 2)


def _flesh(dance: BodyMotion) -> Mapping[str, float]:
    found = {name: FLESH[name.partition("_")[2] or name] for name in ("head", "crown", *_sided())}
    return {name: share * dance.body.height_m for name, share in found.items()}


def _sided() -> list[str]:
    return [f"{side}_{joint}" for side in SIDES for joint in FLESH if joint not in ("head", "crown")]


def _hand(character: Character, side: str, tall: float) -> np.ndarray:
    """(3,) from the wrist to the fingertips at rest; along the forearm, as long as a person's, where it has none."""
    wrist, elbow = (character.body[f"{side}_{joint}"] for joint in ("wrist", "elbow"))
    tip = character.tip(wrist)
    return HAND * tall * unit(character.upright[wrist] - character.upright[elbow]) if tip is None else tip
