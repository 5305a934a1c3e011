"""BlazePose: several people are found one after the other, what is hidden or outside is missing."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from dancegen.detectors import look
from dancegen.detectors.blazepose import to_openpose
from dancegen.detectors.registry import resolve, usual_detector
from dancegen.errors import InputError
from dancegen.pose.skeleton import BODY, INDEX
from dancegen.video import VideoFile, read_frames


@pytest.fixture(scope="module")
def detector():
    if usual_detector() is None:
        pytest.skip("the extra blazepose is not installed")
    return resolve("blazepose").load()


def first_frame(folder, name: str) -> np.ndarray:
    frame = next(read_frames(folder / "video" / name))
    return cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def test_landmarks_become_openpose_joints_and_what_is_not_seen_is_missing():
    landmarks = np.tile(np.float32([50, 40, 0.9]), (33, 1))
    landmarks[11], landmarks[12] = (60, 30, 0.8), (40, 34, 1.0)  # the person's left and right shoulder
    landmarks[15], landmarks[28] = (60, 30, 0.2), (50, 130, 0.9)  # a hidden wrist, an ankle under the picture
    person = to_openpose(landmarks, (100, 100))
    assert person[INDEX["l_shoulder"]].tolist() == pytest.approx([60, 30, 0.8])
    assert person[INDEX["neck"]].tolist() == pytest.approx([50, 32, 0.8])
    missing = {name for name, joint in INDEX.items() if not person[joint].any()}
    assert missing == {"l_wrist", "r_ankle"}


def test_mediapipe_keeps_its_notes_to_itself(shared_data, detector, capfd):
    from dancegen.detectors.blazepose import Blazepose

    frame = first_frame(shared_data, "d2mgan_tiktok_high1.mp4")
    assert len(Blazepose().detect([frame])[0]) == 1
    print("and others are heard", file=sys.stderr)
    assert capfd.readouterr().err == "and others are heard\n"


def test_without_the_extra_the_way_to_it_is_said():
    if usual_detector() is not None:
        pytest.skip("the extra blazepose is installed")
    with pytest.raises(InputError, match=r"dancegen\[blazepose\]"):
        resolve("blazepose")


def test_one_person_is_found_whole_and_where_openpose_sees_them(detector, shared_data, shared_weights):
    frame = first_frame(shared_data, "musepose_dance.mp4")
    (person,) = detector.detect([frame])[0]
    (seen,) = resolve(shared_weights / "openpose-mobilenet-thin.pb").load().detect([frame])[0]
    assert (person[BODY, 2] > 0).all()
    height = np.ptp(person[BODY, 1])
    assert np.linalg.norm(person[BODY, :2] - seen[BODY, :2], axis=1).mean() < 0.05 * height


def test_two_people_are_two_and_an_empty_room_is_none(detector, shared_data):
    two, none = detector.detect(
        [first_frame(shared_data, "pose2sim_trial2_cam01.mp4"), np.full((120, 200, 3), 90, np.uint8)]
    )
    assert len(two) == 2 and none.body.shape == (0, 18, 3)


def test_the_dancer_of_a_video_is_found_in_every_picture_and_where_openpose_sees_them(
    detector, shared_data, shared_weights
):
    """By the middle joint: hips are defined otherwise, and a small OpenPose network confuses legs under a skirt."""
    video = VideoFile(shared_data / "video" / "musepose_dance.mp4")
    frames = [cv2.resize(each, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for each in video.frames(1.0)]
    other = resolve(shared_weights / "openpose-mobilenet-thin.pb").load()
    apart = []
    for frame, people, seen in zip(frames, look(detector, frames), look(other, frames), strict=True):
        assert frame.shape == frames[0].shape and len(people) == len(seen) == 1
        both = (people[0][BODY, 2] > 0) & (seen[0][BODY, 2] > 0)
        height = np.ptp(people[0][people[0][:, 2] > 0, 1])
        distances = np.linalg.norm(people[0][BODY, :2] - seen[0][BODY, :2], axis=1)
        apart.append(np.median(distances[both]) / height)
    assert len(apart) >= 10 and np.mean(np.array(apart) < 0.05) >= 0.9
