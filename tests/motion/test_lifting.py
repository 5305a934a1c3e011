"""Poses in a picture become a body's motion: seen where they are, limbs as long as ever, nothing else moved."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.motion.body import AT, FEET, PARENTS, BodyMotion
from dancegen.motion.cameras import CAMERAS, Lens, film, lens_of
from dancegen.motion.from_pictures import guess
from dancegen.motion.lifting import EDIT, GUESS, lift, seen_apart
from dancegen.motion.limb_depths import depths, steadiest
from dancegen.pose.skeleton import INDEX
from helpers.tiny_diffusion import BODY, stepping

LEFT_ARM = [INDEX["l_elbow"], INDEX["l_wrist"]]


def raised(keypoints: np.ndarray, lens: Lens) -> np.ndarray:
    """The same pictures with the left arm drawn up beside the head, gently and gently down again."""
    edited, metre = keypoints.copy(), lens.scale[0]
    shoulder = keypoints[:, INDEX["l_shoulder"], :2]
    share = np.sin(np.pi * np.linspace(0, 1, len(keypoints)))[:, None]
    for joint, place in zip(LEFT_ARM, ((0.17, -0.12), (0.15, -0.36)), strict=True):
        wanted = shoulder + metre * np.array(place)
        edited[:, joint, :2] += share * (wanted - edited[:, joint, :2])
    return edited


def limb_lengths(motion: BodyMotion) -> np.ndarray:
    return np.linalg.norm(motion.positions[:, 1:] - motion.positions[:, list(PARENTS[1:])], axis=-1)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_lens_shows_what_its_camera_shows(camera):
    motion = stepping(6.0).motion()
    seen = film(motion, camera)
    shown = lens_of(motion, camera).pixels(motion.joints3d)
    there = seen.keypoints[..., 2] > 0
    assert np.abs(shown - seen.keypoints[..., :2])[there].max() < 1e-3


@pytest.mark.parametrize("camera", ["front", "side", "orbit"])
def test_an_edited_arm_goes_where_it_was_drawn_and_nothing_else_moves(camera):
    dance = stepping(2.0)
    lens = lens_of(dance.motion(), camera)
    keypoints = film(dance.motion(), camera).keypoints
    edited = raised(keypoints, lens)
    assert np.nanmax(seen_apart(dance, edited, lens)) > 30
    moved = lift(dance, edited, lens, EDIT)
    assert np.nanmax(seen_apart(moved, edited, lens)) < 2
    assert np.allclose(limb_lengths(moved), limb_lengths(dance), atol=1e-4)
    arm = [AT[name] for name in ("l_elbow", "l_wrist", "l_hand")]
    still = [joint for joint in range(24) if joint not in arm]
    assert np.linalg.norm(moved.positions - dance.positions, axis=-1)[:, still].max() < 0.04
    # It does not flicker between the two depths that look alike.
    assert np.linalg.norm(np.diff(moved.positions[:, arm], axis=0), axis=-1).max() < 0.12


def test_what_was_not_edited_is_left_as_it_is():
    dance = stepping(2.0)
    lens = lens_of(dance.motion(), "front")
    same = lift(dance, film(dance.motion(), "front").keypoints, lens, EDIT)
    assert np.abs(same.positions - dance.positions).max() < 1e-3


def test_a_limb_drawn_too_long_comes_as_near_as_it_can_and_tears_at_nothing():
    dance = stepping(1.0)
    lens = lens_of(dance.motion(), "front")
    edited = film(dance.motion(), "front").keypoints.copy()
    edited[:, INDEX["l_wrist"], 0] += 200
    moved = lift(dance, edited, lens, EDIT)
    apart = seen_apart(moved, edited, lens)
    assert apart[:, INDEX["l_wrist"]].min() > 50
    others = [joint for joint in range(18) if joint not in (*LEFT_ARM, INDEX["l_shoulder"], INDEX["neck"])]
    assert np.nanmax(apart[:, others]) < 8
    reach = moved.positions[:, AT["l_wrist"]] - moved.positions[:, AT["l_shoulder"]]
    assert (reach[:, 0] > 0.3).all()


def test_feet_do_not_go_through_the_floor():
    dance = stepping(1.0)
    lens = lens_of(dance.motion(), "front")
    edited = film(dance.motion(), "front").keypoints.copy()
    edited[:, [INDEX["l_ankle"], INDEX["r_ankle"]], 1] += 12
    moved = lift(dance, edited, lens, EDIT)
    assert (moved.positions[:, FEET, 1] - BODY.floor_heights).min() > -0.03


def turning(seconds: float) -> BodyMotion:
    """The stepping dancer, who turns to both sides and back to the front."""
    dance = stepping(seconds)
    angles = 1.1 * np.sin(2 * np.pi * np.arange(len(dance)) / 90)
    parts = [dance.slice(i, i + 1).placed(float(angle), (0.0, 0.0)) for i, angle in enumerate(angles)]
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in ("root", "rotations"))
    return BodyMotion(dance.body, *joined, dance.fps)


def test_a_dance_is_found_again_from_its_pictures_alone():
    dance = turning(6.0)
    keypoints = film(dance.motion(), "front").keypoints
    first, lens, standing = guess(keypoints, BODY, 30.0, 4.0, (512, 512))
    found = lift(first, keypoints, lens, GUESS, standing)
    apart = seen_apart(found, keypoints, lens)
    assert np.nanmedian(apart) < 2 and np.nanpercentile(apart, 99) < 8
    assert found.start_s == 4.0 and np.allclose(limb_lengths(found), limb_lengths(dance), atol=1e-4)
    one, other = (motion.positions - motion.positions[:, :1] for motion in (found, dance))
    error = np.linalg.norm(one - other, axis=-1)
    body = [AT[name] for name in ("l_hip", "r_hip", "l_knee", "r_knee", "l_shoulder", "r_shoulder", "neck")]
    assert np.median(error[:, body]) < 0.07 and np.median(error) < 0.12
    across = [motion.orientations[:, 0, :, 2] for motion in (found, dance)]
    turn = np.degrees(np.arccos(np.clip((across[0] * across[1]).sum(-1), -1, 1)))
    assert np.median(turn) < 15 and np.percentile(turn, 90) < 35
    assert (found.positions[:, FEET, 1] - BODY.floor_heights).min() > -0.03


def test_half_a_body_and_a_single_picture_are_enough():
    keypoints = film(stepping(1.0).motion(), "front").keypoints.copy()
    legs = [INDEX[f"{side}_{joint}"] for side in "lr" for joint in ("knee", "ankle")]
    keypoints[:, legs] = 0
    for part in (keypoints, keypoints[:1]):
        first, lens, standing = guess(part, BODY, 30.0, 0.0, (512, 512))
        found = lift(first, part, lens, GUESS, standing)
        assert np.nanmax(seen_apart(found, part, lens)) < 12
        assert (found.positions[:, [AT["l_ankle"], AT["r_ankle"]], 1] < 0.4).all()
    keypoints[:, [INDEX["l_hip"], INDEX["r_hip"]]] = 0
    with pytest.raises(PoseError, match="the dancer's height is unknown"):
        guess(keypoints, BODY, 30.0, 0.0, (512, 512))


def test_a_long_dance_is_moved_in_spans_without_a_seam():
    dance = stepping(36.0)
    lens = lens_of(dance.motion(), "front")
    edited = film(dance.motion(), "front").keypoints.copy()
    edited[:, LEFT_ARM, 1] -= 10
    done: list[int] = []
    moved = lift(dance, edited, lens, EDIT, advance=done.append)
    assert done == [900, 180]
    steps = np.linalg.norm(np.diff(moved.positions[:, AT["l_wrist"]], axis=0), axis=-1)
    assert steps[899] < 1.5 * steps.max() and steps[899] < 0.1


def test_the_steadiest_depths_do_not_jump():
    """A bone that swings through the picture's plane once: nothing but time says on which side it is."""
    angle = np.linspace(-1.2, 1.2, 60)
    upper = np.stack([np.cos(angle), np.zeros(60)], axis=1) * 0.3
    flat = np.stack([upper, np.tile([0.2, 0.1], (60, 1))], axis=1)
    ways = depths(flat, np.array([0.3, 0.25]))
    cost = np.zeros((60, 4))
    cost[0] = ((ways[0, :, 0] - 0.3 * np.sin(-1.2)) ** 2) * 1e3
    cost[-1] = ((ways[-1, :, 0] - 0.3 * np.sin(1.2)) ** 2) * 1e3
    assert np.abs(steadiest(ways, cost)[:, 0] - 0.3 * np.sin(angle)).max() < 1e-6
