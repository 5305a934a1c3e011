"""A chorus that returns is heard as one, and nothing else is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from dancegen.audio.beats import NO_BEATS, Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.audio.structure import merged, repeated_sections, song_sections
from helpers.processes import run_python

BEAT_S = 0.5


def _song(form: str, beats_a_section: int = 32, seed: int = 0) -> tuple[np.ndarray, Beats]:
    """Each letter is a section with chords and a level of its own, in a little noise."""
    rng = np.random.default_rng(seed)
    scores = {letter: rng.normal(rng.normal(0, 1, 80), 0.7, (beats_a_section, 80)) for letter in sorted(set(form))}
    spectra = np.concatenate([scores[letter] for letter in form])
    times = 0.2 + np.arange(len(spectra)) * BEAT_S
    frames = np.arange(int((times[-1] + BEAT_S) * FRAME_RATE))
    mel = spectra[np.clip(((frames / FRAME_RATE - 0.2) / BEAT_S).astype(int), 0, len(spectra) - 1)] - 3
    return mel + rng.normal(0, 0.2, mel.shape), Beats(times, 120.0, np.ones(len(times), np.float32))


def test_a_chorus_that_comes_back_is_found_with_its_source():
    mel, beats = _song("abcb")
    found = repeated_sections(mel, beats)
    assert len(found) >= 1
    covered = np.zeros(len(beats.times_s), bool)
    for one in found:
        assert abs((one.first - one.source) - 64) <= 1
        covered[one.first : one.last] = True
    assert covered[100:124].all() and not covered[:92].any()
    start, _ = found[0].span(beats)
    assert found[0].source_times(np.array([start + 3.0]), beats)[0] == pytest.approx(start + 3.0 - 32.0, abs=0.01)


@pytest.mark.parametrize("bar, first", [(3, 0), (3, 2), (4, 1)])
def test_sections_begin_on_bars_of_any_length(bar, first):
    mel, beats = _song("abcb", 36)
    barred = replace(beats, downbeats_s=beats.times_s[first::bar], metre=f"{bar}/4")
    found = repeated_sections(mel, barred)
    assert found and all(one.first % bar == first for one in found)
    assert all(one.source == 0 or one.source % bar == first for one in found)


def test_a_song_that_never_repeats_and_one_without_beats_have_none():
    assert repeated_sections(*_song("abcd")) == []
    mel, _ = _song("abab")
    assert repeated_sections(mel, NO_BEATS) == []
    assert repeated_sections(*_song("a", 8)) == []


def test_all_sections_of_a_song_are_named_alike_where_they_sound_alike():
    mel, beats = _song("abcb")
    marks, numbers = song_sections(mel, beats, 65.0)
    assert marks[0][0] == 0 and marks[-1][1] == 65.0
    assert all(end == start for (_, end), (start, _) in pairwise(marks))
    assert all(start in beats.times_s for start, _ in marks[1:])
    at = dict(zip((start for start, _ in marks), numbers, strict=True))

    def number(moment):
        return at[max(start for start in at if start <= moment)]

    assert number(52.0) == number(20.0) and len({number(5.0), number(20.0), number(36.0)}) == 3
    assert song_sections(mel, NO_BEATS, 65.0) == ([(0.0, 65.0)], [0])


@pytest.mark.parametrize("count", [1, 2, 5, 17])
def test_neighbours_are_merged_as_librosa_merges_them(count):
    from librosa.segment import agglomerative

    rng = np.random.default_rng(count)
    for length in (17, 60, 400):
        drifting = rng.normal(0, 1, (length, 8)) + np.cumsum(rng.normal(0, 0.3, (length, 8)), axis=0)
        assert merged(drifting, count) == agglomerative(drifting.T, count).tolist()
        assert (
            merged(drifting.astype(np.float32), count) == agglomerative(drifting.astype(np.float32).T, count).tolist()
        )
    assert merged(np.zeros((3, 2)), 9) == [0, 1, 2]


def test_a_song_is_divided_without_libraries_that_take_long_to_import():
    code = """
import sys
import numpy as np
from dancegen.audio.beats import Beats
from dancegen.audio.structure import song_sections

times = np.arange(0.2, 60.0, 0.5)
mel = np.random.default_rng(0).normal(0, 1, (90 * 61, 80))
sections, _ = song_sections(mel, Beats(times, 120.0, np.ones(len(times), np.float32)), 61.0)
assert len(sections) > 1, sections
print([name for name in ("librosa", "numba", "sklearn", "scipy") if name in sys.modules])
"""
    assert run_python("-c", code).stdout.strip() == "[]"
