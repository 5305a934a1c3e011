"""The detector: real people are found where they are, and what is no network gets one clear error."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest

from dancegen.detectors import detect_video
from dancegen.detectors.registry import find_weights, resolve
from dancegen.errors import InputError, ModelError
from dancegen.metrics.pixels import placed_like, pose_fidelity
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, INDEX
from dancegen.video import VideoFile, VideoWriter, probe_video, read_frames


@pytest.fixture(scope="module")
def detector(shared_weights):
    return resolve(shared_weights / "openpose-mobilenet-thin.pb").load()


@pytest.fixture(scope="module")
def short_video(shared_data, tmp_path_factory):
    """Half a second of a real dancer, small."""
    source = shared_data / "video" / "musepose_dance.mp4"
    path = tmp_path_factory.mktemp("video") / "short.mp4"
    with VideoWriter(path, (270, 480), probe_video(source).fps) as video:
        for frame in islice(read_frames(source), 15):
            video.write(cv2.resize(frame, (270, 480), interpolation=cv2.INTER_AREA))
    return path


def test_a_real_dancer_is_found_whole_and_upright(detector, short_video):
    frame = next(read_frames(short_video))
    (person,) = detector.detect([frame])[0]
    assert person.shape == (18, 3) and (person[BODY, 2] > 0).all()
    nose, hips, ankles = (person[[INDEX[n] for n in names], 1].mean()
                          for names in (["nose"], ["l_hip", "r_hip"], ["l_ankle", "r_ankle"]))  # fmt: skip
    assert nose < hips < ankles
    large = cv2.resize(frame, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    (again,) = detector.detect([large])[0]
    assert np.abs((again[BODY, :2] + 0.5) / 3 - 0.5 - person[BODY, :2]).mean() < 4


def test_a_picture_without_people_has_none(detector):
    assert detector.detect([np.full((120, 200, 3), 90, np.uint8)])[0].body.shape == (0, 18, 3)


def test_a_video_is_looked_at_ten_times_a_second_at_most_and_shows_its_own_pose(detector, short_video):
    found = detect_video(detector, short_video)
    info = probe_video(short_video)
    assert found.size == info.size and found.fps <= 10 and len(found) == -(-info.frames // round(info.fps / found.fps))
    moved = PoseSequence(
        np.where(found.keypoints[..., 2:] > 0, found.keypoints * [2, 2, 1] + [30, 50, 0], 0), found.fps, (900, 1200)
    )
    pck, error = pose_fidelity(found, placed_like(moved, found))
    assert pck == 1 and error < 0.01


def test_a_phones_video_is_looked_at_upright(detector, shared_data):
    """Its pictures are stored lying on their side."""
    phone = VideoFile(shared_data / "video" / "made_phone_rotated.mp4")
    (person,) = detector.detect([next(phone.frames(phone.fps, 7.0))])[0]
    nose, hips, ankles = (np.mean([person[INDEX[name], 1] for name in names])
                          for names in (["nose"], ["l_hip", "r_hip"], ["l_ankle", "r_ankle"]))  # fmt: skip
    assert 0 < nose < hips - 50 < ankles - 100 < 480


def test_what_are_no_weights_is_refused_by_name(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.pth"):
        with pytest.raises(InputError, match=r"body_pose_model\.pth"):
            find_weights(path)
    for name in ("wrong.pb", "body_pose_model.pth"):
        (tmp_path / name).write_bytes(b"la la la")
        with pytest.raises(ModelError, match=name):
            resolve(tmp_path / name).load()
    assert find_weights(tmp_path) == tmp_path / "body_pose_model.pth"
