"""Pictures of poses: for ControlNet, the ones it was trained on; for everything else, smooth at any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.drawing import draw_openpose, draw_pose, draw_poses, joint_radii, to_canvas
from dancegen.pose.skeleton import JOINT_COLORS, LIMB_COLORS, LIMBS, MIRROR, N_JOINTS
from helpers.pose_examples import dancing, standing, strewn


@pytest.fixture(scope="module")
def controlnet_drawing():
    """A pose drawn by controlnet-aux itself, from our pixel coordinates as its detector would give them."""
    from controlnet_aux.open_pose import util
    from controlnet_aux.open_pose.body import Keypoint

    def draw(pose: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        width, height = size
        points = [Keypoint(float(x) / width, float(y) / height) if shown > 0 else None for x, y, shown in pose]
        return util.draw_bodypose(np.zeros((height, width, 3), dtype=np.uint8), points)

    return draw


@pytest.mark.parametrize("size", [(512, 512), (64, 64), (768, 432), (333, 517), (1024, 1024)])
def test_openpose_pictures_are_those_of_controlnet_aux_pixel_for_pixel(controlnet_drawing, size):
    rng = np.random.default_rng(7)
    poses = strewn(rng, 40, size)
    poses[20:] = np.rint(poses[20:])  # whole pixels, as detectors give them: where x / width * width may fall short
    for pose in poses:
        np.testing.assert_array_equal(draw_openpose(pose, size), controlnet_drawing(pose, size))


def test_openpose_pictures_of_real_proportions_are_those_of_controlnet_aux(controlnet_drawing):
    for pose in dancing(12):
        np.testing.assert_array_equal(draw_openpose(pose, (512, 512)), controlnet_drawing(pose, (512, 512)))


@pytest.mark.parametrize("size", [(512, 512), (512, 768), (333, 517)])
def test_hands_and_faces_are_drawn_as_controlnet_aux_draws_them_pixel_for_pixel(size):
    from controlnet_aux.open_pose import PoseResult
    from controlnet_aux.open_pose import draw_poses as their_drawing
    from controlnet_aux.open_pose.body import BodyResult, Keypoint

    width, height = size

    def theirs(points: np.ndarray, missing) -> list:
        return [Keypoint(float(x) / width, float(y) / height) if shown else missing for x, y, shown in points]

    rng = np.random.default_rng(3)
    for number in range(30):
        pose = strewn(rng, 1, size)[0]
        hands, face = (
            np.concatenate([rng.uniform(-9, size, (count, 2)), rng.random((count, 1)) > 0.2], axis=1)
            for count in (42, 70)
        )
        if number % 2:  # whole pixels, as detectors give them
            hands, face = np.rint(hands), np.rint(face)
        hands = hands.reshape(2, 21, 3).astype(np.float32)
        face = face.astype(np.float32)
        absent = Keypoint(-1 / width, -1 / height)  # what its detector says of a point that it does not see
        body = BodyResult(theirs(pose, None), 0, 0)
        wanted = their_drawing(
            [PoseResult(body, *(theirs(hand, absent) for hand in hands), theirs(face, absent))], height, width
        )
        drawn = draw_openpose(pose, size, hands=hands, face=face)
        np.testing.assert_array_equal(drawn, wanted)
        assert (drawn != draw_openpose(pose, size)).any()


def test_nobody_gives_a_black_picture():
    nobody = np.zeros((N_JOINTS, 3), dtype=np.float32)
    assert not draw_pose(nobody, (64, 48)).any()
    assert not draw_openpose(nobody, (64, 48)).any()
    assert draw_pose(nobody, (64, 48)).shape == (48, 64, 3)


def test_a_limb_is_drawn_only_between_joints_that_are_there():
    pose = np.zeros((N_JOINTS, 3), dtype=np.float32)
    pose[3], pose[4] = (20, 32, 1), (44, 32, 1)
    middle = draw_pose(pose, (64, 64))[32, 32]
    np.testing.assert_array_equal(middle, LIMB_COLORS[LIMBS.index((3, 4))])
    pose[4] = 0
    assert not draw_pose(pose, (64, 64))[32, 32].any()


def test_joints_have_openpose_colours():
    for joint, color in enumerate(JOINT_COLORS):
        pose = np.zeros((N_JOINTS, 3), dtype=np.float32)
        pose[joint] = (50, 40, 1)
        np.testing.assert_array_equal(draw_pose(pose, (100, 100))[40, 50], color)


@pytest.mark.parametrize("size", [64, 256])
def test_a_tenth_of_a_pixel_changes_the_picture_the_right_way(size):
    # The picture's centre of mass follows the joint, which whole-pixel drawing could not do.
    across = np.arange(size)
    for joint in (1, 4, 14):
        for x in (0.3 * size, 0.3 * size + 0.37):
            masses = []
            for shift in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5):
                pose = np.zeros((N_JOINTS, 3), dtype=np.float32)
                pose[joint] = (x + shift, size / 2, 1)
                picture = draw_pose(pose, (size, size)).astype(float).sum(axis=(0, 2))
                masses.append((picture * across).sum() / picture.sum() - x - shift)
            assert np.abs(masses).max() < 0.15
        pictures = []
        for shift in (0.0, 0.1):
            pose[joint] = (0.3 * size + shift, size / 2, 1)
            pictures.append(draw_pose(pose, (size, size)))
        assert (pictures[0] != pictures[1]).any()


@pytest.mark.parametrize("size", [64, 128, 256])
def test_small_and_large_canvases_show_the_same_picture_but_for_resolution(size):
    for pose in dancing(20, 1024)[::4]:
        large = draw_pose(pose, (1024, 1024))
        reduced = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA).astype(float)
        drawn = draw_pose(to_canvas(pose, (1024, 1024), (size, size)), (size, size)).astype(float)
        shown = (reduced.max(axis=2) > 20) | (drawn.max(axis=2) > 20)
        # Within smoothing at edges: no bias in brightness, and pixel by pixel close.
        assert drawn.sum() == pytest.approx(reduced.sum(), rel=0.1)
        assert np.abs(drawn - reduced)[shown].mean() < (20 if size == 64 else 10)


def test_proportions_follow_the_shorter_side():
    np.testing.assert_allclose(joint_radii((512, 512)), 8 * joint_radii((64, 64)))
    np.testing.assert_allclose(joint_radii((1024, 512)), joint_radii((512, 512)))


def test_every_joint_of_a_dancer_shows_at_64_pixels():
    # The fixed radius of OpenPose's drawing hides a fifth of them there.
    pose = standing(64)
    picture = draw_pose(pose, (64, 64)).astype(int)
    for joint in range(1, 14):
        column, row = np.rint(pose[joint, :2]).astype(int)
        nearby = picture[row - 1 : row + 2, column - 1 : column + 2].reshape(-1, 3)
        assert np.abs(nearby - JOINT_COLORS[joint]).max(axis=1).min() < 40


def test_a_batch_is_its_pictures():
    poses = strewn(np.random.default_rng(2), 5, (64, 48))
    batch = draw_poses(poses, (64, 48))
    assert batch.shape == (5, 48, 64, 3) and batch.dtype == np.uint8
    for picture, pose in zip(batch, poses, strict=True):
        np.testing.assert_array_equal(picture, draw_pose(pose, (64, 48)))


def test_joints_far_outside_the_canvas_do_no_harm():
    pose = standing(64)
    pose[4, :2] = (1e9, -1e9)
    assert draw_pose(pose, (64, 64)).any()


def test_something_else_than_a_pose_is_refused():
    with pytest.raises(PoseError, match="18"):
        draw_pose(np.zeros((17, 3)), (64, 64))


def test_another_canvas_keeps_the_point_of_the_picture_and_never_stretches():
    corner = np.array([[[-0.5, -0.5, 1], [63.5, 63.5, 1], [0, 0, 0]]], dtype=np.float32)
    np.testing.assert_allclose(
        to_canvas(corner, (64, 64), (512, 512))[0], [[-0.5, -0.5, 1], [511.5, 511.5, 1], [0, 0, 0]]
    )
    np.testing.assert_allclose(to_canvas(corner, (64, 64), (128, 256))[0, :2, :2], [[-0.5, 63.5], [127.5, 191.5]])
    there_and_back = to_canvas(to_canvas(corner, (64, 64), (512, 512)), (512, 512), (64, 64))
    np.testing.assert_allclose(there_and_back, corner, atol=1e-5)


def test_mirroring_swaps_left_and_right_joints():
    assert sorted(MIRROR) == list(range(N_JOINTS))
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(N_JOINTS))
    np.testing.assert_array_equal(MIRROR[[0, 1, 2, 10, 16]], [0, 1, 5, 13, 17])
