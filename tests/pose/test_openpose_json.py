"""OpenPose JSON, as OpenPose writes it and ControlNet's editors exchange it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.openpose_json import read_openpose_json, write_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from helpers.pose_examples import dancing, standing


def _person(pose: np.ndarray) -> dict:
    return {"pose_keypoints_2d": [float(value) for value in pose.ravel()]}


def _frame(*poses: np.ndarray, size: tuple[int, int] | None = (512, 512)) -> dict:
    canvas = {} if size is None else {"canvas_width": size[0], "canvas_height": size[1]}
    return {"people": [_person(pose) for pose in poses], **canvas}


def test_a_dance_comes_back_as_it_was_written(tmp_path):
    keypoints = dancing(12)
    keypoints[4, 3] = 0
    keypoints[:, 5, 2] = 3e-6
    keypoints[6] = 0
    hands = np.random.default_rng(0).uniform(1, 400, (12, 2, 21, 3)).astype(np.float32)
    hands[..., 2] = 0.5
    hands[6] = 0
    written = PoseSequence(keypoints, 24, (512, 640), hands=hands)
    write_openpose_json(written, tmp_path / "dance.json")
    read = read_openpose_json(tmp_path / "dance.json", fps=24)
    np.testing.assert_allclose(read.keypoints, written.keypoints, rtol=1e-5)
    np.testing.assert_allclose(read.hands, written.hands, rtol=1e-5)
    assert (read.fps, read.size, read.face) == (24, (512, 640), None)


def test_the_file_is_the_list_of_frames_that_controlnet_editors_read(tmp_path):
    write_openpose_json(PoseSequence(dancing(3), 30), tmp_path / "dance.json")
    frames = json.loads((tmp_path / "dance.json").read_text())
    assert len(frames) == 3
    assert all(frame["canvas_width"] == frame["canvas_height"] == 512 for frame in frames)
    assert all(len(frame["people"][0]["pose_keypoints_2d"]) == 54 for frame in frames)
    # The neck of the standing dancer, in pixels.
    assert frames[0]["people"][0]["pose_keypoints_2d"][3] == pytest.approx(255.5)


def test_a_single_frame_is_a_dance_of_one_pose(tmp_path):
    (tmp_path / "pose.json").write_text(json.dumps(_frame(standing())))
    read = read_openpose_json(tmp_path / "pose.json")
    assert len(read) == 1 and read.fps == 30
    np.testing.assert_allclose(read.keypoints[0], standing(), rtol=1e-5)


def test_a_directory_of_openpose_frames_is_read_in_order(tmp_path):
    poses = dancing(12)
    for index, pose in enumerate(poses):  # no leading zeros: frame 10 sorts before frame 9 by letters
        (tmp_path / f"video_{index}_keypoints.json").write_text(json.dumps(_frame(pose, size=None)))
    read = read_openpose_json(tmp_path, fps=60, size=(640, 480))
    np.testing.assert_allclose(read.keypoints, poses, rtol=1e-5)
    assert (read.fps, read.size) == (60, (640, 480))


def test_without_any_canvas_the_smallest_that_holds_the_poses_is_taken(tmp_path):
    (tmp_path / "pose.json").write_text(json.dumps(_frame(standing(), size=None)))
    read = read_openpose_json(tmp_path / "pose.json")
    right, bottom = read.keypoints[0, :, :2].max(axis=0)
    assert right < read.size[0] <= right + 2 and bottom < read.size[1] <= bottom + 2


def test_openposes_own_25_joints_are_understood(tmp_path):
    body_25 = np.ones((25, 3))
    body_25[:, 0] = np.arange(25) + 100
    (tmp_path / "pose.json").write_text(json.dumps(_frame(body_25)))
    found = read_openpose_json(tmp_path / "pose.json").keypoints[0, :, 0] - 100
    # COCO-18's hips, knees and ankles sit one further on, behind the mid-hip; eyes and ears follow.
    assert found.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]


def _read(place, *people: dict, **frame):
    """One frame of these people."""
    (place / "pose.json").write_text(json.dumps([{"people": people, **CANVAS, **frame}]))
    return read_openpose_json(place / "pose.json")


CANVAS = {"canvas_width": 512, "canvas_height": 512}


@pytest.mark.parametrize("face", [17, 51, 68, 70, 106, 468, 478])
@pytest.mark.parametrize("hand", [20, 21, 22])
def test_a_face_or_hand_of_other_points_does_not_keep_the_body_from_being_read(tmp_path, face, hand):
    person = _person(standing()) | {"face_keypoints_2d": [5.0] * 3 * face, "hand_left_keypoints_2d": [6.0] * 3 * hand}
    read = _read(tmp_path, person)
    np.testing.assert_allclose(read.keypoints[0], standing(), rtol=1e-5)
    assert (read.face is not None) == (face in (68, 70)) and (read.hands is not None) == (hand == 21)
    if read.face is not None:
        assert read.face.shape == (1, 70, 3)
        assert (read.face[0, :68] == [5, 5, 1]).all() and read.face[0, 68:].any() == (face == 70)


def test_the_keys_that_openpose_used_to_write_are_read(tmp_path):
    body, hand = [float(value) for value in standing().ravel()], [7.0] * 63
    read = _read(tmp_path, {"pose_keypoints": body, "hand_right_keypoints": hand, "pose_keypoints_2d": None})
    np.testing.assert_allclose(read.keypoints[0], standing(), rtol=1e-5)
    assert not read.hands[0, 0].any() and (read.hands[0, 1] == [7, 7, 1]).all()


def test_cocos_joints_get_a_neck_between_the_shoulders(tmp_path):
    parts = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    names = ["nose", *(f"{side}_{part}" for part in parts for side in "lr")]
    body = standing()
    coco = np.array([body[INDEX[name]] for name in names])
    wanted = body.copy()
    wanted[INDEX["neck"]] = (body[INDEX["l_shoulder"]] + body[INDEX["r_shoulder"]]) / 2
    np.testing.assert_allclose(_read(tmp_path, _person(coco)).keypoints[0], wanted, rtol=1e-5)
    one_shoulder = coco.copy()
    one_shoulder[5] = 0
    assert not _read(tmp_path, _person(one_shoulder)).keypoints[0, INDEX["neck"]].any()
    whole = np.concatenate(
        [coco, np.full((6, 3), 1.0), np.full((68, 3), 2.0), np.full((21, 3), 3), np.full((21, 3), 4)]
    )
    read = _read(tmp_path, _person(whole))
    np.testing.assert_allclose(read.keypoints[0], wanted, rtol=1e-5)
    assert (read.face[0, :68, 0] == 2).all() and (read.hands[0, :, :, 0] == [[3], [4]]).all()


def test_the_people_of_the_old_editor_for_the_web_ui_are_read(tmp_path):
    pairs = [[float(x), float(y)] for x, y, _ in standing()]
    pairs[4] = None
    (tmp_path / "pose.json").write_text(json.dumps({"width": 640, "height": 512, "keypoints": [pairs]}))
    read = read_openpose_json(tmp_path / "pose.json")
    assert read.size == (640, 512) and not read.keypoints[0, 4].any()
    there = [i for i in range(18) if i != 4]
    np.testing.assert_allclose(read.keypoints[0, there], standing()[there], rtol=1e-5)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_an_editor_may_save_in_any_encoding(tmp_path, encoding):
    (tmp_path / "pose.json").write_bytes(json.dumps(_frame(standing())).encode(encoding))
    np.testing.assert_allclose(read_openpose_json(tmp_path / "pose.json").keypoints[0], standing(), rtol=1e-5)


def test_width_and_height_are_the_canvas_too_and_one_frame_speaks_for_all(tmp_path):
    frames = [_frame(standing(), size=None), _frame(standing(), size=None) | {"width": 640, "height": 768}]
    (tmp_path / "pose.json").write_text(json.dumps(frames))
    assert read_openpose_json(tmp_path / "pose.json").size == (640, 768)
    frames[0] |= {"canvas_width": 700, "canvas_height": 800, "width": 1, "height": 1}
    (tmp_path / "pose.json").write_text(json.dumps(frames[:1]))
    assert read_openpose_json(tmp_path / "pose.json").size == (700, 800)


def test_null_and_zero_both_mean_missing(tmp_path):
    frame = _frame(standing())
    values = frame["people"][0]["pose_keypoints_2d"]
    values[3 * 4 : 3 * 5] = [None, None, None]
    values[3 * 7 : 3 * 8] = [0, 0, 1]
    values[3 * 9 : 3 * 10] = [20, 30, 0]
    frame["people"][0]["face_keypoints_2d"] = None
    (tmp_path / "pose.json").write_text(json.dumps([frame, {**frame, "people": [{"pose_keypoints_2d": None}]}]))
    read = read_openpose_json(tmp_path / "pose.json")
    assert not read.keypoints[0, [4, 7, 9]].any()
    assert (read.keypoints[0, [0, 1, 2, 3, 5, 6, 8], 2] == 1).all()
    assert not read.keypoints[1].any()


def test_positions_as_shares_of_the_canvas_become_pixels(tmp_path):
    shares = standing()
    shares[:, 0] /= 512
    shares[:, 1] /= 768
    (tmp_path / "pose.json").write_text(json.dumps([_frame(shares, size=(512, 768))]))
    np.testing.assert_allclose(read_openpose_json(tmp_path / "pose.json").keypoints[0], standing(), rtol=1e-4)


def test_of_several_people_the_one_who_dances_longest_is_followed(tmp_path):
    dancer, passer_by = dancing(10), dancing(10)
    passer_by[..., :2] = passer_by[..., :2] * 0.3 + [350, 200]
    passer_by[6:, :, :2] = (passer_by[6:, :, :2] - [350, 200]) * 4.5 + [200, 100]  # comes nearer than the dancer
    frames = [_frame(*((a, b) if i % 2 else (b, a))) for i, (a, b) in enumerate(zip(dancer, passer_by, strict=True))]
    frames[3]["people"] = []
    (tmp_path / "dance.json").write_text(json.dumps(frames))
    read = read_openpose_json(tmp_path / "dance.json").keypoints
    seen = [i for i in range(10) if i != 3]
    np.testing.assert_allclose(read[seen], dancer[seen], rtol=1e-4)
    assert not read[3].any()


def test_frames_without_people_are_frames_without_joints(tmp_path):
    (tmp_path / "nobody.json").write_text('[{"people": []}, {"people": []}]')
    assert read_openpose_json(tmp_path / "nobody.json").keypoints.tolist() == np.zeros((2, 18, 3)).tolist()
    nobody = PoseSequence(np.zeros((3, 18, 3)), 30, (640, 480))
    write_openpose_json(nobody, tmp_path / "written.json")
    read = read_openpose_json(tmp_path / "written.json")
    assert len(read) == 3 and read.size == (640, 480) and not read.keypoints.any()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not json",
        "[]",
        "3",
        "[3]",
        "{}",
        '{"people": 4}',
        '{"people": [7]}',
        '{"people": [{"pose_keypoints_2d": [1, 2, 3]}]}',
        '{"people": [{"pose_keypoints_2d": "many"}]}',
        json.dumps({"people": [{"pose_keypoints_2d": ["a"] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [True] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [float("nan")] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [1e30] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [10**400] * 54}]}),
        json.dumps({"people": [{"pose_keypoints_2d": [5] * 3 * 16}]}),
        json.dumps({"keypoints": [[[1, 2, 3]] * 18]}),
        json.dumps({"people": [{"pose_keypoints_2d": [5] * 54}], "canvas_width": 0, "canvas_height": 5}),
        json.dumps({"people": [{"pose_keypoints_2d": [5] * 54}], "canvas_width": 512}),
        json.dumps({"people": [{"pose_keypoints_2d": [0.5] * 54}]}),
        json.dumps([_frame(standing()), _frame(standing(), size=(64, 64))]),
        "[" * 100_000,
    ],
)
def test_nonsense_is_refused_by_name(tmp_path, content):
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(PoseError, match=r"odd\.json"):
        read_openpose_json(tmp_path / "odd.json")


def test_nothing_to_read_is_said_so(tmp_path):
    with pytest.raises(PoseError, match=r"nowhere\.json cannot be read: No such file"):
        read_openpose_json(tmp_path / "nowhere.json")
    with pytest.raises(PoseError, match="no JSON files"):
        read_openpose_json(tmp_path)
    with pytest.raises(PoseError, match="fps"):
        write_openpose_json(PoseSequence(dancing(1), 30), tmp_path / "a.json")
        read_openpose_json(tmp_path / "a.json", fps=-1)
