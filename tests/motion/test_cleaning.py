"""Cleaning: knees on their own side, no jumps, and nothing done to a clean dance."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.cleaning import clean
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.skeleton import INDEX
from helpers.stick_figure import MIXAMO, write_bvh

FPS = 60.0


@pytest.fixture
def squats(tmp_path):
    """Two seconds of bending both knees by up to 90 degrees, twice, with the joints and both head axes."""
    frames = 120
    bend = 45 - 45 * np.cos(2 * np.pi * np.arange(frames) / 60)
    turns = {}
    for s in "lr":
        turns[f"{s}_hip"] = np.stack([0 * bend, 0 * bend, -bend / 2], axis=1)
        turns[f"{s}_knee"] = np.stack([0 * bend, 0 * bend, bend], axis=1)
    motion = load_motion(write_bvh(tmp_path / "squats.bvh", MIXAMO, turns, frames=frames), source_fps=FPS)
    return motion.joints3d.copy(), motion.head_forward, motion.head_up


def test_a_clean_dance_comes_back_as_it_was(squats):
    result = clean(*squats, FPS)
    assert (result.flipped, result.mended) == (0, 0)
    np.testing.assert_allclose(result.joints, squats[0], atol=1e-6)


def test_a_knee_that_flips_backwards_is_put_back(squats):
    joints, forward, up = squats
    hip, knee, ankle = (joints[:, INDEX[f"r_{name}"]] for name in ("hip", "knee", "ankle"))
    line = (ankle - hip) / np.linalg.norm(ankle - hip, axis=1, keepdims=True)
    aside = (knee - hip) - ((knee - hip) * line).sum(axis=1, keepdims=True) * line
    flipped = joints.copy()
    flipped[20:41, INDEX["r_knee"]] -= 2 * aside[20:41]
    assert np.abs(flipped - joints).max() > 0.3
    result = clean(flipped, forward, up, FPS)
    assert result.flipped == 21
    np.testing.assert_allclose(result.joints, joints, atol=1e-5)


def test_a_body_that_jumps_for_a_few_frames_is_bridged(squats):
    joints, forward, up = squats
    jumping = joints.copy()
    jumping[70:74] += np.array([0.4, 0.1, -0.3])
    result = clean(jumping, forward, up, FPS)
    assert 4 <= result.mended <= 12
    np.testing.assert_allclose(result.joints, joints, atol=0.02)


def test_no_joint_of_a_cleaned_real_take_jumps(shared_data):
    for path in (shared_data / "cmu-modern" / "05_05.amc", shared_data / "cmu-salsa" / "60_10_scaled.bvh"):
        motion = load_motion(path)
        speed = np.linalg.norm(np.diff(motion.joints3d[:, 1:14], axis=0), axis=-1) * motion.fps
        assert speed.max() < 12, "metres a second; the files themselves have 31 to 39"
