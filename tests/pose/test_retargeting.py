"""A dance for another body: directions stay, lengths are the other's, feet stay on the floor."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.retargeting import retarget
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from helpers.pose_examples import dancing, standing

ARM, LEGS, FEET = ("r_shoulder", "r_elbow"), ("r_hip", "r_knee"), [INDEX["r_ankle"], INDEX["l_ankle"]]


def length(keypoints: np.ndarray, limb: tuple[str, str]) -> np.ndarray:
    return np.linalg.norm(keypoints[..., INDEX[limb[1]], :2] - keypoints[..., INDEX[limb[0]], :2], axis=-1)


def long_legged() -> np.ndarray:
    """(18, 3): someone whose legs are half as long again, drawn at another scale and place."""
    body = standing()
    for side in "rl":
        hip, knee, ankle = (INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle"))
        thigh, shin = body[knee, :2] - body[hip, :2], body[ankle, :2] - body[knee, :2]
        body[knee, :2] = body[hip, :2] + 1.5 * thigh
        body[ankle, :2] = body[knee, :2] + 1.5 * shin
    body[:, :2] = body[:, :2] * 0.4 + 31
    return body


def test_limbs_take_the_other_bodys_lengths_and_keep_their_directions():
    dance = PoseSequence(dancing(), 30.0)
    moved = retarget(dance, long_legged())
    assert np.allclose(length(moved.keypoints, LEGS) / length(dance.keypoints, LEGS), 1.5, atol=0.08)
    assert np.allclose(length(moved.keypoints, ARM) / length(dance.keypoints, ARM), 1.0, atol=0.05)
    before, after = (
        k[:, INDEX["r_elbow"], :2] - k[:, INDEX["r_shoulder"], :2] for k in (dance.keypoints, moved.keypoints)
    )
    assert np.allclose(np.arctan2(*before.T), np.arctan2(*after.T), atol=1e-4)


def test_the_lower_foot_stays_on_the_floor():
    dance = PoseSequence(dancing(), 30.0)
    moved = retarget(dance, long_legged())
    assert np.allclose(moved.keypoints[:, FEET, 1].max(axis=1), dance.keypoints[:, FEET, 1].max(axis=1), atol=1e-2)


def test_the_dancers_own_body_changes_nothing_but_what_the_camera_shortened():
    dance = PoseSequence(np.repeat(standing()[None], 5, axis=0), 30.0)
    assert np.allclose(retarget(dance, standing() * [0.5, 0.5, 1]).keypoints, dance.keypoints, atol=1e-2)


def test_missing_joints_stay_missing_and_limbs_that_nobody_sees_keep_their_length():
    poses = dancing()
    poses[10, INDEX["l_wrist"]] = 0
    body = long_legged()
    for joint in ("r_knee", "l_knee", "r_ankle", "l_ankle"):
        body[INDEX[joint]] = 0
    dance = PoseSequence(poses, 30.0)
    moved = retarget(dance, body).keypoints
    assert (moved[10, INDEX["l_wrist"]] == 0).all()
    assert np.allclose(length(moved, LEGS), length(dance.keypoints, LEGS), atol=1e-2)


def test_a_body_without_a_torso_is_refused():
    body = standing()
    body[INDEX["neck"]] = 0
    with pytest.raises(PoseError, match="torso"):
        retarget(PoseSequence(dancing(), 30.0), body)
