"""Rendered video: flicker beyond what moves, and whether the pose asked for is the pose shown."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.metrics.pixels import flicker, placed_like, pose_fidelity
from dancegen.pose.sequence import PoseSequence
from helpers.pendulum import HEIGHT, pendulum, sequence


def texture(width: int = 200, height: int = 120) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(size=(height, width, 3))
    smooth = gaussian_filter(noise, (2, 2, 0))
    return np.clip(smooth / smooth.std() * 40 + 128, 0, 255).astype(np.uint8)


def test_what_moves_does_not_flicker_and_what_flickers_does():
    picture = texture()
    moving = [np.roll(picture, 3 * i, axis=1) for i in range(6)]
    lit = [np.clip(frame.astype(int) + (20 if i % 2 else 0), 0, 255).astype(np.uint8) for i, frame in enumerate(moving)]
    assert flicker([picture] * 4) == 0
    assert flicker(moving) < 0.01
    assert flicker(lit) == pytest.approx(20 / 255, rel=0.2)
    assert np.isnan(flicker([picture]))


def test_a_figure_that_shows_the_pose_is_right_and_one_that_does_not_is_wrong():
    wanted = sequence(pendulum(4.0))
    assert pose_fidelity(wanted, wanted) == (1.0, 0.0)
    off = wanted.keypoints.copy()
    off[..., 0] += 0.05 * HEIGHT
    pck, error = pose_fidelity(sequence(off), wanted)
    assert pck == 1 and error == pytest.approx(0.05, rel=0.05)
    off[..., 0] += 0.10 * HEIGHT
    assert pose_fidelity(sequence(off), wanted)[0] == 0


def test_a_joint_that_is_not_detected_is_not_found_and_has_no_error():
    wanted = sequence(pendulum(4.0))
    found = wanted.keypoints.copy()
    found[:, 4] = 0
    pck, error = pose_fidelity(sequence(found), wanted)
    assert pck == pytest.approx(12 / 13) and error == 0
    nobody = pose_fidelity(sequence(np.zeros_like(found)), wanted)
    assert nobody[0] == 0 and np.isnan(nobody[1])


def test_rates_may_differ_and_canvases_must_not():
    wanted = sequence(pendulum(4.0))
    pck, error = pose_fidelity(wanted.resample(15.0), wanted)
    assert pck == 1 and error < 0.01
    with pytest.raises(PoseError, match="pixels"):
        pose_fidelity(sequence(pendulum(4.0), size=(640, 480)), wanted)


def test_a_dance_that_was_asked_for_is_placed_where_the_video_has_it():
    rng = np.random.default_rng(0)
    keypoints = np.concatenate([rng.uniform(100, 400, (20, 18, 2)), np.ones((20, 18, 1))], -1)
    requested = PoseSequence(keypoints, 10.0)
    shown = keypoints.copy()
    shown[..., :2] = shown[..., :2] * 0.5 + [300, 20]
    shown[::7, 5, :2] += 200  # the detector is wrong now and then
    placed = placed_like(requested, PoseSequence(shown, 10.0, (640, 360)))
    right = np.ones((20, 18), bool)
    right[::7, 5] = False
    assert np.abs(placed.keypoints - shown)[right].max() < 0.1 and placed.size == (640, 360)
    nobody = placed_like(requested, PoseSequence(np.zeros((20, 18, 3)), 10.0, (640, 360)))
    assert nobody.size == (640, 360)
