"""What a painted film is cut into, when it is painted, in which words, and from which noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.renderers.animatediff.noise import frame_noise
from dancegen.renderers.animatediff.settings import Settings, split_options
from dancegen.renderers.film.keyframes import choose_keyframes
from dancegen.renderers.film.prompts import Schedule, used
from dancegen.renderers.film.segments import crossfade, cut, pyramid, settled, windows

SHAPE = (4, 3, 2)


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
    one, two = (cut(frames, [], longest=128, overlap=8, window=16) for frames in (300, 400))
    assert one[:2] == two[:2] and one[2] != two[2]


@pytest.mark.parametrize(
    "frames, borders", [(1, []), (5, []), (129, []), (400, [33, 200]), (300, [299]), (50, [0, 60])]
)
def test_segments_cover_every_frame_once_and_share_with_the_one_before(frames, borders):
    pieces = cut(frames, borders, longest=128, overlap=8, window=16)
    own = [frame for piece in pieces for frame in range(piece.start, piece.stop)]
    assert own == list(range(frames)) and pieces[0].first == 0
    for piece in pieces:
        assert piece.stop - piece.start <= 128 and len(piece) >= min(16, piece.stop)
    for piece in pieces[1:]:
        assert piece.start - piece.first >= min(8, piece.start)
    assert {border for border in borders if 0 < border < frames} <= {piece.start for piece in pieces}


@pytest.mark.parametrize("frames, size, stride", [(1, 16, 12), (16, 16, 12), (17, 16, 4), (136, 16, 12), (40, 32, 31)])
def test_windows_overlap_and_see_every_frame(frames, size, stride):
    found = windows(frames, size, stride)
    seen = np.zeros(frames)
    for first, stop in found:
        assert stop - first == min(size, frames)
        seen[first:stop] += pyramid(stop - first)
    assert (seen > 0).all()
    parts = settled(frames, size, stride)
    assert [frame for part in parts for frame in range(frames)[part]] == list(range(frames))
    for part, later in zip(parts, found[1:], strict=False):  # what is settled is seen by no later window
        assert part.stop <= later[0]
    assert all(later[0] - earlier[0] <= stride for earlier, later in pairwise(found))


def test_the_shares_of_a_crossfade_rise_evenly_and_leave_nobody_alone():
    share = crossfade(5)
    assert np.allclose(share, np.arange(1, 6) / 6)


def test_noise_is_a_function_of_seed_and_frame_whatever_the_film_is_cut_into():
    whole = frame_noise(7, 0, 90, SHAPE, window=16, stride=6)
    part = frame_noise(7, 41, 66, SHAPE, window=16, stride=6)
    assert (whole[41:66] == part).all()
    assert not (frame_noise(8, 0, 90, SHAPE, window=16, stride=6) == whole).any()


def test_noise_is_the_first_windows_shuffled_within_strides():
    noise = frame_noise(3, 0, 160, SHAPE, window=16, stride=6).numpy()
    first = noise[:16]
    assert abs(first.mean()) < 0.2 and abs(first.std() - 1) < 0.2
    orders = []
    for turn in range(1, 10):
        block = noise[16 * turn : 16 * (turn + 1)]
        order = [int(np.flatnonzero((first == frame).all(axis=(1, 2, 3)))[0]) for frame in block]
        for unit in (order[:6], order[6:12], order[12:]):
            assert sorted(unit) == list(range(min(unit), min(unit) + len(unit)))
        assert sorted(order) == list(range(16))
        orders.append(tuple(order))
    assert len(set(orders)) > 5


def test_a_prompt_is_one_text_or_several_with_times():
    assert Schedule.parse("a dancer, 3 lights: red").texts == ("a dancer, 3 lights: red",)
    assert Schedule.parse("3 dancers").starts_s == (0.0,)
    found = Schedule.parse("0:00 a ballroom | 0:32 a neon street| 75.5s rain ")
    assert found.texts == ("a ballroom", "a neon street", "rain") and found.starts_s == (0.0, 32.0, 75.5)
    assert Schedule.parse("a ballroom | 1:02.5 rain").starts_s == (0.0, 62.5)


@pytest.mark.parametrize("prompt", ["", " ", "a | b", "0:10 a | 0:10 b", "0:00 a | 0:20 b | 0:10 c", "0:00 a |"])
def test_a_prompt_that_makes_no_sense_is_refused(prompt):
    with pytest.raises(InputError, match="--prompt"):
        Schedule.parse(prompt)


def test_one_prompt_becomes_the_next_over_the_blend():
    shares = Schedule.parse("a | 0:10 b | 0:20 c", 2.0).weights(np.array([0, 9.9, 10, 11, 12, 19, 20.5, 22, 30]))
    assert np.allclose(shares.sum(axis=1), 1)
    assert np.allclose(shares[:, 1], [0, 0, 0, 0.5, 1, 1, 0.75, 0, 0], atol=1e-5)
    assert (shares[:2, 0] == 1).all() and (shares[-2:, 2] == 1).all()
    hard = Schedule.parse("a | 0:10 b", 0).weights(np.array([9.99, 10.0]))
    assert hard.tolist() == [[1, 0], [0, 1]]


def test_a_recipe_names_only_the_words_that_a_stretch_sees():
    schedule = Schedule.parse("a | 0:10 b | 0:20 c", 2.0)
    assert used(schedule.texts, schedule.weights(np.arange(0, 9, 0.5))) == [["a", 1.0]]
    assert used(schedule.texts, schedule.weights(np.array([11.0, 13.0]))) == [["a", [0.5, 0.0]], ["b", [0.5, 1.0]]]


def test_fast_mode_fills_in_what_is_not_chosen():
    usual, fast = Settings.of({}), Settings.of({"fast": True})
    assert (usual.sampler, usual.steps, usual.guidance) == ("dpm++", 20, 7.5) and usual.lora == ()
    assert (fast.sampler, fast.steps) == ("lcm", 6) and "AnimateLCM" in fast.motion_adapter and fast.lora
    own = Settings.of({"fast": True, "motion_adapter": "me/mine", "steps": 4, "lora": ["me/l=0.5"]})
    assert (own.motion_adapter, own.steps, own.lora) == ("me/mine", 4, ("me/l=0.5",))


def test_options_are_sorted_into_what_changes_pixels_and_what_does_not():
    settings, execution = split_options({"steps": 7, "vram": "12", "offline": True})
    assert settings.steps == 7 and execution.vram == "12" and execution.offline
    with pytest.raises(TypeError, match="stepz"):
        split_options({"stepz": 7})
