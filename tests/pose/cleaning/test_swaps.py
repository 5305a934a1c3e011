"""Left and right that a detector exchanged are put back."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.pose.cleaning.swaps import PARTS, exchanged, find_swaps
from dancegen.pose.skeleton import INDEX, MIRROR
from helpers.footage import HEIGHT, seen_by, shaken, swapped, take
from helpers.pose_examples import dancing

ARMS = tuple(INDEX[f"{side}_{name}"] for side in "rl" for name in ("elbow", "wrist"))
LEGS = tuple(INDEX[f"{side}_{name}"] for side in "rl" for name in ("knee", "ankle"))


def wrong(keypoints: np.ndarray, truth: np.ndarray, joints=slice(2, 14)) -> float:
    """The share of joints that are further from the truth than from the other side's, where both are far apart."""
    mirrored = truth[:, MIRROR][:, joints, :2]
    own = np.linalg.norm(keypoints[:, joints, :2] - truth[:, joints, :2], axis=-1)
    other = np.linalg.norm(keypoints[:, joints, :2] - mirrored, axis=-1)
    clear = np.linalg.norm(mirrored - truth[:, joints, :2], axis=-1) > 0.05 * HEIGHT
    return float(((own > other) & clear).sum() / clear.sum())


def repaired(keypoints: np.ndarray) -> np.ndarray:
    return exchanged(keypoints, find_swaps(keypoints, HEIGHT))


@pytest.mark.parametrize("azimuth", [0, 60, 150])
@pytest.mark.parametrize("name", ["60_01", "61_05"])
def test_swaps_of_the_whole_body_the_arms_and_the_legs_are_repaired(shared_data, name, azimuth):
    truth = seen_by(take(shared_data / "cmu-salsa" / f"{name}_scaled.bvh", 3, 8), azimuth)
    seen = shaken(truth)
    broken = swapped(swapped(swapped(seen, 30, 60), 90, 93, ARMS), 120, 160, LEGS)
    broken = swapped(swapped(broken, 180, 181), 200, 215, ARMS)
    before, after = wrong(broken, truth), wrong(repaired(broken), truth)
    assert before > 0.1
    assert after < 0.1 * before


@pytest.mark.parametrize("azimuth", [0, 90, 180])
@pytest.mark.parametrize("folder", ["cmu-salsa", "g1-moves", "cmu-breakdance"])
def test_a_dance_without_swaps_is_left_alone(shared_data, folder, azimuth):
    path = sorted((shared_data / folder).glob("*.bvh"))[1]
    truth = seen_by(take(path, 1, 10), azimuth)
    assert wrong(repaired(shaken(truth)), truth) < 0.01


def test_whoever_shows_the_face_is_not_taken_for_a_back_though_most_frames_say_so(shared_data):
    """The thin OpenPose network says so of real dancers for seconds."""
    truth = seen_by(take(shared_data / "g1-moves" / "B_DadDance.bvh", 3, 4), 0)
    seen = shaken(truth)
    seen[:, 14:18] = shaken(truth, 1)[:, 14:18]
    body = [joint for joint in range(18) if joint not in (0, 1, 14, 15, 16, 17)]
    broken = swapped(seen, 20, 100, tuple(body))
    fixed = repaired(broken)
    assert wrong(broken, truth) > 0.5 and wrong(fixed, truth) < 0.02
    eyes = (truth[:, [14, 15], 2] > 0).all(axis=1)
    assert np.linalg.norm(fixed[eyes][:, [14, 15], :2] - truth[eyes][:, [14, 15], :2], axis=-1).max() < 0.05 * HEIGHT


def test_eyes_that_lie_close_together_say_nothing(shared_data):
    """BlazePose guesses eyes in profile and on the back of the head too, close together."""
    truth = seen_by(take(shared_data / "g1-moves" / "B_DadDance.bvh", 3, 4), 160)
    seen = shaken(truth)
    for joint, away in ((0, 0), (14, -1.5), (15, 1.5)):
        seen[:, joint] = np.concatenate([truth[:, 1, :2] + (away, -30), np.full((len(truth), 1), 0.9)], axis=1)
    assert wrong(repaired(seen), truth) < 0.01


def test_joints_that_are_missing_stay_so_and_short_shots_are_left():
    seen = dancing(40)
    seen[10:20, 4] = 0
    broken = swapped(seen, 15, 25)
    fixed = repaired(broken)
    np.testing.assert_array_equal(fixed[10:20, 4], 0)
    np.testing.assert_array_equal(fixed[:, 7], seen[:, 7])
    assert find_swaps(seen[:2], HEIGHT).shape == (2, 3) and list(PARTS) == ["trunk", "arms", "legs"]
