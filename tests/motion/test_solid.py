"""Depth from joints in space: what is nearer covers what is farther, seen by cameras whose place is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.motion.cameras import axes, film, lens_of
from dancegen.motion.readers.registry import load_motion
from dancegen.motion.solid import Solid, seen_joints
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from dancegen.renderers.skeleton.mannequin.depth import draw_depth
from helpers.stepping_dancer import write_dancer

SIZE = (256, 384)
BODY = [INDEX[f"{side}_{joint}"] for side in "rl" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")]


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    return load_motion(write_dancer(tmp_path_factory.mktemp("dancer") / "dancer.bvh", 4.0))


def boxing(turn_deg: float = 0.0) -> PoseSequence:
    """Somebody who crosses the forearms before the chest, the right one in front, seen from `turn_deg` round them.

    Metres, y up; orthographic, 150 pixels a metre.
    """
    metres = dict(
        nose=(0, 1.62, 0.12), neck=(0, 1.42, 0), r_shoulder=(-0.19, 1.42, 0), r_elbow=(-0.26, 1.15, 0.15),
        r_wrist=(0.12, 1.25, 0.42), l_shoulder=(0.19, 1.42, 0), l_elbow=(0.26, 1.15, 0.1), l_wrist=(-0.12, 1.25, 0.2),
        r_hip=(-0.1, 0.92, 0), r_knee=(-0.11, 0.5, 0.03), r_ankle=(-0.11, 0.08, 0), l_hip=(0.1, 0.92, 0),
        l_knee=(0.11, 0.5, 0.03), l_ankle=(0.11, 0.08, 0), r_eye=(-0.03, 1.65, 0.09), l_eye=(0.03, 1.65, 0.09),
        r_ear=(-0.075, 1.63, 0), l_ear=(0.075, 1.63, 0),
    )  # fmt: skip
    body = np.array([metres[name] for name in INDEX], np.float64)
    turn = np.deg2rad(turn_deg)
    seen = body @ np.array([[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]])
    points = np.stack([128 + 150 * seen[:, 0], 330 - 150 * seen[:, 1], np.ones(18)], axis=1)
    return PoseSequence(points[None], 30.0, SIZE, joints3d=body[None])


def grey(sequence: PoseSequence, frame: int = 0) -> np.ndarray:
    return draw_depth(Solid.of(sequence), frame, SIZE)[..., 0].astype(int)


def at(picture: np.ndarray, points: np.ndarray) -> int:
    x, y = np.rint(points[:2]).astype(int)
    return int(picture[y, x])


def test_the_arm_in_front_covers_the_other_and_the_chest():
    sequence = boxing()
    joints, picture = seen_joints(sequence)[0], grey(sequence)
    ends = {side: (joints[INDEX[f"{side}_elbow"]], joints[INDEX[f"{side}_wrist"]]) for side in "rl"}
    middle = {side: (one + other) / 2 for side, (one, other) in ends.items()}
    chest = 0.3 * joints[INDEX["neck"]] + 0.7 * joints[INDEX["r_hip"]]
    assert at(picture, ends["r"][1]) > at(picture, ends["l"][1]) > at(picture, chest) > 0
    # Where the two cross, the picture shows the right one.
    crossing = (middle["r"] + middle["l"]) / 2
    assert abs(at(picture, crossing) - at(picture, middle["r"])) < abs(at(picture, crossing) - at(picture, middle["l"]))


def test_from_behind_the_arms_are_behind_the_back():
    front, back = boxing(0), boxing(180)
    joints = seen_joints(back)[0]
    wrist, chest = joints[INDEX["r_wrist"]], (joints[INDEX["neck"]] + joints[INDEX["r_hip"]]) / 2
    assert wrist[2] > 0 > seen_joints(front)[0][INDEX["r_wrist"]][2]
    assert at(grey(back), chest) > 0
    hidden = np.abs(grey(back)[int(wrist[1]), int(wrist[0])] - at(grey(back), chest))
    assert hidden < 12  # the picture has the back there, not the hand


@pytest.mark.parametrize("camera", ["front", "side", "orbit", "cuts"])
def test_depth_is_that_of_the_camera_which_filmed(camera, motion):
    """The camera is found from joints alone; the one that filmed is known here."""
    sequence = film(motion, camera, size=SIZE)
    lens, found = lens_of(motion, camera, size=SIZE), seen_joints(sequence)
    ahead = axes(lens.eye, lens.target)[:, 2]
    hips = motion.joints3d[:, [INDEX["r_hip"], INDEX["l_hip"]]].mean(1)
    near = ((hips - lens.eye) * ahead).sum(1)
    pixels = lens.scale * lens.distance / near  # a metre at the hips
    wanted = np.einsum("tjk,tk->tj", motion.joints3d - hips[:, None], ahead) * pixels[:, None]
    off = np.abs(found[..., 2] - wanted)[:, BODY]
    body = motion.height_m * pixels
    assert np.median(off / body[:, None]) < 0.02 and np.percentile(off / body[:, None], 99) < 0.1
    shown = sequence.keypoints[:, BODY, 2] > 0
    assert np.allclose(found[:, BODY, :2][shown], sequence.keypoints[:, BODY, :2][shown])


def test_a_head_seen_from_behind_is_there_though_its_face_is_not():
    sequence = boxing(180)
    sequence.keypoints[:, [INDEX["nose"], INDEX["r_eye"], INDEX["l_eye"]]] = 0
    joints, picture = seen_joints(sequence)[0], grey(sequence)
    ears = (joints[INDEX["r_ear"]] + joints[INDEX["l_ear"]]) / 2
    assert at(picture, ears) > 0 and picture[: int(ears[1]) - 25].max() == 0


def test_depth_is_in_proportion_to_the_canvas_and_moves_with_the_dancer():
    small = boxing()
    large = small.on_canvas((512, 768))
    one, other = grey(small), draw_depth(Solid.of(large), 0, (512, 768))[::2, ::2, 0].astype(int)
    assert np.abs(one - other).mean() < 1.5
    solid = Solid.of(small)
    moved = replace(solid, places=solid.places + np.array([30, 0, 0], np.float32))
    apart = draw_depth(moved, 0, SIZE)[:, 30:].astype(int) - draw_depth(solid, 0, SIZE)[:, :-30]
    assert np.abs(apart).mean() < 0.05


def test_nobody_is_black_and_a_dancer_may_leave_the_picture():
    solid = Solid.of(boxing())
    assert not draw_depth(replace(solid, shown=np.zeros_like(solid.shown)), 0, SIZE).any()
    for shift in ([500, 0, 0], [-500, 0, 0], [0, 900, 0], [0, -900, 0], [130, 0, 0]):
        moved = replace(solid, places=(solid.places + np.array(shift)).astype(np.float32))
        assert draw_depth(moved, 0, SIZE).shape == (384, 256, 3)


def test_a_limb_that_somebody_took_away_stays_away():
    sequence = boxing()
    whole = grey(sequence)
    sequence.keypoints[:, INDEX["r_wrist"]] = 0
    assert (grey(sequence) < whole).any() and not (grey(sequence) > whole).any()


def test_without_joints_in_space_there_is_no_depth():
    flat = PoseSequence(boxing().keypoints, 30.0, SIZE)
    with pytest.raises(ValueError, match="in space"):
        Solid.of(flat)


def test_a_larger_picture_shows_the_same_body():
    solid = Solid.of(boxing())
    large = solid.enlarged(np.array([2.0, 2.0]))
    one, two = draw_depth(solid, 0, SIZE).astype(int), draw_depth(large, 0, (512, 768)).astype(int)
    assert np.abs(one - two.reshape(384, 2, 256, 2, 3).mean(axis=(1, 3))).mean() < 1.0


@pytest.mark.parametrize("camera", ["front", "side", "orbit"])
def test_the_body_stands_where_the_keypoints_are(camera, motion):
    sequence = film(motion, camera, size=SIZE)
    solid = Solid.of(sequence)
    names = [f"{side}_{joint}" for side in "rl" for joint in ("elbow", "wrist", "knee", "ankle")]
    for frame in (0, len(solid) // 2):
        picture = draw_depth(solid, frame, SIZE)[..., 0]
        for name in names:
            x, y = np.rint(sequence.keypoints[frame, INDEX[name], :2]).astype(int)
            assert picture[y, x] > 60, (camera, frame, name)
