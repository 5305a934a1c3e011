"""Other sets of keypoints as OpenPose's 18."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.pose.keypoint_sets import COCO_17, coco17_to_coco18, coco133_to_openpose, with_neck
from dancegen.pose.skeleton import INDEX


def coco(*shape: int) -> np.ndarray:
    """(..., 17, 3): every joint at a place of its own, all seen."""
    found = np.arange(np.prod((*shape, 17)) * 3, dtype=np.float32).reshape(*shape, 17, 3) + 1
    found[..., 2] = 0.8
    return found


def test_every_joint_keeps_its_name():
    given = coco(4)
    found = coco17_to_coco18(given)
    assert found.shape == (4, 18, 3) and found.dtype == np.float32
    for column, name in enumerate(COCO_17):
        assert np.array_equal(found[:, INDEX[name]], given[:, column])
    neck = (given[:, COCO_17.index("l_shoulder")] + given[:, COCO_17.index("r_shoulder")]) / 2
    assert np.allclose(found[:, INDEX["neck"]], neck)


def test_what_is_missing_stays_missing_and_takes_the_neck_along():
    given = coco(2)
    given[0, COCO_17.index("l_shoulder"), 2] = 0
    given[0, COCO_17.index("l_knee"), 0] = np.nan
    given[0, COCO_17.index("r_knee"), 2] = np.nan
    found = coco17_to_coco18(given)
    lost = {name for name, index in INDEX.items() if not found[0, index].any()}
    assert lost == {"l_shoulder", "l_knee", "r_knee", "neck"}
    assert found[1].all() and np.isfinite(found).all()


def test_views_and_frames_may_come_first():
    assert coco17_to_coco18(coco(9, 5)).shape == (9, 5, 18, 3)
    assert coco17_to_coco18(coco()).shape == (18, 3)


def test_other_numbers_of_joints_are_refused():
    with pytest.raises(ValueError, match="17"):
        coco17_to_coco18(np.zeros((3, 18, 3)))
    with pytest.raises(ValueError, match="18"):
        with_neck(np.zeros((3, 17, 3)))


def test_the_neck_is_as_sure_as_the_less_sure_shoulder():
    given = coco()
    given[COCO_17.index("r_shoulder"), 2] = 0.3
    assert coco17_to_coco18(given)[INDEX["neck"], 2] == np.float32(0.3)


def test_the_whole_body_is_body_hands_and_a_face_with_pupils():
    given = np.arange(2 * 133 * 3, dtype=np.float32).reshape(2, 133, 3) + 1
    given[..., 2] = 0.9
    given[0, 23 + 42, 2] = 0  # on the rim of the left eye
    body, hands, face = coco133_to_openpose(given)
    assert np.array_equal(body, coco17_to_coco18(given[:, :17]))
    assert np.array_equal(hands[:, 0], given[:, 91:112]) and np.array_equal(hands[:, 1], given[:, 112:])
    assert face.shape == (2, 70, 3) and np.array_equal(face[1, :68], given[1, 23:91])
    assert np.allclose(face[1, 68], given[1, 23 + 36 : 23 + 42].mean(axis=0))
    assert not face[0, 42].any() and not face[0, 69].any() and face[0, 68].all()
    with pytest.raises(ValueError, match="133"):
        coco133_to_openpose(np.zeros((3, 17, 3)))
