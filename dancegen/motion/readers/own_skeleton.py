"""The skeleton that dancegen writes: told from all others, for what is read from it needs no guesses."""

from __future__ import annotations

from math import hypot

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.body import NAMES, TIPS, TOE_DROP, TOE_REACH
from dancegen.motion.export.bvh import BONES
from dancegen.motion.kinematics import Armature
from dancegen.motion.retarget import DOWN, FOOT, LEFT

_JOINTS = frozenset(BONES[name] for index, name in enumerate(NAMES) if index not in TIPS)
_RESTS = {
    **{f"{side}_{joint}": sign * LEFT for side, sign in (("l", 1.0), ("r", -1.0)) for joint in ("shoulder", "elbow")},
    **{f"{side}_{joint}": DOWN for side in "lr" for joint in ("hip", "knee")},
    **{f"{side}_ankle": FOOT for side in "lr"},
}
"""Where bones point at rest, by the joint that they start at; no other program's skeleton stands like that."""
_ALIKE = 0.9999
"""Cosine; programs write numbers with so many digits."""


def is_own_skeleton(armature: Armature) -> bool:
    """Whether a skeleton is one that `motion.export.bvh` writes, also after another program has saved it as it was."""
    named = [name for name in armature.names if name is not None]
    if len(named) != len(_JOINTS) or set(named) != _JOINTS:
        return False
    for name, direction in _RESTS.items():
        joint = armature.names.index(BONES[name])
        below = armature.children(joint)
        if len(below) != 1 or unit(armature.rest[below[0]] - armature.rest[joint]) @ direction < _ALIKE:
            return False
    return True


def own_height(armature: Armature) -> float:
    """How tall the dancer of such a skeleton stands, in its unit: its feet are a set share of that."""
    ankle = armature.names.index(BONES["l_ankle"])
    foot = armature.rest[armature.children(ankle)[0]] - armature.rest[ankle]
    return float(np.linalg.norm(foot)) / hypot(TOE_DROP, TOE_REACH)
