"""Joints back from a picture alone."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.decoding import decode_image
from dancegen.pose.drawing import draw_openpose, draw_pose, joint_radii
from dancegen.pose.skeleton import BODY
from helpers.pose_examples import dancing, spread


@pytest.mark.parametrize("size", [64, 96, 128, 256])
def test_joints_that_nothing_hides_are_found_to_half_a_pixel(size):
    rng = np.random.default_rng(size)
    apart = 2 * joint_radii((size, size)).max() + 1.5
    off = []
    for _ in range(40):
        pose = spread(rng, size, apart)
        found = decode_image(draw_pose(pose, (size, size)))
        assert (found[:, 2] > 0).all()
        off.append(np.linalg.norm((found - pose)[:, :2], axis=1))
    assert np.percentile(off, 99) < 0.5
    assert np.mean(off) < 0.25


@pytest.mark.parametrize("size", [64, 128, 256])
def test_a_dancers_body_is_read_back_from_its_picture(size):
    for pose in dancing(30, size)[::3]:
        found = decode_image(draw_pose(pose, (size, size)))[BODY]
        assert (found[:, 2] > 0.6).all()
        assert np.linalg.norm((found - pose[BODY])[:, :2], axis=1).max() < 0.5


@pytest.mark.parametrize("size", [96, 256])
def test_absent_joints_are_not_made_up(size):
    rng = np.random.default_rng(9)
    made_up = 0
    for _ in range(40):
        pose = spread(rng, size, 2 * joint_radii((size, size)).max() + 1.5)
        pose[rng.random(18) < 0.2] = 0
        made_up += int((decode_image(draw_pose(pose, (size, size)))[pose[:, 2] == 0, 2] > 0).sum())
    assert made_up <= 2
    assert not decode_image(np.zeros((size, size, 3), dtype=np.uint8)).any()


def test_a_joint_half_hidden_has_a_lower_confidence_and_one_wholly_hidden_none():
    pose = np.zeros((18, 3), dtype=np.float32)
    pose[4] = (64, 64, 1)
    alone = decode_image(draw_pose(pose, (128, 128)))[4, 2]
    pose[7] = (66.5, 64, 1)  # the other wrist's disc, drawn later, so over it
    half_hidden = decode_image(draw_pose(pose, (128, 128)))[4, 2]
    pose[7] = (64, 64, 1)
    hidden = decode_image(draw_pose(pose, (128, 128)))[4]
    assert alone > 0.95
    assert 0.3 < half_hidden < 0.85
    assert not hidden.any()


def test_pictures_for_controlnet_can_be_read_as_well():
    for pose in dancing(12)[::4]:
        found = decode_image(draw_openpose(pose, (512, 512)), stroke=4 / 512)[BODY]
        assert np.linalg.norm((found - pose[BODY])[:, :2], axis=1).max() < 1.5


def test_noise_and_compression_are_survived():
    rng = np.random.default_rng(3)
    pose = dancing(10, 128)[7]
    picture = draw_pose(pose, (128, 128)).astype(float) + rng.normal(0, 8, (128, 128, 3))
    found = decode_image(picture.clip(0, 255).astype(np.uint8))[BODY]
    assert np.linalg.norm((found - pose[BODY])[:, :2], axis=1).max() < 1


def test_something_else_than_a_picture_is_refused():
    with pytest.raises(PoseError, match="picture"):
        decode_image(np.zeros((64, 64)))
