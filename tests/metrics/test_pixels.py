"""Rendered video: flicker beyond what moves, and whether the pose asked for is the pose shown."""

from __future__ import annotations

import numpy as np
import pytest
from pendulum import HEIGHT, pendulum, sequence

from dancegen.errors import PoseError
from dancegen.metrics.pixels import flicker, pose_fidelity


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
