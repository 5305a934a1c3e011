"""Cameras with a perspective: what is near looks large, cuts fall on bar lines, and nothing leaves the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.motion import cameras
from dancegen.motion.cameras import film, perspective, project
from dancegen.motion.rotations import about
from dancegen.options import verbs
from dancegen.pose.geometry import body_height
from dancegen.pose.shots import find_cuts
from dancegen.pose.skeleton import INDEX
from helpers.tiny_diffusion import stepping

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
    assert set(cameras.CAMERAS) == set(verbs.CAMERAS)
