"""Pairing: which songs a take is danced to, and from where in them."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest

from dancegen.dataset.pairing import MeasuredTake, OwnSong, choose_pairings, clip_beats


@dataclasses.dataclass(frozen=True)
class _Song:
    name: str
    seconds: float
    beats: object

    @property
    def digest(self):
        return self.name


def _songs(*tempi, seconds=60.0):
    from dancegen.audio.beats import Beats

    return [
        _Song(f"{bpm}", seconds, Beats(np.arange(0, 60, 60 / bpm), float(bpm), np.ones(int(np.ceil(bpm)), np.float32)))
        for bpm in tempi
    ]


def _take(name, step_s, seconds=20.0):
    from dancegen.motion.time_warp import DanceEvents

    return MeasuredTake(
        name, name, name, None, 2.0 + seconds, ((1.0, 1.0 + seconds),), DanceEvents(np.array([]), np.array([]), step_s)
    )


def test_songs_that_suit_the_steps_come_first_and_take_turns():
    songs = _songs(84, 86, 118, 120, 122, 140)
    dances = choose_pairings([_take(f"t{i}", 0.5) for i in range(6)], songs, 2, seed=1)
    used = [order.song.name for order in dances]
    assert set(used) == {"118", "120", "122"} and all(used.count(name) == 4 for name in set(used))
    again, other = (choose_pairings([_take(f"t{i}", 0.5) for i in range(6)], songs, 2, seed=s) for s in (1, 2))
    assert [(d.song.name, d.song_start) for d in again] == [(d.song.name, d.song_start) for d in dances]
    assert [d.song_start for d in other] != [d.song_start for d in dances]


def test_more_pairs_than_songs_dance_to_a_song_again_from_elsewhere():
    dances = choose_pairings([_take("t", 0.5)], _songs(120), 3, seed=0)
    assert len({order.song_start for order in dances}) == 3 and len({order.id for order in dances}) == 3
    # Each start leaves room for the whole dance, and lies on a spectrogram frame.
    assert all(0 <= order.song_start <= 60 - 20 for order in dances)
    assert all(abs(order.song_start * 90 - round(order.song_start * 90)) < 1e-6 for order in dances)


def test_no_name_of_a_pairing_comes_twice_however_long_the_takes():
    takes = [_take("t", 0.5, seconds=60.0 * parts) for parts in (28, 700)]
    takes[1] = dataclasses.replace(takes[1], name="t-0")
    names = [order.id for order in choose_pairings(takes, _songs(120, seconds=80), 101, seed=0)]
    clips = [f"{name}{number:02d}" for name in names for number in (0, 9, 10, 100)]
    assert len(set(clips)) == 4 * 101 * 728


def test_a_long_take_is_danced_to_several_songs():
    dances = choose_pairings([_take("t", 0.5, seconds=150.0)], _songs(120), 1, seed=0)
    assert [order.span for order in dances] == [(1.0, 51.0), (51.0, 101.0), (101.0, 151.0)]


def test_a_take_of_more_than_26_spans_has_a_name_for_each_of_them():
    dances = choose_pairings([_take("t", 0.5, seconds=60.0 * 60)], _songs(120, seconds=80), 1, seed=0)
    names = [pairing.id.removeprefix("t-00") for pairing in dances]
    assert len(set(names)) == len(names) == 60 and names[:2] == ["a", "b"] and names[25:28] == ["z", "ba", "bb"]


def test_a_clips_beats_count_from_its_start():
    beats = clip_beats(_songs(120)[0].beats, 10.25, 2.0)
    np.testing.assert_allclose(beats.times_s, [0.25, 0.75, 1.25, 1.75])
    assert len(beats.strength) == 4 and beats.tempo_bpm == 120


def test_a_song_that_is_too_short_for_a_dance_is_danced_to_again_and_nothing_of_the_dance_is_lost():
    short = dataclasses.replace(_songs(120)[0], seconds=20.0)
    dances = choose_pairings([_take("t", 0.5, seconds=47.0)], [short], 2, seed=0)
    assert len({order.id for order in dances}) == len(dances) == 6
    for pair in ("t-00", "t-01"):
        spans = [order.span for order in dances if order.id.startswith(pair)]
        assert spans[0][0] == 1.0 and spans[-1][1] == 48.0
        assert all(before[1] == after[0] for before, after in pairwise(spans))
    assert all(order.song_start + 1.1 * (order.span[1] - order.span[0]) <= 20.0 for order in dances)
    tiny = dataclasses.replace(short, seconds=3.0)
    assert len(choose_pairings([_take("t", 0.5, seconds=4.0)], [tiny], 1, seed=0)) == 1


def test_every_span_of_a_take_with_gaps_is_danced():
    take = dataclasses.replace(_take("t", 0.5), spans=((0.0, 4.0), (6.5, 30.0)))
    assert [order.span for order in choose_pairings([take], _songs(120), 1, seed=0)] == [(0.0, 4.0), (6.5, 30.0)]
    (song,) = _songs(120)
    own = dataclasses.replace(take, song=OwnSong(song.digest, 2.0))
    found = choose_pairings([own], [], 1, seed=0, own_songs=[song])
    assert [order.song_start for order in found] == pytest.approx([2.0, 8.5])
    assert len({order.id for order in found}) == 2
