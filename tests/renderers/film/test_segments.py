"""Which frames of a film are painted, in which segments, and in which words."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.renderers.film.backend import Grid
from dancegen.renderers.film.keyframes import choose_keyframes, even_frames
from dancegen.renderers.film.prompts import PromptSchedule, prompt_weights
from dancegen.renderers.film.segments import crossfade, cut, cut_chained


@pytest.mark.parametrize("bpm", [61.7, 90, 117.3, 128, 174.5, 199])
@pytest.mark.parametrize("fps, key_fps", [(24, 8), (30, 10), (30, 15), (29.97, 8), (60, 12)])
def test_a_key_frame_lies_on_every_beat_and_the_rate_is_kept(bpm, fps, key_fps):
    beats = np.arange(0.31, 20, 60 / bpm)
    keys = choose_keyframes(round(20 * fps), fps, key_fps, beats)
    assert keys[0] == 0 and keys[-1] == round(20 * fps) - 1 and (np.diff(keys) > 0).all()
    on_beats = np.rint(beats * fps).astype(int)
    assert set(on_beats[on_beats < round(20 * fps)]) <= set(keys)
    assert abs(len(keys) / 20 - key_fps) < 0.35 * key_fps
    assert np.diff(keys).max() <= 1.6 * fps / key_fps


def test_without_beats_key_frames_are_even_and_at_the_films_rate_every_frame_is_one():
    assert choose_keyframes(31, 30, 10, np.zeros(0)).tolist() == list(range(0, 31, 3))
    assert choose_keyframes(7, 24, 24, np.array([0.1])).tolist() == list(range(7))
    assert choose_keyframes(1, 30, 10, np.array([])).tolist() == [0]


def test_beats_that_come_faster_than_key_frames_are_not_all_anchors():
    keys = choose_keyframes(300, 30, 2, np.arange(0, 10, 0.2))
    assert np.diff(keys).min() >= 10


def test_a_film_that_goes_on_keeps_its_key_frames_and_segments():
    beats = np.arange(0, 40, 0.47)
    short, long = (choose_keyframes(frames, 30, 10, beats[beats < frames / 30]) for frames in (600, 900))
    assert (long[: len(short) - 8] == short[:-8]).all()
    one, two = (cut(frames, [], [], longest=128, overlap=8, shortest=16) for frames in (300, 400))
    assert one[:2] == two[:2] and one[2] != two[2]


@pytest.mark.parametrize(
    "frames, borders", [(1, []), (5, []), (129, []), (400, [33, 200]), (300, [299]), (50, [0, 60])]
)
def test_segments_cover_every_frame_once_and_share_with_the_one_before(frames, borders):
    pieces = cut(frames, borders, [], longest=128, overlap=8, shortest=16)
    own = [frame for piece in pieces for frame in range(piece.start, piece.stop)]
    assert own == list(range(frames)) and pieces[0].first == 0
    for piece in pieces:
        assert piece.stop - piece.start <= 128 and len(piece) >= min(16, piece.stop)
    for piece in pieces[1:]:
        assert piece.start - piece.first >= min(8, piece.start)
    assert {border for border in borders if 0 < border < frames} <= {piece.start for piece in pieces}


def test_no_segment_sees_frames_of_two_shots():
    cuts = [5, 150, 160]
    pieces = cut(400, [100, 155], cuts, longest=64, overlap=8, shortest=16)
    assert [frame for piece in pieces for frame in range(piece.start, piece.stop)] == list(range(400))
    shots = np.searchsorted(cuts, np.arange(400), side="right")
    for piece in pieces:
        assert set(shots[piece.first : piece.stop]) == {piece.shot}
        assert piece.shared == 0 or piece.start not in cuts
    assert {100, 155, *cuts} <= {piece.start for piece in pieces}
    for piece in pieces:
        shot = max([0, *(cut for cut in cuts if cut <= piece.start)])
        assert piece.shared >= min(8, piece.start - shot)


def test_the_shares_of_a_crossfade_rise_evenly_and_leave_nobody_alone():
    share = crossfade(5)
    assert np.allclose(share, np.arange(1, 6) / 6)


def test_a_prompt_is_one_text_or_several_with_times():
    assert PromptSchedule.parse("a dancer, 3 lights: red").texts == ("a dancer, 3 lights: red",)
    assert PromptSchedule.parse("3 dancers").starts_s == (0.0,)
    found = PromptSchedule.parse("0:00 a ballroom | 0:32 a neon street| 75.5s rain ")
    assert found.texts == ("a ballroom", "a neon street", "rain") and found.starts_s == (0.0, 32.0, 75.5)
    assert PromptSchedule.parse("a ballroom | 1:02.5 rain").starts_s == (0.0, 62.5)


@pytest.mark.parametrize("prompt", ["", " ", "a | b", "0:10 a | 0:10 b", "0:00 a | 0:20 b | 0:10 c", "0:00 a |"])
def test_a_prompt_that_makes_no_sense_is_refused(prompt):
    with pytest.raises(InputError, match="--prompt"):
        PromptSchedule.parse(prompt)


def test_one_prompt_becomes_the_next_over_the_blend():
    shares = PromptSchedule.parse("a | 0:10 b | 0:20 c", 2.0).weights(np.array([0, 9.9, 10, 11, 12, 19, 20.5, 22, 30]))
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.allclose(shares[:, 1], [0, 0, 0, 0.5, 1, 1, 0.75, 0, 0], atol=1e-5)
    assert (shares[:2, 0] == 1).all() and (shares[-2:, 2] == 1).all()
    hard = PromptSchedule.parse("a | 0:10 b", 0).weights(np.array([9.99, 10.0]))
    assert hard.tolist() == [[1, 0], [0, 1]]


def test_a_recipe_names_only_the_words_that_a_stretch_sees():
    schedule = PromptSchedule.parse("a | 0:10 b | 0:20 c", 2.0)
    assert prompt_weights(schedule.texts, schedule.weights(np.arange(0, 9, 0.5))) == [["a", 1.0]]
    assert prompt_weights(schedule.texts, schedule.weights(np.array([11.0, 13.0]))) == [
        ["a", [0.5, 0.0]],
        ["b", [0.5, 1.0]],
    ]


def test_a_model_of_a_fixed_rate_paints_even_frames_and_both_sides_of_each_cut():
    assert even_frames(31, 30, 10).tolist() == [*range(0, 31, 3)]
    assert even_frames(20, 30, 15, cuts=[7]).tolist() == [0, 2, 4, 6, 7, 9, 11, 13, 15, 17, 19]
    assert even_frames(4, 24, 60).tolist() == [0, 1, 2, 3] and even_frames(0, 30, 10).tolist() == []


@pytest.mark.parametrize(
    "frames, borders, cuts", [(1, [], []), (200, [], []), (200, [50, 60], [33]), (90, [], [1, 89])]
)
def test_chained_segments_begin_with_the_last_frames_of_the_one_before_but_not_after_a_cut(frames, borders, cuts):
    grid = Grid(rate=16, longest=30, overlap=6, step=4, rest=1)
    assert [grid.up(count) for count in (1, 2, 5, 29, 30)] == [1, 5, 5, 29, 33] and grid.down(30) == 29
    pieces = cut_chained(frames, borders, cuts, longest=grid.down(grid.longest), overlap=grid.overlap)
    assert [frame for piece in pieces for frame in range(piece.start, piece.stop)] == list(range(frames))
    for before, piece in pairwise(pieces):
        shot = max([0, *(cut for cut in cuts if cut <= piece.start)])
        assert piece.shared == min(6, piece.start - shot) and piece.first >= before.first
    assert all(grid.up(len(piece)) <= grid.longest for piece in pieces)
    assert {*borders, *cuts} <= {piece.start for piece in pieces}
