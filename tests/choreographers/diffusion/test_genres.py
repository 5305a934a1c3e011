"""The diffusion choreographer dances what suits a song, window by window, and goes on with what an edit had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.choreographers.controls import DanceControls
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
from dancegen.choreographers.diffusion.model import save_model
from dancegen.choreographers.diffusion.planning import DancePlan, SampleRequest, Window
from dancegen.choreographers.diffusion.sampling import sample
from dancegen.choreographers.genres import GenreSpan
from dancegen.errors import InputError
from helpers.tiny_diffusion import CONFIG, FPS, model_of_two, song


@pytest.fixture(scope="module")
def dancer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, model_of_two())
    return DiffusionChoreographer(folder)


def numbers(seconds: float) -> np.ndarray:
    heard = song(seconds)
    return music.encode_music(heard.mel, heard.beats, round(seconds * FPS), FPS)


@pytest.mark.parametrize("change", [1, 47, 60, 130, 299])
def test_what_a_window_dances_is_of_one_style_and_every_frame_of_its_own(change):
    styles = np.where(np.arange(300) < change, 1, 2)
    dance = DancePlan(SampleRequest(numbers(10.0), style=styles))
    w, danced = CONFIG.window, np.zeros(300, int)
    for begin, until in dance.plan(w.frames, w.prefix):
        window = Window.of(dance, begin, until, w)
        new = (danced == 0) & (np.arange(300) >= begin) & (np.arange(300) < until)
        danced[new] = window.style
        dance.known[begin:until] = 1
    assert (danced == styles).all()


def test_a_dance_is_the_first_styles_up_to_the_change_and_another_after_it():
    heard, two = numbers(10.0), model_of_two()
    first, both = (sample(two, [SampleRequest(heard, style=s, seed=1)])[0] for s in (1, np.repeat([1, 2], 150)))
    assert np.abs(first[:12] - both[:12]).max() < 1e-6
    assert np.abs(first[150:] - both[150:]).max() > 0.01
    side_by_side = sample(
        two, [SampleRequest(heard, style=np.repeat([1, 2], 150), seed=1), SampleRequest(heard, seed=2)]
    )
    assert np.abs(side_by_side[0] - both).max() < 1e-5


def test_without_a_genre_it_dances_what_its_genres_say_and_with_one_that_throughout(dancer):
    heard = replace(song(8.0), start_s=4.0)
    spans = dancer.genres(heard, DanceControls(), seed=5)
    assert len(spans) == 1 and (spans[0].start_s, spans[0].end_s) == (4.0, 12.0)
    chosen = dancer.dance(heard, DanceControls(), seed=5)
    named = dancer.dance(heard, DanceControls(genre=spans[0].genre), seed=5)
    other = {"stepping": "swaying", "swaying": "stepping"}[spans[0].genre]
    assert np.array_equal(chosen.positions, named.positions)
    assert np.abs(dancer.dance(heard, DanceControls(genre=other), seed=5).positions - named.positions).max() > 0.01
    assert dancer.genres(heard, DanceControls(genre=other), seed=5) == (GenreSpan(4.0, 12.0, other),)
    with pytest.raises(InputError, match="polka"):
        dancer.genres(heard, DanceControls(genre="polka"))
    seeds = {dancer.genres(heard, DanceControls(), seed=seed)[0].genre for seed in range(12)}
    assert seeds == {"stepping", "swaying"}


def test_an_edit_goes_on_with_the_genres_of_the_dance_it_is_made_from(dancer):
    heard = song(8.0)
    old = dancer.dance(heard, DanceControls(genre="swaying"), seed=1)
    for genre in ("stepping", "swaying"):
        danced = (GenreSpan(0.0, 5.0, genre), GenreSpan(5.0, 8.0, "polka"))
        controls = DanceControls(edit=old, keep=((1.0, 2.0),), edited_genres=danced)
        spans = dancer.genres(heard, controls, seed=2)
        assert spans[0].genre == genre and spans[-1].end_s == 8.0
        assert {span.genre for span in spans} <= {"stepping", "swaying"}
        assert len(dancer.dance(heard, controls, seed=2)) == 240
    controls = DanceControls(edit=old, keep=((1.0, 2.0),), edited_genres=danced, genre="stepping")
    assert [span.genre for span in dancer.genres(heard, controls)] == ["stepping"]


def test_a_model_that_does_not_say_what_it_learnt_dances_all_as_one_unless_a_genre_is_named(tmp_path):
    two = model_of_two()
    save_model(tmp_path, replace(two, learnt={"stepping": two.learnt["stepping"]}))
    old, heard = DiffusionChoreographer(tmp_path), song(4.0)
    assert old.genres(heard, DanceControls(), seed=3) == ()
    plain = old.dance(heard, DanceControls(), seed=3).positions
    named = [old.dance(heard, DanceControls(genre=genre), seed=3).positions for genre in two.styles]
    assert all(np.abs(plain - other).max() > 0.001 for other in named)
    edited = DanceControls(edited_genres=(GenreSpan(1.0, 9.0, "swaying"),))
    assert old.genres(heard, edited) == (GenreSpan(1.0, 4.0, "swaying"),)
    assert len(old.dance(heard, edited, seed=3)) == 120
