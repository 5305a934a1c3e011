"""Joints that jump away and back are taken out, fast dancers are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.pose.cleaning.outliers import drop_doubles, drop_long_limbs, drop_outliers
from dancegen.pose.skeleton import INDEX
from helpers.footage import HEIGHT, filmed, seen_by, shaken, take
from helpers.pose_examples import dancing


@pytest.mark.parametrize("fps", [25.0, 60.0])
def test_jumps_of_a_tenth_of_a_second_are_taken_out(shared_data, fps):
    seen = shaken(seen_by(take(shared_data / "cmu-salsa" / "60_01_scaled.bvh", 3, 8, fps)))
    broken, rng = seen.copy(), np.random.default_rng(0)
    wrong = np.zeros(seen.shape[:2], bool)
    for start in range(10, len(seen) - 15, 15):
        joint, length = int(rng.integers(1, 14)), int(rng.integers(1, round(0.1 * fps) + 1))
        direction = rng.normal(size=2)
        broken[start : start + length, joint, :2] += direction / np.linalg.norm(direction) * 0.4 * HEIGHT
        wrong[start : start + length, joint] = True
    dropped = drop_outliers(broken, fps, HEIGHT)[..., 2] <= 0
    missing = seen[..., 2] <= 0
    assert dropped[wrong].mean() > 0.97
    assert (dropped & ~wrong & ~missing).sum() < 0.0005 * seen[..., 0].size


@pytest.mark.parametrize("folder", ["cmu-breakdance", "g1-moves", "cmu-modern"])
def test_fast_dancers_keep_their_joints(shared_data, folder):
    path = sorted([*(shared_data / folder).glob("*.bvh"), *(shared_data / folder).glob("*.amc")])[0]
    for fps in (10.0, 30.0):
        seen = shaken(filmed(take(path, 0, 10, fps)))
        kept = drop_outliers(drop_long_limbs(seen, HEIGHT), fps, HEIGHT)
        assert ((kept[..., 2] <= 0) & (seen[..., 2] > 0)).mean() < 0.004


def test_a_jump_that_lasts_is_no_outlier_and_gaps_are_no_jumps():
    seen = dancing(60)
    seen[20:40, 4, :2] += 200
    seen[45:50, 7] = 0
    np.testing.assert_array_equal(drop_outliers(seen, 30, 317), seen)


def test_the_end_of_a_limb_that_is_far_too_long_is_taken_out():
    seen = dancing(60)
    seen[30:40, INDEX["l_ankle"], :2] += (0, 400)
    kept = drop_long_limbs(seen, HEIGHT)
    assert not kept[30:40, INDEX["l_ankle"]].any()
    kept[30:40, INDEX["l_ankle"]] = seen[30:40, INDEX["l_ankle"]]
    np.testing.assert_array_equal(kept, seen)


def test_one_foot_that_is_taken_for_both_stays_the_surer_ones():
    seen = dancing(60)
    seen[..., 2] *= 0.8
    right, left = INDEX["r_ankle"], INDEX["l_ankle"]
    seen[20:40, right, :2] = seen[20:40, left, :2] + (0.03 * HEIGHT, 0)
    seen[20:40, right, 2] = 0.2
    kept = drop_doubles(seen, HEIGHT)
    assert not kept[20:40, right].any()
    kept[20:40, right] = seen[20:40, right]
    np.testing.assert_array_equal(kept, seen)
    mirrored = seen.copy()
    mirrored[20:40, [right, left]] = seen[20:40, [left, right]]
    assert not drop_doubles(mirrored, HEIGHT)[20:40, left].any()


@pytest.mark.parametrize(("sure", "other", "apart"), [(0.8, 0.35, 0.0), (0.35, 0.25, 0.0), (0.8, 0.1, 0.1)])
def test_feet_side_by_side_a_hidden_one_and_one_that_is_elsewhere_stay(sure, other, apart):
    """A foot behind the other one is seen with less confidence, and two that are both unsure may both be right."""
    seen = dancing(10)
    seen[:, INDEX["l_ankle"], 2], seen[:, INDEX["r_ankle"], 2] = sure, other
    seen[:, INDEX["r_ankle"], :2] = seen[:, INDEX["l_ankle"], :2] + (apart * HEIGHT, 0)
    np.testing.assert_array_equal(drop_doubles(seen, HEIGHT), seen)


def test_dancers_seen_from_the_side_keep_their_joints(shared_data):
    seen = shaken(seen_by(take(shared_data / "cmu-salsa" / "60_01_scaled.bvh", 3, 8), 90.0))
    np.testing.assert_array_equal(drop_doubles(seen, HEIGHT), seen)
