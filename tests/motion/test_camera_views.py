"""Cameras: the dancer whole, at one scale, from the side that was asked for, with no eyes on the back of a head."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.cameras import face_visibility, facing_camera, project
from dancegen.motion.motion import Motion
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.skeleton import FACE, INDEX
from helpers.stick_figure import MIXAMO, write_bvh


@pytest.fixture
def standing(tmp_path) -> Motion:
    return load_motion(write_bvh(tmp_path / "a.bvh", MIXAMO, {}))


def seen(sequence) -> set[str]:
    return {name for name, index in INDEX.items() if index in FACE and sequence.keypoints[0, index, 2] > 0}


def test_the_camera_in_front_sees_the_dancers_left_on_the_right_of_the_picture(standing):
    keypoints = project(standing, 0).keypoints[0]
    assert keypoints[INDEX["l_wrist"], 0] > keypoints[INDEX["neck"], 0] > keypoints[INDEX["r_wrist"], 0]
    assert keypoints[INDEX["nose"], 1] < keypoints[INDEX["l_knee"], 1] < keypoints[INDEX["l_ankle"], 1]


def test_the_camera_at_90_stands_on_the_dancers_left(standing):
    keypoints = project(standing, 90).keypoints[0]
    assert keypoints[INDEX["l_ear"], 2] == 1 and keypoints[INDEX["r_ear"], 2] == 0
    assert keypoints[INDEX["nose"], 0] < keypoints[INDEX["neck"], 0] - 5, "who faces the front looks left from there"


@pytest.mark.parametrize(
    ("azimuth", "points"),
    [
        (0, {"nose", "r_eye", "l_eye", "r_ear", "l_ear"}),
        (45, {"nose", "r_eye", "l_eye", "l_ear"}),
        (-45, {"nose", "r_eye", "l_eye", "r_ear"}),
        (90, {"nose", "l_eye", "l_ear"}),
        (130, {"l_eye", "l_ear"}),
        (180, {"r_ear", "l_ear"}),
    ],
)
def test_the_head_hides_the_face_points_behind_it(standing, azimuth, points):
    sequence = project(standing, azimuth)
    assert seen(sequence) == points
    missing = sequence.keypoints[:, [INDEX[name] for name in INDEX if INDEX[name] in FACE and name not in points]]
    assert not missing.any(), "a hidden point is (0, 0, 0)"
    assert (sequence.keypoints[:, 1:14, 2] == 1).all()


def test_a_face_at_the_edge_of_sight_does_not_flicker(standing):
    frames = 300
    angle = np.deg2rad(100 + 3 * np.sin(np.arange(frames)))  # trembles about the limit of the nose
    forward = np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1)
    up = np.tile([0.0, 1.0, 0.0], (frames, 1))
    joints = np.tile(standing.joints3d[:1], (frames, 1, 1))
    motion = Motion(joints, forward, up, 30.0, 1.7, "trembling")
    for visible in face_visibility(motion).values():
        assert np.count_nonzero(np.diff(visible)) <= 1


def test_a_clip_is_seen_from_where_its_dancer_looks(standing):
    for degrees in (0, 70, 180, -110):
        turned = facing_camera(standing.turned(degrees))
        np.testing.assert_allclose(turned.joints3d, standing.joints3d, atol=1e-4)
        np.testing.assert_allclose(project(turned, 30).keypoints, project(standing, 30).keypoints, atol=0.05)


def test_a_dancer_who_turns_all_the_way_round_is_seen_from_the_start(standing):
    frames = [standing.turned(degrees).slice(0, 0.01) for degrees in np.linspace(40, 400, 120)]
    spin = Motion(
        np.concatenate([f.joints3d for f in frames]),
        np.concatenate([f.head_forward for f in frames]),
        np.concatenate([f.head_up for f in frames]),
        30.0,
        1.7,
        "spin",
    )
    sequence = project(spin, 0)
    assert {"nose", "l_eye", "r_eye"} <= seen(sequence)
    nose = sequence.keypoints[:, INDEX["nose"], 2]
    assert 0.35 < 1 - nose.mean() < 0.55, "and is turned away for a good part of the spin"


def test_the_body_is_the_asked_fraction_of_the_canvas(standing):
    keypoints = project(standing, 0, size=(640, 480), body_fraction=0.5).keypoints[0]
    metres = standing.joints3d[0, INDEX["nose"], 1] - standing.joints3d[0, INDEX["l_ankle"], 1]
    pixels = keypoints[INDEX["l_ankle"], 1] - keypoints[INDEX["nose"], 1]
    assert pixels / metres == pytest.approx(0.5 * 480 / 1.7, rel=1e-3)


@pytest.mark.parametrize("size", [(512, 512), (512, 288), (288, 512)])
@pytest.mark.parametrize("azimuth", [0, 90, 215])
def test_a_real_clip_stays_whole_on_the_canvas_at_one_scale(shared_data, size, azimuth):
    motion = load_motion(shared_data / "cmu-modern" / "05_16.amc")
    sequence = project(motion, azimuth, size=size)
    assert sequence.size == size and sequence.fps == motion.fps and len(sequence) == len(motion)
    shown = sequence.keypoints[sequence.keypoints[..., 2] > 0][:, :2]
    assert (shown > 0).all() and (shown < np.array(size)).all()
    steps = np.diff(sequence.keypoints[:, 1:14, 1], axis=0).ravel()
    metres = -np.diff(motion.joints3d[:, 1:14, 1], axis=0).ravel()
    ratio = (steps * metres).sum() / (metres**2).sum()
    np.testing.assert_allclose(steps, ratio * metres, atol=0.01, err_msg="pixels follow metres by one factor")


def test_three_dimensions_go_along_turned_to_the_front(shared_data):
    motion = load_motion(shared_data / "cmu-salsa" / "60_10_scaled.bvh").slice(0, 5)
    front, side = project(motion, 0), project(motion, 90)
    np.testing.assert_array_equal(front.joints3d, side.joints3d)
    assert front.joints3d.shape == (len(motion), 18, 3)
