"""Cameras: the dancer whole, at one scale, from the side that was asked for, with no eyes on the back of a head; cuts
fall on bar lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.motion import cameras
from dancegen.motion.cameras import face_visibility, facing_camera, film, perspective, project
from dancegen.motion.motion import Motion
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.rotations import about
from dancegen.options import shared
from dancegen.pose.geometry import body_height
from dancegen.pose.shots import find_cuts
from dancegen.pose.skeleton import FACE, INDEX
from helpers.stick_figure import MIXAMO, write_bvh
from helpers.tiny_diffusion import stepping


@pytest.fixture
def standing(tmp_path) -> Motion:
    return load_motion(write_bvh(tmp_path / "a.bvh", MIXAMO, {}))


def face_points(sequence) -> set[str]:
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
    assert face_points(sequence) == points
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
    assert {"nose", "l_eye", "r_eye"} <= face_points(sequence)
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


CAMERAS = ("front", "side", "orbit", "follow", "cuts")


def _turning(seconds: float = 10.0, turns: float = 3.0):
    dance = stepping(seconds)
    rotations = dance.rotations.copy()
    rotations[:, 0] = about(1, np.linspace(0, 2 * np.pi * turns, len(dance)))
    return replace(dance, rotations=rotations).motion()


def test_a_pinhole_camera_shows_twice_as_near_twice_as_large_and_left_on_its_left():
    eye, target = np.array([[0, 1.0, 4.0]]), np.array([[0, 1.0, 0.0]])
    seen = perspective(np.array([[[1, 1, 0], [1, 1, 2], [0, 2, 0], [0, 1, 0]]], float), eye, target)[0]
    assert seen[1, 0] == pytest.approx(2 * seen[0, 0]) and seen[0, 0] == pytest.approx(0.25)
    assert seen[2, 1] == pytest.approx(-0.25) and np.abs(seen[3]).max() < 1e-9


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_camera_keeps_the_dancer_in_the_picture_and_the_joints_as_they_are(camera):
    motion = _turning()
    seen = film(motion, camera, size=(320, 240), bars_s=np.arange(0.2, 10, 2.0), start_s=5.0)
    assert len(seen) == len(motion) and seen.start_s == 5.0 and (seen.joints3d == motion.joints3d).all()
    assert seen.keypoints[..., 0].max() <= 320 and seen.keypoints[..., 1].max() <= 240
    assert seen.keypoints[:, 1:14, :2].min() >= 0 and (seen.keypoints[:, 1:14, 2] == 1).all()


def test_from_afar_the_front_camera_sees_what_the_orthographic_one_sees():
    motion = stepping(4.0).motion()
    near, flat = film(motion, "front"), project(motion, 0.0)
    shift = (near.keypoints[..., :2] - flat.keypoints[..., :2])[:, 1:14]
    assert np.abs(shift - shift.mean((0, 1))).max() < 0.05 * body_height(flat.keypoints)


def test_a_turning_dancers_sides_change_places_gently_and_the_face_goes_and_comes():
    seen = film(_turning(), "front")
    width = seen.keypoints[:, INDEX["l_hip"], 0] - seen.keypoints[:, INDEX["r_hip"], 0]
    assert width.max() > 10 and width.min() < -10
    assert np.abs(np.diff(width)).max() < 0.15 * np.ptp(width)
    nose = seen.keypoints[:, INDEX["nose"], 2] > 0
    assert 0.4 < nose.mean() < 0.7 and np.count_nonzero(np.diff(nose.astype(int))) == 6


def test_an_orbit_sees_the_back_of_a_dancer_who_stands_still():
    still = stepping(24.0)
    still = replace(still, rotations=np.repeat(still.rotations[:1], len(still), 0)).motion()
    nose = film(still, "orbit").keypoints[:, 0, 2] > 0
    assert nose[:60].all() and not nose[340:380].any() and nose[-60:].all()


@pytest.mark.parametrize("fps", [13, 24, 47, 60, 90])
def test_another_rate_shows_nobody_between_two_shots(fps):
    seen = film(stepping(20.0).motion(), "cuts", bars_s=np.arange(0.8, 20, 2.0))
    again, cuts = seen.resample(fps), find_cuts(seen.keypoints, seen.joints3d)
    assert len(again) == round(20 * fps) and len(cuts) >= 3
    frames = np.arange(len(again)) * 30 / fps
    for cut, start in zip(cuts, seen.cuts_at(fps), strict=True):
        assert frames[start - 1] < cut - 0.5 <= frames[start]
        for frame in np.flatnonzero((frames > cut - 1) & (frames < cut)):
            shown = cut if frame >= start else cut - 1
            np.testing.assert_array_equal(again.keypoints[frame], seen.keypoints[shown])
            np.testing.assert_array_equal(again.joints3d[frame], seen.joints3d[shown])
        for frame in np.flatnonzero(np.abs(frames - cut) < 3):
            near = seen.keypoints[cut - 4 : cut] if frame < start else seen.keypoints[cut : cut + 4]
            off = np.abs(again.keypoints[frame, 1:14] - near[:, 1:14]).mean((1, 2))
            assert off.min() < 3  # pixels, as far as the dancer moves in a frame


def test_cuts_fall_on_bar_lines():
    motion, bars = stepping(20.0).motion(), np.arange(0.8, 20, 2.0)
    seen = film(motion, "cuts", bars_s=bars)
    jumps = np.abs(np.diff(seen.keypoints[:, 1:14, :2], axis=0)).mean((1, 2))
    cuts = (np.flatnonzero(jumps > 5 * np.median(jumps)) + 1) / 30
    assert len(cuts) >= 3
    assert all(np.abs(bars[::2] - cut).min() < 1 / 30 for cut in cuts)
    assert find_cuts(seen.keypoints, seen.joints3d).tolist() == [round(cut * 30) for cut in cuts]
    for camera in ("front", "orbit", "follow"):
        still = film(_turning(), camera)
        assert not len(find_cuts(still.keypoints, still.joints3d))
    assert len(film(stepping(10.0).motion(), "cuts", bars_s=None)) == 300
    with pytest.raises(InputError, match="drone"):
        film(motion, "drone")


def test_the_cameras_there_are_are_those_that_commands_offer():
    assert set(cameras.CAMERAS) == set(shared.CAMERAS)
