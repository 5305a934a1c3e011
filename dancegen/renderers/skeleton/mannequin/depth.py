"""The depth of a solid body as ControlNet is shown it.

A ControlNet for depth is taught with maps of networks such as MiDaS: near is bright, and brightness goes with one over
the distance. Here nothing looks at pictures: the mannequin stands where the keypoints are.
"""

from __future__ import annotations

import numpy as np

from dancegen.motion.solid import Solid
from dancegen.renderers.skeleton.mannequin.rasteriser import fill

CAMERA, REACH = 1.0, 0.5
"""Body heights: from the camera to the hips, and how far in front of them it is as bright as can be."""
_FINER = 2
"""Samples a side of a pixel."""
_FARTHEST = 16.0
"""Body heights behind the hips where nothing is any more."""
_NO_NORMALS, _NO_TURNS = np.zeros((0, 3), np.float32), np.zeros((0, 0, 3), np.float32)


def draw_depth(solid: Solid, frame: int, size: tuple[int, int]) -> np.ndarray:
    """One frame of a body on a canvas of size (width, height) -> (H, W, 3) uint8, near bright, alone on black.

    Nobody, and a body without neck or hips, gives a black picture; limbs that are not there are left out.
    """
    import cv2

    width, height = size
    nearest = np.zeros((height * _FINER, width * _FINER), np.float32)
    if solid.is_there(frame):
        scale = float(solid.scale[frame])
        vertices, _ = solid.mannequin.posed(solid.places[frame] / scale, solid.turned[frame])
        at = ((vertices[:, :2] * scale + 0.5) * _FINER - 0.5).astype(np.float32)
        near = (_FARTHEST - vertices[:, 2] / solid.body.height_m).astype(np.float32)
        near[solid.hidden(frame)] = 0
        x, y = np.ascontiguousarray(at.T)
        fill(x, y, near, _NO_NORMALS, solid.mannequin.faces, nearest, _NO_TURNS)
    grey = depth_as_grey(np.where(nearest > 0, _FARTHEST - nearest, np.inf))
    grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    return np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)


def depth_as_grey(behind: np.ndarray) -> np.ndarray:
    """0 to 255, near bright, for surfaces that are so many body heights farther than the hips; inf gives 0."""
    return 255 * (CAMERA - REACH) / np.maximum(CAMERA + behind, CAMERA - REACH)
