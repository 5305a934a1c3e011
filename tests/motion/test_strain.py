"""What no dancer could dance is told from what dancers do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.motion.body import BodyMotion
from dancegen.motion.rotations import about, angle_between
from dancegen.motion.strain import FASTEST_TURN, HARDEST_ACCELERATION, acceleration, strain, turning
from helpers.tiny_diffusion import FPS, stepping


def _spinning(radians_per_s: np.ndarray) -> BodyMotion:
    """The stepping dancer, who turns about the vertical so fast at each frame."""
    motion = stepping()
    rotations = motion.rotations.copy()
    rotations[:, 0] = about(1, np.cumsum(np.broadcast_to(radians_per_s, len(motion))) / FPS)
    return replace(motion, rotations=rotations)


def test_angles_between_rotations_are_the_smallest_about_any_axis():
    for axis in range(3):
        found = angle_between(about(axis, np.array([0.3, -3.0])), about(axis, np.array([1.0, 3.0])))
        assert found == pytest.approx([0.7, 2 * np.pi - 6])


@pytest.mark.parametrize("speed", [-20.0, 3.0, 13.0, 15.0])
def test_turning_is_measured_and_too_fast_a_turn_is_told(speed):
    motion = _spinning(np.array(speed))
    assert turning(motion) == pytest.approx(np.full(len(motion) - 1, abs(speed)), abs=1e-4)
    if abs(speed) > FASTEST_TURN:
        assert (strain(motion) > 1).all()
    else:
        assert strain(_spinning(np.array(3.0))).max() < 1


def test_only_the_frames_of_a_fling_are_strained():
    speeds = np.zeros(180)
    speeds[80:83] = 20.0
    found = set(np.flatnonzero(strain(_spinning(speeds)) > 1).tolist())
    assert set(range(79, 84)) <= found <= set(range(77, 86))  # it starts and stops suddenly, too


def test_a_dancer_who_jumps_aside_between_two_frames_is_told():
    motion = stepping()
    assert strain(motion).max() < 1
    root = motion.root.copy()
    root[90:, 0] += 0.1
    jumped = replace(motion, root=root)
    assert acceleration(jumped).max() == pytest.approx(0.1 * FPS**2, rel=0.1)
    assert acceleration(jumped).max() > HARDEST_ACCELERATION
    assert set(np.flatnonzero(strain(jumped) > 1)) == {88, 89, 90, 91}


def test_dances_of_few_frames_have_no_strain():
    motion = stepping()
    assert strain(BodyMotion(motion.body, motion.root[:1], motion.rotations[:1], FPS)).tolist() == [0.0]
