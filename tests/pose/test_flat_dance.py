"""A dance seen by cameras: its parts, at another rate, and its files."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.flat_dance import FlatDance
from dancegen.pose.sequence import PoseSequence
from helpers.pose_examples import dancing


def dance() -> FlatDance:
    front = dancing(240, fps=60.0)
    side = front.copy()
    side[120:] = 0
    return FlatDance({"c01": PoseSequence(front, 60.0, start_s=1.5), "c02": PoseSequence(side, 60.0, start_s=1.5)})


def test_a_span_is_what_the_whole_dance_has_there():
    whole = dance()
    part = whole.span(1.0, 45, 30.0)
    assert {name: (len(poses), poses.fps, poses.start_s) for name, poses in part.items()} == {
        "c01": (45, 30.0, 0.0), "c02": (45, 30.0, 0.0),
    }  # fmt: skip
    truth = whole.views["c01"].keypoints[60:150:2]
    np.testing.assert_allclose(part["c01"].keypoints, truth, atol=0.05)
    assert not part["c02"].keypoints[31:].any() and part["c02"].keypoints[:29].all()


def test_a_view_that_shows_nobody_is_left_out_of_a_span():
    assert list(dance().span(2.5, 30, 30.0)) == ["c01"]


def test_what_is_saved_is_read_again(tmp_path):
    dance().save(tmp_path / "take")
    again = FlatDance.load(tmp_path / "take")
    assert (again.fps, again.seconds, again.start_s) == (60.0, 4.0, 1.5)
    for name, poses in dance().views.items():
        np.testing.assert_array_equal(again.views[name].keypoints, poses.keypoints)


def test_views_belong_together():
    with pytest.raises(PoseError, match="nobody is seen"):
        FlatDance({})
    with pytest.raises(PoseError, match="do not show one dance"):
        FlatDance({"a": PoseSequence(dancing(9), 30.0), "b": PoseSequence(dancing(10), 30.0)})
