"""Gaps filled, limbs held to their length, the dancer measured."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.cleaning import FILLED_CONFIDENCE, clamp_limbs, fill_gaps
from dancegen.pose.geometry import body_height, limb_lengths
from dancegen.pose.skeleton import INDEX, LIMBS
from helpers.pose_examples import dancing, standing


def test_a_short_gap_is_filled_near_the_truth_and_marked_as_a_guess():
    truth = dancing(60)
    keypoints = truth.copy()
    keypoints[20:24, 4] = 0
    filled = fill_gaps(keypoints, 5)
    assert (filled[20:24, 4, 2] > 0).all() and (filled[20:24, 4, 2] < FILLED_CONFIDENCE).all()
    assert np.linalg.norm((filled - truth)[20:24, 4, :2], axis=1).max() < 6
    untouched = np.ones((60, 18), dtype=bool)
    untouched[20:24, 4] = False
    np.testing.assert_array_equal(filled[untouched], keypoints[untouched])


def test_a_long_gap_and_a_joint_never_seen_stay_missing():
    keypoints = dancing(60)
    keypoints[20:26, 4] = 0
    keypoints[:, 7] = 0
    filled = fill_gaps(keypoints, 5)
    assert not filled[20:26, 4].any() and not filled[:, 7].any()


def test_before_the_first_and_after_the_last_sighting_a_joint_holds_still():
    keypoints = dancing(30)
    keypoints[:2, 4] = keypoints[-3:, 4] = 0
    filled = fill_gaps(keypoints, 3)
    np.testing.assert_allclose(filled[:2, 4, :2], keypoints[[2, 2], 4, :2])
    np.testing.assert_allclose(filled[-3:, 4, :2], keypoints[[-4] * 3, 4, :2])


def test_a_face_that_looks_away_is_not_filled_in():
    keypoints = dancing(30)
    keypoints[10:12, [0, 14, 15]] = 0
    assert not fill_gaps(keypoints, 5)[10:12, [0, 14, 15]].any()
    assert fill_gaps(keypoints, 5, joints=range(18))[10:12, 0, 2].all()


def test_filling_does_not_change_the_callers_array():
    keypoints = dancing(10)
    keypoints[4, 4] = 0
    before = keypoints.copy()
    fill_gaps(keypoints, 3)
    np.testing.assert_array_equal(keypoints, before)


def test_limb_lengths_are_distances_and_unknown_where_a_joint_is_missing():
    keypoints = dancing(4)
    keypoints[2, INDEX["r_elbow"]] = 0
    lengths = limb_lengths(keypoints)
    assert lengths.shape == (4, 17)
    for limb, (a, b) in enumerate(LIMBS):
        assert lengths[0, limb] == pytest.approx(np.hypot(*(keypoints[0, a] - keypoints[0, b])[:2]), rel=1e-5)
    assert np.isnan(lengths[2]).sum() == 2


def test_clamped_limbs_are_no_longer_than_allowed_and_the_rest_moves_along():
    keypoints = dancing(3)
    maximum = np.nanmax(limb_lengths(keypoints), axis=0) + 1
    torn = keypoints.copy()
    torn[1, INDEX["r_elbow"], :2] += (-150, 90)
    torn[1, INDEX["r_wrist"], :2] += (-150, 90)
    clamped = clamp_limbs(torn, maximum)
    assert (limb_lengths(clamped) <= maximum + 1e-3).all()
    np.testing.assert_allclose(clamped[[0, 2]], keypoints[[0, 2]], atol=1e-4)
    forearm = INDEX["r_wrist"], INDEX["r_elbow"]
    np.testing.assert_allclose(
        clamped[1, forearm[0]] - clamped[1, forearm[1]], torn[1, forearm[0]] - torn[1, forearm[1]], atol=1e-3
    )
    upper = clamped[1, forearm[1], :2] - clamped[1, INDEX["r_shoulder"], :2]
    before = torn[1, forearm[1], :2] - torn[1, INDEX["r_shoulder"], :2]
    assert np.cross([*upper, 0], [*before, 0])[2] == pytest.approx(0, abs=0.1) and upper @ before > 0


def test_random_tangles_are_clamped_throughout():
    rng = np.random.default_rng(0)
    keypoints = np.ones((50, 18, 3), dtype=np.float32)
    keypoints[..., :2] = rng.uniform(0, 512, (50, 18, 2))
    keypoints[rng.random((50, 18)) < 0.1] = 0
    maximum = np.full(17, 60.0)
    clamped = clamp_limbs(keypoints, maximum)
    assert np.nanmax(limb_lengths(clamped)) < 60.01
    np.testing.assert_array_equal(clamped[..., 2], keypoints[..., 2])
    assert not clamped[keypoints[..., 2] == 0].any()


def test_limits_for_another_number_of_limbs_are_refused():
    with pytest.raises(PoseError, match="17"):
        clamp_limbs(dancing(2), np.ones(18))


def test_a_body_is_measured_whether_it_stands_or_now_and_then_crouches():
    keypoints = np.repeat(standing()[None], 40, axis=0)
    keypoints[::3, :11, 1] += 60
    assert body_height(keypoints) == pytest.approx(0.62 * 512, rel=0.02)


def test_a_body_cut_off_at_the_knees_is_measured_by_its_torso():
    keypoints = np.repeat(standing()[None], 5, axis=0)
    keypoints[:, [9, 10, 12, 13]] = 0
    assert body_height(keypoints) == pytest.approx(0.62 * 512, rel=0.02)
    keypoints[:, 1] = 0
    with pytest.raises(PoseError, match="height"):
        body_height(keypoints)
