"""A picture that follows the dancer: large, whole, steady, and never ahead of what it may know."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.cameras import film
from dancegen.pose.figure import seen_height, standing_height
from dancegen.pose.framing import LOOK_AHEAD_S, RATE, FramingFigures, follow
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from helpers.tiny_diffusion import stepping
from helpers.tiny_gan import STANDING

FPS = 30.0
PORTRAIT = (512, 768)


def standing(seconds: float, tall: float = 120.0) -> np.ndarray:
    """(T, 18, 3) keypoints of somebody who stands still in the middle of a canvas of 512 pixels."""
    body = np.tile(STANDING * tall + 256, (round(seconds * FPS), 1, 1))
    return np.concatenate([body, np.ones((*body.shape[:2], 1))], -1).astype(np.float32)


def shown(keypoints: np.ndarray, size=PORTRAIT, **more) -> tuple[FramingFigures, PoseSequence]:
    poses = PoseSequence(keypoints, FPS, **more)
    framing = follow(poses, size)
    return FramingFigures.of(framing, poses), framing.shown(poses)


def wandering(seconds: float) -> np.ndarray:
    """Somebody who walks to and fro, comes nearer and goes away, and lifts their arms now and then."""
    times = np.arange(round(seconds * FPS)) / FPS
    keypoints = standing(seconds)
    for wrist, elbow, side in (("r_wrist", "r_elbow", -1), ("l_wrist", "l_elbow", 1)):
        lifted = (np.clip(np.sin(times / 2 + side), 0, 1) * np.pi)[:, None]
        shoulder = keypoints[:, INDEX[f"{wrist[0]}_shoulder"], :2]
        arm = np.concatenate([side * np.sin(lifted), np.cos(lifted)], 1)
        keypoints[:, INDEX[elbow], :2] = shoulder + 16 * arm
        keypoints[:, INDEX[wrist], :2] = shoulder + 29 * arm
    near = 1 + 0.1 * np.sin(times / 6)
    keypoints[..., :2] = (keypoints[..., :2] - 256) * near[:, None, None] + 256
    keypoints[..., 0] += (60 * np.sin(times / 1.7))[:, None]
    return keypoints


@pytest.mark.parametrize("camera", ["front", "side", "follow", "orbit", "cuts"])
def test_the_dancer_is_large_and_whole_and_the_picture_does_not_pump(camera):
    poses = film(stepping(20.0).motion(), camera, bars_s=np.arange(0.8, 20, 2.0))
    framing = follow(poses, PORTRAIT)
    figures = FramingFigures.of(framing, poses)
    assert np.mean((figures.height >= 0.6) & (figures.height <= 0.85)) >= 0.95
    assert figures.inside.all() and figures.rate.max() < 0.05 and not framing.hurried.any()
    assert framing.cuts.tolist() == poses.shots.tolist()
    picture = framing.shown(poses)
    assert picture.size == PORTRAIT and np.array_equal(picture.keypoints[..., 2], poses.keypoints[..., 2])


@pytest.mark.parametrize("size", [(512, 768), (512, 512), (768, 512)])
def test_whoever_wanders_about_with_lifted_arms_stays_large_and_whole(size):
    figures, picture = shown(wandering(40.0), size)
    assert np.mean((figures.height >= 0.6) & (figures.height <= 0.85)) >= 0.95
    assert figures.inside.all() and figures.rate.max() < 0.05
    hands = picture.keypoints[:, [INDEX["r_wrist"], INDEX["l_wrist"]], :2]
    assert hands.min() > 0 and (hands < size).all()


def test_nothing_shows_of_what_comes_later_than_the_look_ahead():
    keypoints = wandering(30.0)
    known = round(15 * FPS)
    otherwise = keypoints.copy()
    otherwise[known:, :, :2] = (otherwise[known:, :, :2] - 100) * 1.7
    same = known - round(LOOK_AHEAD_S * FPS) - 1
    one, other, short = (
        shown(each)[1].keypoints for each in (keypoints, otherwise, keypoints[:known])
    )  # fmt: skip
    assert np.array_equal(one[:same], other[:same]) and np.array_equal(one[:same], short[:same])
    assert not np.array_equal(one[:known], other[:known])  # it is foreseen, though


def test_a_jump_is_seen_as_one():
    keypoints = standing(10.0)
    times = np.arange(15) / 15
    keypoints[150:165, :, 1] -= (16 * 4 * times * (1 - times))[:, None]
    figures, picture = shown(keypoints)
    ankles = picture.keypoints[:, INDEX["r_ankle"], 1]
    up = picture.keypoints[:, INDEX["nose"], 1]
    assert np.ptp(ankles[155:160]) < np.ptp(ankles[145:170]) and ankles[140] - ankles[157] > 60
    assert figures.inside.all() and figures.rate.max() < 0.05 and up.min() > 0


def test_whoever_drops_to_the_floor_stays_in_the_picture_for_which_it_hurries():
    keypoints = standing(12.0)
    lying = keypoints[:, :, [1, 0, 2]] + [0, 60, 0]  # along the picture, on the floor
    keypoints[200:] = lying[200:]
    figures, _ = shown(keypoints)
    framing = follow(PoseSequence(keypoints, FPS), PORTRAIT)
    assert figures.inside.all() and framing.hurried.any() and not framing.hurried[:80].any()
    assert figures.rate.max() < 0.4


def test_the_camera_starts_and_stops_gently():
    keypoints = standing(12.0)
    keypoints[180:, :, 0] += 100  # a leap from one place to another between two frames
    framing = follow(PoseSequence(keypoints, FPS), PORTRAIT)
    middle = framing.corner[:, 0] + framing.height / 3
    acceleration = np.abs(np.diff(middle, 2)) * FPS**2
    assert acceleration.max() < 4 * 100  # pixels of the canvas a second squared; the leap is 100 of them
    assert FramingFigures.of(framing, PoseSequence(keypoints, FPS)).inside.all()


def test_each_shot_is_framed_by_itself():
    keypoints = standing(8.0)
    keypoints[120:, :, :2] = keypoints[120:, :, :2] * 0.5 + 10
    one, _ = shown(keypoints, cuts=np.array([120]))
    assert one.height.std() < 0.01 and one.rate.max() == 0 and one.inside.all()
    alone = shown(keypoints[120:])[1].keypoints
    assert np.array_equal(shown(keypoints, cuts=np.array([120]))[1].keypoints[120:], alone)


def test_where_nobody_is_seen_the_picture_waits():
    keypoints = standing(10.0)
    keypoints[..., 0] += np.linspace(0, 40, len(keypoints))[:, None]
    keypoints[100:160] = 0
    figures, picture = shown(keypoints)
    assert figures.rate.max() < 0.05 and not picture.keypoints[100:160].any()
    empty = shown(np.zeros((5, 18, 3), np.float32))[1]
    assert empty.size == PORTRAIT and not empty.keypoints.any()


def test_of_whom_only_the_upper_half_is_seen_that_fills_the_picture():
    keypoints = standing(6.0)
    keypoints[:, 8:14] = 0
    _, picture = shown(keypoints)
    there = picture.keypoints[..., 2] > 0
    assert 0.4 < np.ptp(picture.keypoints[0, there[0], 1]) / 768 < 0.85


def test_hands_and_face_go_with_the_body():
    keypoints = wandering(4.0)
    hands = np.repeat(keypoints[:, None, [4]], 2, axis=1).repeat(21, axis=2)
    face = np.repeat(keypoints[:, :1], 70, axis=1)
    poses = PoseSequence(keypoints, FPS, hands=hands, face=face)
    picture = follow(poses, PORTRAIT).shown(poses)
    assert np.array_equal(picture.hands[:, 0, 0], picture.keypoints[:, 4])
    assert np.array_equal(picture.face[:, 0], picture.keypoints[:, 0])


def test_a_body_is_as_tall_bent_as_upright():
    upright = standing(6.0)
    bent = upright.copy()
    bent[90:, [INDEX["r_knee"], INDEX["l_knee"]], 0] += 12
    tall = standing_height(bent, FPS)
    assert tall[0] == pytest.approx(standing_height(upright, FPS)[0]) == pytest.approx(120, rel=0.12)
    assert tall[100] == pytest.approx(tall[0], rel=0.1)
    assert seen_height(upright, FPS)[0] == pytest.approx(tall[0], rel=0.1)
    hidden = upright.copy()
    hidden[:, [INDEX["r_ankle"], INDEX["l_ankle"]]] = 0
    assert np.isnan(seen_height(hidden, FPS)).all()
    assert RATE < 0.05
