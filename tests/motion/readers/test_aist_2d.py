"""AIST++'s 2D keypoints: nine views, of which some miss the dancer."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from dancegen.errors import InputError, MocapError
from dancegen.motion.readers.protocol import Hints
from dancegen.motion.readers.registry import find_takes, load_motion
from dancegen.pose.flat_dance import FlatDance
from dancegen.pose.keypoint_sets import COCO_17
from dancegen.pose.skeleton import INDEX
from helpers.aistpp import cameras, coco, described, parameters, seen, write_2d, write_cameras, write_pickle
from helpers.listening import Listener

NAME = "gBR_sBM_cAll_d04_mBR0_ch03"


def points() -> np.ndarray:
    return seen(coco(parameters(1.0)))


def read(path, heard=None, hints=None) -> FlatDance:
    (take,) = find_takes(path)
    return take.recording(hints or Hints(), *([heard] if heard else []))


def test_nine_cameras_give_nine_views(tmp_path):
    given = points()
    dance = read(write_2d(tmp_path, NAME, given))
    assert list(dance.views) == [f"c{number:02d}" for number in range(1, 10)]
    assert (dance.fps, dance.seconds, dance.start_s) == (60.0, 1.0, 0.0)
    for number, poses in enumerate(dance.views.values()):
        assert poses.size == (1920, 1080)
        for column, joint in enumerate(COCO_17):
            assert np.allclose(poses.keypoints[:, INDEX[joint]], given[number, :, column])


def test_what_is_not_a_number_or_hardly_seen_is_missing(tmp_path):
    given = points()
    given[0, 5] = np.nan  # nobody
    given[0, 7, COCO_17.index("l_knee"), 2] = 0.1
    given[0, 8, COCO_17.index("l_knee"), 2] = 1.2  # of a heat map
    given[3] = np.nan
    heard = Listener()
    dance = read(write_2d(tmp_path, NAME, given), heard)
    first = dance.views["c01"].keypoints
    assert not first[5].any() and first[4].all()
    assert not first[7, INDEX["l_knee"]].any() and first[8, INDEX["l_knee"], 2] == 1
    assert "c04" not in dance.views and heard.said == [f"{NAME}.pkl: nobody is seen by c04."]


def test_the_cameras_say_how_large_their_pictures_are(tmp_path):
    write_cameras(tmp_path, [NAME])
    found = [described(camera) for camera in cameras()]
    found[2]["size"] = [1280, 720]
    setting = tmp_path / "cameras" / "setting1.json"
    setting.write_text(json.dumps(found))
    path = write_2d(tmp_path, NAME, points())
    (take,) = find_takes(path)
    assert take.reader.companions(path) == (setting,)
    assert read(path).views["c03"].size == (1280, 720)
    setting.write_text("{")
    heard = Listener()
    assert read(path, heard).views["c03"].size == (1920, 1080)
    assert "setting1.json" in heard.warned[0] and "1920x1080 are assumed" in heard.warned[0]


def write_both(root, given, joints):
    write_cameras(root, [NAME])
    write_pickle(root / "keypoints3d" / f"{NAME}.pkl", {"keypoints3d_optim": joints})
    return write_2d(root, NAME, given)


def test_what_a_camera_missed_of_the_body_is_where_the_others_see_it(tmp_path):
    joints, given = coco(parameters(1.0)), points()
    truth = given.copy()
    missed = (slice(10, 40), [COCO_17.index(name) for name in ("nose", "l_knee", "l_ankle")])
    given[2][missed] = np.nan
    given[6] = np.nan  # this one saw nobody at all
    path = write_both(tmp_path, given, joints)
    dance = read(path)
    assert len(dance.views) == 9
    third = dance.views["c03"].keypoints[10:40]
    for joint in ("l_knee", "l_ankle"):
        np.testing.assert_allclose(third[:, INDEX[joint], :2], truth[2, 10:40, COCO_17.index(joint), :2], atol=0.01)
        assert third[:, INDEX[joint], 2] == pytest.approx(0.4)
    assert not third[:, INDEX["nose"]].any()  # the head may have hidden it
    assert dance.views["c03"].keypoints[9, INDEX["nose"], 2] == pytest.approx(0.9)
    seventh = dance.views["c07"].keypoints
    assert seventh[:, 1:14].all() and seventh[..., 2].max() < 0.5
    (take,) = find_takes(path)
    assert [file.name for file in take.reader.companions(path)] == ["setting1.json", f"{NAME}.pkl"]


@pytest.mark.parametrize("wrong", [lambda joints: joints + np.array([120, 0, 0]), lambda joints: joints[:50]])
def test_joints_of_another_dance_fill_nothing(wrong, tmp_path):
    given = points()
    given[2, 10:40, COCO_17.index("l_knee")] = np.nan
    dance = read(write_both(tmp_path, given, wrong(coco(parameters(1.0)))))
    assert not dance.views["c03"].keypoints[10:40, INDEX["l_knee"]].any()


def test_views_that_the_authors_leave_out_are_left_out(tmp_path):
    heard = Listener()
    dance = read(write_2d(tmp_path, "gBR_sBM_cAll_d04_mBR0_ch01", points()), heard)
    assert "c05" not in dance.views and len(dance.views) == 8 and "not in time" in heard.said[0]
    assert read(write_2d(tmp_path, "gJB_sBM_cAll_d07_mJB3_ch05", points())).views["c07"].size == (640, 480)


def test_a_person_may_say_the_rate(tmp_path):
    assert read(write_2d(tmp_path, NAME, points()), hints=Hints(fps=30.0)).seconds == 2.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.full((9, 60, 17, 3), np.nan, np.float32), "nobody is seen by any of its 9 cameras"),
        (np.ones((60, 17, 3), np.float32), "keypoints of shape"),
        (np.ones((9, 60, 18, 3), np.float32), "keypoints of shape"),
        (np.ones((9, 1, 17, 3), np.float32), "keypoints of shape"),
        (np.ones((0, 60, 17, 3), np.float32), "keypoints of 0 cameras"),
    ],
)
def test_what_is_no_dance_is_refused_in_words(given, words, tmp_path):
    with pytest.raises(InputError, match=rf"{NAME}\.pkl.*{words}"):
        read(write_2d(tmp_path, NAME, given))


def test_a_pickle_that_would_run_code_is_refused_and_runs_nothing(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = tmp_path / f"{NAME}.pkl"
    path.write_bytes(pickle.dumps({"keypoints2d": points(), "more": Bomb()}))
    with pytest.raises(MocapError, match=r"\.pkl is not read: this pickle asks for io\.open"):
        read(path)
    assert not (tmp_path / "ran").exists()


def test_where_motion_is_needed_they_are_refused(tmp_path):
    with pytest.raises(MocapError, match="two dimensions; a motion in three is needed here"):
        load_motion(write_2d(tmp_path, NAME, points()))
