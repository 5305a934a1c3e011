"""Dancers from video lie on the canvas as those from motion capture do."""

from __future__ import annotations

import numpy as np

from dancegen.motion.cameras import project
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.cleaning import onto_canvas
from dancegen.pose.geometry import body_height, place
from dancegen.pose.sequence import PoseSequence
from helpers.pose_examples import dancing


def test_a_filmed_dancer_is_as_large_and_where_motion_capture_is(shared_data):
    ratios = []
    for name in ("60_01", "60_06", "61_11"):
        motion = load_motion(shared_data / "cmu-salsa" / f"{name}_scaled.bvh").resample(30).slice(5, 10)
        for azimuth in (0, 45, 90):
            wanted = project(motion, azimuth, size=(512, 512))
            filmed = PoseSequence(place(wanted.keypoints, 2.3, (311, 87)), 30, (1920, 1080))
            placed = onto_canvas(filmed, (512, 512))
            ratios.append(body_height(placed.keypoints) / body_height(wanted.keypoints))
            seen = wanted.keypoints[..., 2] > 0
            off = np.linalg.norm((placed.keypoints - wanted.keypoints)[..., :2], axis=-1)[seen]
            assert np.median(off) < 0.03 * 512, (name, azimuth)
    assert 0.95 < np.median(ratios) < 1.05 and 0.9 < min(ratios) < max(ratios) < 1.1, ratios


def test_one_scale_and_one_place_for_all_frames():
    filmed = PoseSequence(place(dancing(60), 1.7, (100, -30)), 30, (1280, 720))
    placed = onto_canvas(filmed, (256, 384))
    scale = np.ptp(placed.keypoints[..., 0]) / np.ptp(filmed.keypoints[..., 0])
    shift = placed.keypoints[..., :2] - scale * filmed.keypoints[..., :2]
    assert placed.size == (256, 384)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0, 0], shift.shape), atol=0.01)


def test_a_stray_joint_changes_nothing():
    keypoints = place(dancing(300), 1.7, (100, -30))
    stray = keypoints.copy()
    stray[7, 4, :2] = 5000
    one, other = (onto_canvas(PoseSequence(each, 30, (1280, 720)), (512, 512)) for each in (keypoints, stray))
    off = np.linalg.norm((one.keypoints - other.keypoints)[..., :2], axis=-1)
    off[7, 4] = 0
    assert off.max() < 2


def test_nobody_and_a_dancer_without_legs_are_placed_as_well():
    nothing = PoseSequence(np.zeros((5, 18, 3), np.float32), 30, (640, 480))
    assert not onto_canvas(nothing, (64, 64)).keypoints.any()
    bust = dancing(20)
    bust[:, 8:14] = 0
    placed = onto_canvas(PoseSequence(bust, 30), (64, 64)).keypoints
    assert placed[placed[..., 2] > 0][:, :2].min() > -1 and placed[..., :2].max() < 64
