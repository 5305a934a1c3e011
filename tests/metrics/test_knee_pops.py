"""Knees that pop are counted; knees that bend, however fast, are not."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.dance import Dance, measure
from dancegen.metrics.physics import knee_pops
from dancegen.motion.cameras import project
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.skeleton import INDEX
from helpers.posed_body import posed

FPS = 30.0


def standing(frames: int = 300) -> np.ndarray:
    """(T, 18, 3) metres of somebody of 1.70 m who stands on almost straight legs."""
    bend = {f"{side}_{joint}": (by, 0, 0) for side in "lr" for joint, by in (("hip", -4), ("knee", 8))}
    return posed(bend, frames).motion().joints3d.copy()


def with_knee_out(joints: np.ndarray, frames: slice, metres: float) -> np.ndarray:
    moved = joints.copy()
    moved[frames, INDEX["l_knee"], 2] += metres
    return moved


def test_somebody_who_stands_pops_never():
    assert knee_pops(standing(), FPS) == 0


@pytest.mark.parametrize("fps", [30.0, 60.0])
def test_each_jump_of_a_knee_is_one_pop(fps):
    joints = standing(round(10 * fps))
    for second in (2, 5, 8):
        joints = with_knee_out(joints, slice(round(second * fps), None), 0.03 if second != 5 else -0.03)
    assert knee_pops(joints, fps) == 3 / (10 / 60)


def test_knees_that_bend_and_stretch_in_time_do_not_pop():
    joints, times = standing(), np.arange(300) / FPS
    joints[:, INDEX["l_knee"], 2] += 0.05 * (1 - np.cos(2 * np.pi * 2 * times))  # 10 cm out and back, twice a second
    assert knee_pops(joints, FPS) == 0


def test_two_frames_are_too_few_to_say():
    assert np.isnan(knee_pops(standing(2), FPS))


def test_a_dance_with_joints_in_space_has_the_figure(shared_data):
    motion = load_motion(shared_data / "g1-moves/J_ShortDance15_Nineties.bvh").resample(FPS)
    assert measure(Dance.of(project(motion, 0.0)))["knee_pops"] == 0
