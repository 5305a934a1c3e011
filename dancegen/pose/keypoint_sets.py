"""The sets of keypoints that detectors and datasets number in their own way, as the 18 of OpenPose.

One neck for all: COCO has none, so it is the middle of the shoulders, as OpenPose's own training data has it.
"""

from __future__ import annotations

import numpy as np

from dancegen.pose.skeleton import INDEX, N_JOINTS

COCO_17 = (
    "nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist",
    "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
"""COCO's own 17 joints, in its order (Lin et al., ECCV 2014)."""
_COLUMNS = [COCO_17.index(name) if name in COCO_17 else 0 for name in INDEX]
_SHOULDERS = [INDEX["r_shoulder"], INDEX["l_shoulder"]]


def coco17_to_coco18(keypoints: np.ndarray) -> np.ndarray:
    """(..., 18, 3) float32 of (..., 17, 3) keypoints x, y and confidence.

    A joint that has no confidence or is not a number is missing: (0, 0, 0). So is the neck where a shoulder is.
    """
    keypoints = np.asarray(keypoints)
    if keypoints.shape[-2:] != (len(COCO_17), 3):
        raise ValueError(f"keypoints of the shape {keypoints.shape} are not COCO's 17")
    found = keypoints[..., _COLUMNS, :].astype(np.float32)
    found[..., INDEX["neck"], :] = 0
    return with_neck(np.where(_seen(found)[..., None], found, np.float32(0)))


def with_neck(keypoints: np.ndarray) -> np.ndarray:
    """(..., 18, 3) keypoints with the neck in the middle of the shoulders, missing where one of them is."""
    if keypoints.shape[-2:] != (N_JOINTS, 3):
        raise ValueError(f"keypoints of the shape {keypoints.shape} are not OpenPose's 18")
    shoulders = keypoints[..., _SHOULDERS, :]
    both = (shoulders[..., 2] > 0).all(axis=-1, keepdims=True)
    found = keypoints.copy()
    found[..., INDEX["neck"], :] = np.where(both, shoulders.mean(axis=-2), 0)
    return found


def _seen(keypoints: np.ndarray) -> np.ndarray:
    """(..., J) bool: where there is a confidence, and all three are numbers."""
    return np.isfinite(keypoints).all(axis=-1) & (keypoints[..., 2] > 0)
