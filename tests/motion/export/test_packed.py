"""A dance as bytes for the browser: what is read back is the dance."""

from __future__ import annotations

import numpy as np

from dancegen.motion.body import NAMES
from dancegen.motion.export.packed import UNIT, packed, packed_dance, unpacked
from dancegen.motion.mannequin import Mannequin
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from helpers.posed_body import posed


def a_dance(frames: int = 20):
    body = posed({"l_shoulder": (0.0, 0.0, 60.0), "r_knee": (40.0, 0.0, 0.0)}, frames=frames)
    joints = body.motion().joints3d
    return PoseSequence(np.ones((frames, 18, 3), np.float32), body.fps, joints3d=joints, start_s=12.5), body


def test_joints_arrive_as_they_are():
    poses, body = a_dance()
    header, arrays = unpacked(packed_dance(poses, body, {"beats_s": [12.6]}))
    assert np.array_equal(arrays["joints"], poses.joints3d)
    assert (header["start_s"], header["fps"], header["flat"]) == (12.5, 30.0, False)
    assert header["beats_s"] == [12.6] and header["seconds"] == round(poses.seconds, 3)


def test_the_skin_on_the_bones_that_arrive_is_the_mannequin_posed():
    poses, body = a_dance()
    _, arrays = unpacked(packed_dance(poses, body, {}))
    turns = quaternion_matrices(arrays["quaternions"][7] / UNIT)
    skin, weights = arrays["skin"], arrays["weights"]
    places = np.zeros_like(arrays["vertices"])
    for joint in range(len(NAMES)):
        share = (weights * (skin == joint)).sum(1)[:, None]
        places += share * (
            (arrays["vertices"] - arrays["rest"][joint]) @ turns[joint].T + arrays["positions"][7, joint]
        )
    expected, _ = Mannequin.of(body.body).posed(body.positions[7], body.orientations[7])
    assert np.abs(places - expected).max() < 1e-3  # metres


def quaternion_matrices(quaternions: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation

    return Rotation.from_quat(quaternions).as_matrix()


def test_a_body_at_another_rate_comes_at_that_of_the_poses():
    poses, body = a_dance(20)
    _, arrays = unpacked(packed_dance(poses, body.resample(60.0), {}))
    assert len(arrays["positions"]) == len(arrays["quaternions"]) == 20


def test_a_dance_in_the_picture_stands_upright_and_keeps_what_is_missing_missing():
    keypoints = np.ones((4, 18, 3), np.float32)
    keypoints[..., 0] = 256
    keypoints[..., 1] = np.linspace(100, 480, 18)
    keypoints[:, INDEX["l_wrist"]] = 0
    header, arrays = unpacked(packed_dance(PoseSequence(keypoints, 25.0), None, {}))
    joints = arrays["joints"]
    assert header["flat"] and "positions" not in arrays
    assert np.isnan(joints[:, INDEX["l_wrist"]]).all()
    seen = np.delete(np.arange(18), INDEX["l_wrist"])
    assert (joints[:, seen, 2] == 0).all() and (np.diff(joints[0, seen, 1]) < 0).all()
    assert 1.0 < joints[0, 0, 1] < 2.0 and np.allclose(joints[:, seen, 0], 0, atol=0.01)


def test_arrays_of_odd_lengths_begin_where_the_browser_can_read_them():
    given = {
        "a": np.arange(3, dtype=np.uint8),
        "b": np.arange(5, dtype=np.float32),
        "c": np.array([[1, 2, 3]], np.int16),
    }
    header, arrays = unpacked(packed({"title": "Ä"}, given))
    assert header["title"] == "Ä" and [row["at"] % 4 for row in header["arrays"]] == [0, 0, 0]
    for name, array in given.items():
        assert np.array_equal(arrays[name], array) and arrays[name].shape == array.shape
