"""Shots of footage, whose cuts are known and cannot be worked out: kept, moved along, and never interpolated across."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.sequence import PoseSequence
from helpers.pose_examples import dancing

CUT = 20


@pytest.fixture(scope="module")
def footage() -> PoseSequence:
    """Two shots of the same dance, the second from 200 pixels further left."""
    keypoints = dancing(60)
    keypoints[CUT:, :, 0] -= 200
    return PoseSequence(keypoints, 30.0, cuts=np.array([CUT]))


def test_a_file_keeps_the_cuts(footage, tmp_path):
    footage.save(tmp_path / "poses.npz")
    assert PoseSequence.load(tmp_path / "poses.npz").cuts.tolist() == [CUT]
    PoseSequence(footage.keypoints, 30.0).save(tmp_path / "none.npz")
    assert PoseSequence.load(tmp_path / "none.npz").cuts is None


def test_nothing_is_shown_between_two_shots_at_any_rate(footage):
    for fps in (12.5, 24.0, 48.0, 59.94):
        shown = footage.resample(fps)
        neck = shown.keypoints[:, 1, 0]
        first, second = (footage.keypoints[part, 1, 0] for part in (slice(0, CUT), slice(CUT, None)))
        assert all(
            first.min() - 2 < x < first.max() + 2 or second.min() - 2 < x < second.max() + 2 for x in neck
        ), fps  # fmt: skip
        jump = int(np.abs(np.diff(neck)).argmax()) + 1
        assert shown.cuts.tolist() == footage.cuts_at(fps).tolist() == shown.cuts_at(fps).tolist() == [jump]
        assert abs(jump / fps - CUT / 30) <= 1 / fps
    blurred = PoseSequence(footage.keypoints, 30.0).resample(48.0).keypoints[:, 1, 0]
    assert np.abs(np.diff(blurred)).max() < 190  # without the cut it would glide


def test_parts_and_their_sum_have_the_cuts_where_they_were(footage):
    assert footage.slice(5).cuts.tolist() == [CUT - 5] and footage.slice(CUT).cuts.tolist() == []
    assert footage.slice(0, CUT).cuts.tolist() == [] and footage.mirror().cuts.tolist() == [CUT]
    assert footage.fitted((300, 200)).cuts.tolist() == footage.on_canvas((300, 200)).cuts.tolist() == [CUT]
    both = PoseSequence.concatenate([footage.slice(0, 30), footage.slice(30)])
    assert both.cuts.tolist() == [CUT] and len(both) == 60
    assert PoseSequence.concatenate([footage.slice(0, 5), footage.slice(5)]).cuts.tolist() == [CUT]


def test_cuts_are_frames_of_the_dance(footage):
    assert PoseSequence(footage.keypoints, 30.0, cuts=np.array([40, 0, 20, 20])).cuts.tolist() == [20, 40]
    for cuts in (np.array([60]), np.array([-1]), np.array([[20]]), np.array([20.5])):
        with pytest.raises(PoseError, match="cuts"):
            PoseSequence(footage.keypoints, 30.0, cuts=cuts)
