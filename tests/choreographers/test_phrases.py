"""Phrases: when a dance changes its style, and how it follows the music's loudness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.audio.beats import Beats
from dancegen.audio.song import SongFeatures
from dancegen.choreographers.phrases import FOLLOWS, drawn, followed, held, loudness, phrases


def song(seconds: float, beats: np.ndarray, loud=lambda t: 0 * t) -> SongFeatures:
    times = np.arange(round(seconds * 90)) / 90
    mel = np.repeat(loud(times)[:, None], 80, 1).astype(np.float32)
    return SongFeatures(mel, np.zeros(len(times)), Beats(beats, 120.0, np.ones(len(beats), np.float32)), seconds)


def test_a_phrase_lasts_eight_beats_and_no_pause_makes_one_longer_than_ten_seconds():
    steady = phrases(song(20.0, np.arange(0.25, 20, 0.5)))
    assert steady == pytest.approx([0, 0.25, 4.25, 8.25, 12.25, 16.25])
    paused = phrases(song(40.0, np.concatenate([np.arange(0, 4, 0.5), np.arange(32, 40, 0.5)])))
    assert np.diff([*paused, 40.0]).max() <= 10
    assert phrases(song(12.0, np.zeros(0))) == pytest.approx([0, 4, 8])


@pytest.mark.parametrize("bar, phrase", [(3, 6), (2, 8), (4, 8), (6, 6), (5, 10)])
def test_phrases_begin_on_bars_of_any_length(bar, phrase):
    beats = np.arange(0.25, 30, 0.5)
    heard = song(30.0, beats)
    barred = replace(heard.beats, downbeats_s=beats[1::bar], metre=f"{bar}/4")
    marks = phrases(replace(heard, beats=barred))
    assert marks[0] == 0 and marks[1:] == pytest.approx(beats[1::phrase])


def test_what_is_drawn_for_a_phrase_does_not_hang_on_how_many_follow():
    assert np.array_equal(drawn(5, 9, 3)[:4], drawn(5, 4, 3))
    assert not np.array_equal(drawn(5, 4, 3), drawn(6, 4, 3))


def test_styles_are_normal_and_balance_within_four_phrases():
    styles = drawn(3, 4000, 2)
    assert styles.mean(0) == pytest.approx([0, 0], abs=0.03) and styles.std(0) == pytest.approx([1, 1], abs=0.03)
    assert np.abs(styles.reshape(-1, 4, 2).mean(1)).std() < 0.25  # 0.5 by chance
    assert abs(np.corrcoef(styles.T)[0, 1]) < 0.05


def test_liveliness_follows_loudness_and_keeps_its_spread():
    rng = np.random.default_rng(0)
    lively, loud = np.array([0.6, 0.8]), rng.standard_normal(20000)
    styles = followed(drawn(1, 20000, 2), lively, loud)
    along, across = styles @ lively, styles @ np.array([0.8, -0.6])
    assert np.corrcoef(along, loud)[0, 1] == pytest.approx(FOLLOWS, abs=0.03)
    assert along.std() == pytest.approx(1, abs=0.03) and across.std() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(across, loud)[0, 1]) < 0.03


def test_twice_as_loud_as_before_is_one_and_the_first_phrase_none():
    heard = song(16.0, np.zeros(0), lambda t: np.where(t < 8, 0.0, np.log10(2)))
    assert loudness(heard, np.array([0.0, 4, 8]))[:2] == pytest.approx([0, 0])
    assert loudness(heard, np.array([0.0, 4, 8]))[2] == pytest.approx(2 / 3, abs=0.01)  # of its mean with those before


def test_a_style_is_kept_up_and_turns_smoothly_into_the_next():
    heard = song(12.0, np.zeros(0))
    kept = held(heard, phrases(heard), np.array([[1.0], [3.0], [2.0]]), np.array([0.6, 3.9, 4.25, 4.6, 7.9, 11.9]))
    assert kept[:, 0] == pytest.approx([1, 1, 2, 3, 3, 2])
