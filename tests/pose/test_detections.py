"""What a detector saw is kept as it was, whoever and however many were there."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import PoseError
from dancegen.pose.detections import Detections, People


def crowd(people: int, *, hands: bool = False, seed: int = 0) -> People:
    rng = np.random.default_rng([seed, people])
    body = rng.uniform(1, 90, (people, 18, 3)).astype(np.float32)
    return People(body, rng.uniform(1, 90, (people, 2, 21, 3)).astype(np.float32) if hands else None)


@pytest.mark.parametrize("hands", [False, True])
def test_detections_come_back_as_they_were(tmp_path, hands):
    people = tuple(crowd(count, hands=hands, seed=n) if count else People.nobody() for n, count in enumerate((2, 0, 1)))
    Detections(people, 29.97, (640, 360), np.array([2]), "openpose").save(tmp_path / "d.npz")
    again = Detections.load(tmp_path / "d.npz")
    assert (again.fps, again.size, again.cuts.tolist(), again.detector) == (29.97, (640, 360), [2], "openpose")
    assert [len(each) for each in again.people] == [2, 0, 1]
    for before, after in zip(people, again.people, strict=True):
        assert np.array_equal(before.body, after.body)
        assert (after.hands is not None) == hands
        if before.hands is not None and after.hands is not None:
            assert np.array_equal(before.hands, after.hands)


def test_a_clip_in_which_nobody_was_ever_seen_is_kept_too(tmp_path):
    Detections((People.nobody(),) * 3, 30.0, (64, 64), np.zeros(0, int), "blazepose").save(tmp_path / "d.npz")
    assert [len(each) for each in Detections.load(tmp_path / "d.npz").people] == [0, 0, 0]


def test_counts_that_do_not_fit_the_keypoints_are_damage(tmp_path):
    Detections((crowd(2),), 30.0, (64, 64), np.zeros(0, int), "x").save(tmp_path / "d.npz")
    with np.load(tmp_path / "d.npz") as kept:
        arrays = dict(kept)
    np.savez(tmp_path / "d.npz", **arrays | {"counts": np.array([3])})
    with pytest.raises(PoseError, match="do not belong to the people"):
        Detections.load(tmp_path / "d.npz")


def test_a_scaled_picture_keeps_its_people_where_they_stood():
    people = People(np.array([[[0, 0, 1], [9, 19, 1], [0, 0, 0]] * 6], np.float32))
    body = people.scaled(np.array([2.0, 0.5])).body[0]
    assert body[0].tolist() == [0.5, -0.25, 1]  # the corner pixel's centre
    assert body[1].tolist() == [18.5, 9.25, 1]
    assert body[2].tolist() == [0, 0, 0]
