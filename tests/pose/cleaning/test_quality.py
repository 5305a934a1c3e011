"""Quality: every fault takes its share, and what is missing is said in words."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.pose.cleaning.quality import missing_in_words, quality_of, whole
from dancegen.pose.skeleton import INDEX
from helpers.pose_examples import dancing

TALL = 0.62 * 512


def score(seen: np.ndarray, filled: np.ndarray | None = None, smoothed: np.ndarray | None = None) -> float:
    filled = seen if filled is None else filled
    return quality_of(seen, filled, filled if smoothed is None else smoothed, TALL).score


def test_a_dance_without_a_fault_is_perfect_and_one_without_a_joint_worth_nothing():
    assert score(dancing(30)) == pytest.approx(1, abs=1e-4)
    assert score(np.zeros((30, 18, 3), np.float32)) == 0


def test_every_fault_takes_its_share_and_the_worst_is_named():
    truth = dancing(60)
    unsure, gone, guessed, shaking = (truth.copy() for _ in range(4))
    unsure[..., 2] = 0.25
    gone[:, [4, 7]] = 0
    guessed[:20] = 0
    shaking[..., :2] += np.random.default_rng(0).normal(0, 0.01 * TALL, shaking[..., :2].shape)
    found = {
        "the detector was unsure": quality_of(unsure, unsure, unsure, TALL),
        "joints are missing": quality_of(gone, gone, gone, TALL),
        "many joints had to be filled in": quality_of(guessed, truth, truth, TALL),
        "joints tremble": quality_of(shaking, shaking, truth, TALL),
    }
    assert {words: each.weakest for words, each in found.items()} == {words: words for words in found}
    scores = {words: each.score for words, each in found.items()}
    assert scores["the detector was unsure"] == pytest.approx(0.5, abs=1e-3)
    assert scores["joints are missing"] == pytest.approx(11 / 13, abs=1e-3)
    assert scores["many joints had to be filled in"] == pytest.approx(2 / 3, abs=1e-3)
    assert scores["joints tremble"] == pytest.approx(np.exp(-np.sqrt(2) / 2), abs=0.02)


def test_a_whole_dancer_may_hide_one_arm_or_foot_but_no_legs():
    poses = dancing(3)
    poses[1, [3, 4]] = 0
    poses[2, [9, 10, 12, 13]] = 0
    assert whole(poses).tolist() == [True, True, False]
    poses[:, [0, 14, 15, 16, 17]] = 0  # the face does not count
    assert whole(poses).tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (("r_knee", "l_knee", "l_ankle"), "both knees and the left ankle are not seen in 100 % of its 4 frames"),
        (("neck",), "the neck is not seen in 100 % of its 4 frames"),
        (("r_wrist", "l_elbow", "r_hip"), "the left elbow, the right wrist and the right hip are not seen in 100 %"),
    ],
)
def test_what_is_missing_is_said_in_words(missing, words):
    poses = dancing(4)
    poses[:, [INDEX[name] for name in missing]] = 0
    assert missing_in_words(poses).startswith(words)


def test_most_of_a_body_is_not_told_joint_by_joint_and_shares_are_of_frames():
    poses = dancing(4)
    poses[:3, 1:12] = 0
    assert missing_in_words(poses) == "most of the body is not seen in 75 % of its 4 frames"
