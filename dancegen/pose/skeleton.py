"""The skeleton: OpenPose COCO-18, in the order and colours that ControlNet's openpose models were trained on.

"Right" and "left" are the dancer's own: in a picture of someone who faces the camera, ``r_wrist`` is on the left.
"""

from __future__ import annotations

import numpy as np

JOINTS = (
    "nose",
    "neck",
    "r_shoulder",
    "r_elbow",
    "r_wrist",
    "l_shoulder",
    "l_elbow",
    "l_wrist",
    "r_hip",
    "r_knee",
    "r_ankle",
    "l_hip",
    "l_knee",
    "l_ankle",
    "r_eye",
    "l_eye",
    "r_ear",
    "l_ear",
)
N_JOINTS = len(JOINTS)
INDEX = {name: index for index, name in enumerate(JOINTS)}

#: Joints 1 to 13, neck to ankles: what must be there for a frame to count as decodable. The rest is the face.
BODY = slice(1, 14)
FACE = (0, 14, 15, 16, 17)

#: (parent, child) of each limb, in drawing order: later limbs and all joints are painted over earlier limbs.
LIMBS = (
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
)
N_LIMBS = len(LIMBS)
BODY_LIMBS = [number for number, limb in enumerate(LIMBS) if not set(limb) & set(FACE)]

#: Of the 21 points of a hand: from the wrist along each finger, the thumb first.
HAND_BONES = tuple(
    (0 if point == first else point - 1, point) for first in (1, 5, 9, 13, 17) for point in range(first, first + 4)
)

#: RGB of each joint's disc. Limbs take the first 17, at six tenths of the brightness.
JOINT_COLORS = (
    (255, 0, 0),
    (255, 85, 0),
    (255, 170, 0),
    (255, 255, 0),
    (170, 255, 0),
    (85, 255, 0),
    (0, 255, 0),
    (0, 255, 85),
    (0, 255, 170),
    (0, 255, 255),
    (0, 170, 255),
    (0, 85, 255),
    (0, 0, 255),
    (85, 0, 255),
    (170, 0, 255),
    (255, 0, 255),
    (255, 0, 170),
    (255, 0, 85),
)
LIMB_COLORS = tuple(tuple(int(channel * 0.6) for channel in color) for color in JOINT_COLORS[:N_LIMBS])


def _mirror_permutation() -> np.ndarray:
    swap = {"r": "l", "l": "r"}
    partners = [swap[name[0]] + name[1:] if name[1] == "_" else name for name in JOINTS]
    return np.array([INDEX[name] for name in partners])


#: (18,) permutation that swaps left and right: ``keypoints[:, MIRROR]``.
MIRROR = _mirror_permutation()
