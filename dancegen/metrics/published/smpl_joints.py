"""The joints of SMPL's own body, which the published metrics are of: of any dance, and of SMPL's own motion exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.body import AT, NAMES, PARENTS, BodyMotion
from dancegen.motion.readers.smpl import OFFSETS, SmplParameters
from dancegen.motion.retarget import FOOT

_SIDES = {"l": np.array([1.0, 0, 0]), "r": np.array([-1.0, 0, 0])}
_DOWN = np.array([0.0, -1.0, 0.0])
_ALONG = {f"{side}_{joint}": across for side, across in _SIDES.items() for joint in ("elbow", "wrist", "hand")}
_ALONG |= {f"{side}_{joint}": _DOWN for side in _SIDES for joint in ("knee", "ankle")}
_ALONG |= {f"{side}_toe": FOOT for side in _SIDES}
"""Where the bones of the limbs point in our T-pose; SMPL's rest pose is one only nearly."""
LEG_M = -float(OFFSETS[AT["l_knee"], 1] + OFFSETS[AT["l_ankle"], 1])


def smpl_joints(dance: BodyMotion) -> np.ndarray:
    """(T, 24, 3) metres of a dance done by SMPL's mean body: its bones are as long as SMPL's and turned as the
    dancer's, and its steps are as long as its legs make them.
    """
    bones = OFFSETS.copy()
    for name, direction in _ALONG.items():
        bones[AT[name]] = np.linalg.norm(OFFSETS[AT[name]]) * unit(direction)
    turned = dance.orientations
    joints = np.zeros((len(dance), len(NAMES), 3))
    hips = (bones[AT["l_hip"]] + bones[AT["r_hip"]]) / 2
    joints[:, 0] = dance.root * (LEG_M / dance.body.leg) - turned[:, 0] @ hips
    for joint in range(1, len(NAMES)):
        joints[:, joint] = joints[:, PARENTS[joint]] + turned[:, PARENTS[joint]] @ bones[joint]
    return joints


def joints_of(found: SmplParameters, fps: float) -> np.ndarray:
    """(T, 24, 3) metres of SMPL's own motion, at a rate of `fps`, turned until y points up (AMASS has z)."""
    from dancegen.motion.readers.joint_names import find_body
    from dancegen.motion.readers.person import measure
    from dancegen.pose.resampling import resample_points

    armature = found.armature()
    joints = armature.positions @ measure(armature, find_body(armature, Path("SMPL"), {})).axes.T
    own = found.fps or found.usual_fps
    if own == fps:
        return joints
    frames = np.arange(max(2, round(len(joints) * fps / own))) * own / fps
    return resample_points(joints, np.minimum(frames, len(joints) - 1)).astype(np.float64)
