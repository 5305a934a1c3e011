"""The detector: real people are found where they are, and what is no network gets one clear error."""

from __future__ import annotations

from itertools import islice

import cv2
import numpy as np
import pytest
import torch

from dancegen.detectors import detect_video
from dancegen.detectors.openpose.networks import load_body
from dancegen.detectors.registry import resolve
from dancegen.errors import InputError, ModelError
from dancegen.metrics.pixels import placed_like, pose_fidelity
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, INDEX
from dancegen.video import VideoFile, VideoWriter, probe_video, read_frames
from helpers.controlnet_aux_openpose import Body, graph_body, people_of, write_random


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


def test_the_people_of_real_pictures_are_those_of_controlnet_aux(detector, shared_data, shared_weights):
    """A batch of pictures of several people, of two sizes, at once and one by one."""
    theirs = graph_body(shared_weights / "openpose-mobilenet-thin.pb")
    names = ("openpose_video.avi", "openpose_video.avi", "pose2sim_trial2_cam01.mp4")
    frames = [
        next(VideoFile(shared_data / "video" / name).frames(5.0, start))
        for start, name in zip((0, 1, 0.5), names, strict=True)
    ]
    small = [cv2.resize(frame, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for frame in frames]
    together = detector.detect(small)
    alone = [detector.detect([frame])[0] for frame in small]
    assert sum(len(people) for people in together) >= 5
    for picture, people, again in zip(small, together, alone, strict=True):
        expected = people_of(theirs, np.ascontiguousarray(picture[:, :, ::-1]))
        np.testing.assert_array_equal(people.body[..., :2], expected[..., :2])
        np.testing.assert_allclose(people.body[..., 2], expected[..., 2].clip(0, 1), atol=1e-5)
        np.testing.assert_allclose(people.body, again.body, atol=1e-4)
        assert people.hands is None and people.face is None


def test_the_network_of_the_real_architecture_finds_the_same_maps(tmp_path):
    theirs = Body(str(write_random(tmp_path, "body_pose_model.pth"))).model
    given = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 3, 64, 48)).astype(np.float32)
    with torch.no_grad():
        affinities, heatmaps = theirs(torch.from_numpy(given))
    for ours, expected in zip(
        load_body(tmp_path / "body_pose_model.pth", "cpu")(given), (heatmaps, affinities), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_weights_that_would_run_code_are_refused_and_do_not(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({"conv1_1.weight": Evil()}, tmp_path / "body_pose_model.pth")
    with pytest.raises(ModelError, match=r"body_pose_model\.pth"):
        resolve(tmp_path).load()
    assert not (tmp_path / "ran").exists()
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "body_pose_model.pth")
    with pytest.raises(ModelError, match="it has no"):
        resolve(tmp_path).load()


def test_what_are_no_weights_is_refused_by_name(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere.pth"):
        with pytest.raises(InputError, match=r"body_pose_model\.pth"):
            resolve(path)
    for name in ("wrong.pb", "body_pose_model.pth"):
        (tmp_path / name).write_bytes(b"la la la")
        with pytest.raises(ModelError, match=name):
            resolve(tmp_path / name).load()
