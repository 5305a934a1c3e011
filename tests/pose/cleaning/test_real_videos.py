"""Real people in real videos, seen by real detectors: looked at once a session, at a low rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dancegen.detectors import look
from dancegen.detectors.registry import resolve, usual_detector
from dancegen.pose.cleaning import CleaningSettings, clean_detections
from dancegen.pose.detections import Detections
from dancegen.pose.skeleton import BODY, INDEX
from dancegen.video import VideoFile
from dancegen.video.shots import ShotFinder

USUAL = CleaningSettings()
WHO = {0.4: (711, 226), 0.8: (733, 191), 1.2: (723, 251), 1.6: (711, 223), 2.0: (726, 201), 2.4: (731, 268),
       2.8: (718, 213), 3.2: (661, 208), 3.6: (778, 236)}  # fmt: skip
"""Seconds, and where in openpose_video.avi the neck is then of the woman in the blue jacket: looked at by eye."""


def seen_in(video: Path, detector: str | Path, fps: float, seconds: float | None = None) -> Detections:
    filmed, shots = VideoFile(video), ShotFinder()

    def passing():
        for picture in filmed.frames(fps, 0.0, seconds):
            shots.see(picture)
            yield picture

    people = tuple(look(resolve(detector).load(), passing()))
    return Detections(people, fps, filmed.size, shots.cuts(), str(detector))


@pytest.fixture(scope="session")
def crowd(shared_data, shared_weights) -> Detections:
    graph = shared_weights / "openpose-mobilenet-thin.pb"
    seen = seen_in(shared_data / "video" / "openpose_video.avi", graph, 12.5)
    return replace(seen, cuts=np.array([], int))  # at a quarter of its rate its shaking camera looks like one that cuts


@pytest.fixture(scope="session")
def with_cuts(shared_data) -> Detections:
    if usual_detector() is None:
        pytest.skip("the extra blazepose is not installed")
    return seen_in(shared_data / "video" / "made_cuts.mp4", "blazepose", 12.5)


def test_one_person_of_a_crowd_is_followed_throughout(crowd):
    """A street with many people; two women hold each other, turn, and one walks off before the other."""
    assert max(len(people) for people in crowd.people) > 2
    cleaned = clean_detections(crowd, USUAL)
    (piece,) = cleaned.pieces
    assert piece.first <= 1 and len(piece.poses) >= len(crowd) - 2
    for second, place in WHO.items():
        neck = piece.poses.keypoints[round(second * 12.5) - piece.first, INDEX["neck"]]
        assert neck[2] > 0 and np.linalg.norm(neck[:2] - place) < 50, second


def test_clips_end_at_the_cuts_and_the_close_up_is_dropped(with_cuts):
    """A dancer, somebody else from 3.0 s on, and from 4.68 s on the dancer without legs."""
    assert with_cuts.cuts.tolist() == [38, 59]
    cleaned = clean_detections(with_cuts, USUAL)
    assert [(piece.first, len(piece.poses)) for piece in cleaned.pieces] == [(0, 38)]
    short, close = cleaned.rejected[0], cleaned.rejected[-1]
    assert (short.first, short.kind) == (38, "too short") and close.first + close.frames == len(with_cuts)
    assert "both knees and both ankles are not seen in 100 %" in close.reason
    shorter = clean_detections(with_cuts, CleaningSettings(min_seconds=1.0))
    assert [(piece.first, len(piece.poses)) for piece in shorter.pieces] == [(0, 38), (38, 21)]


def test_a_real_dancer_trembles_less_and_stays_where_they_are(with_cuts):
    piece = clean_detections(with_cuts, USUAL).pieces[0]
    seen = np.stack([people.body[0] for people in with_cuts.people[:38]])
    both = (seen[:, BODY, 2] > 0) & (piece.poses.keypoints[:, BODY, 2] > 0)
    off = np.linalg.norm((piece.poses.keypoints - seen)[:, BODY, :2], axis=-1)[both]
    tall = np.ptp(seen[0, BODY, 1])
    assert np.median(off) < 0.01 * tall and np.percentile(off, 95) < 0.05 * tall


@pytest.fixture(scope="session")
def seen_twice(shared_data, shared_weights) -> tuple[Detections, Detections]:
    """A dancer as BlazePose sees her and as OpenPose does."""
    if usual_detector() is None:
        pytest.skip("the extra blazepose is not installed")
    detectors = "blazepose", shared_weights / "openpose-mobilenet-thin.pb"
    one, other = (seen_in(shared_data / "video" / "musepose_dance.mp4", each, 6.0) for each in detectors)
    return one, other


def test_two_detectors_agree_on_a_dancer(seen_twice):
    """On the mean over all joints of the body. The small OpenPose takes one leg under her skirt for both, and says that
    it is unsure of the other one."""
    apart = []
    pieces = [clean_detections(each, USUAL).pieces for each in seen_twice]
    (one,), (other,) = pieces
    assert one.first == other.first == 0 and len(one.poses) == len(other.poses) == len(seen_twice[0]) == 72
    for frame, seen in zip(one.poses.keypoints, other.poses.keypoints, strict=True):
        both = (frame[BODY, 2] > 0) & (seen[BODY, 2] > 0)
        assert both.sum() >= 9
        height = np.ptp(frame[frame[:, 2] > 0, 1])
        apart.append(np.linalg.norm(frame[BODY, :2] - seen[BODY, :2], axis=1)[both].mean() / height)
    assert np.mean(np.array(apart) < 0.05) >= 0.9
