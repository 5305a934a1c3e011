"""What validation says of a dance that went wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.choreographers.gan.validation import _compare
from dancegen.pose.sequence import PoseSequence
from helpers.tiny_gan import dancing, ticks


@pytest.fixture(scope="module")
def real():
    return [PoseSequence(dancing(60, first=0.3 * i), 10.0) for i in range(3)]


BEATS = [ticks(6.0, first=0.3 * i).times_s for i in range(3)]


def compare(real, made, beats=BEATS):
    return _compare(real, made, BEATS, beats)


def changed(real, change):
    """The dances with their x and y (T, 18, 2), in pixels, put through `change`."""
    return [
        replace(
            r, keypoints=np.concatenate([change(r.keypoints[..., :2]), r.keypoints[..., 2:]], -1).astype(np.float32)
        )
        for r in real
    ]


def test_a_real_dance_is_perfect(real):
    found = compare(real, real)
    assert (found.shape, found.place, found.score) == (0, 0, 0) and found.speed == found.real_speed > 0


def test_a_dancer_who_shrinks_where_she_stands_has_another_shape(real):
    found = compare(real, changed(real, lambda xy: 0.5 * (xy - (256, 400)) + (256, 400)))
    assert found.shape > 0.03
    # In her own body heights she moves as before.
    assert found.score == pytest.approx(10 * found.shape + 3 * found.place, abs=0.05)


def test_a_dancer_who_floats_is_out_of_place_but_in_shape(real):
    found = compare(real, changed(real, lambda xy: xy - (0, 60)))
    assert found.place > 0.1 and found.shape == pytest.approx(0, abs=1e-4)
    assert found.score == pytest.approx(3 * found.place, abs=0.05)


def test_a_dancer_who_stands_scores_worse_than_one_who_moves_a_little(real):
    still = compare(real, changed(real, lambda xy: np.repeat(xy[:1], len(xy), axis=0)))
    little = compare(real, changed(real, lambda xy: xy[:1] + 0.5 * (xy - xy[:1])))
    assert still.score > little.score + 1 and still.freeze == 1


def test_a_dance_beside_the_beat_scores_worse_than_one_on_it(real):
    period = 0.5
    late = compare(real, real, [beats + period / 4 for beats in BEATS])
    assert late.real_rhythm > 0.1 > late.rhythm and late.score == pytest.approx(2 * (late.real_rhythm - late.rhythm))
    assert compare(real, real, [np.empty(0)] * 3).rhythm == 0
