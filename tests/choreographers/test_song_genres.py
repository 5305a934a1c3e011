"""What is danced to a song that nobody named a genre for: what suits it, and one genre as long as a section lasts."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from dancegen.audio.beats import NO_BEATS, Beats
from dancegen.audio.features import FRAME_RATE
from dancegen.audio.song import SongFeatures
from dancegen.audio.structure import song_sections
from dancegen.choreographers.genres import Genre, GenreSpan, joined, laid_over, read_spans, seconds_of, written
from dancegen.choreographers.song_genres import Mood, choose_genres, mood, suitability
from dancegen.errors import InputError

KNOWN = (
    Genre("calm", 200.0, 90.0, 0.1),
    Genre("usual", 200.0, 115.0, 0.2),
    Genre("wild", 200.0, 140.0, 0.4),
)


def song(form: str, bpm: float = 115.0, start_s: float = 0.0, peaks: int = 4) -> SongFeatures:
    """Sections of 24 beats, each letter with chords of its own, and the louder the later in the alphabet."""
    rng = np.random.default_rng(3)
    scores = {letter: rng.normal(rng.normal(0, 1, 80), 0.7, (24, 80)) for letter in sorted(set(form))}
    for letter, score in scores.items():
        score += 0.15 * (ord(letter) - ord("a")) - score.mean()
    spectra = np.concatenate([scores[letter] for letter in form])
    times = np.arange(len(spectra) + 1) * 60 / bpm
    frames = np.arange(int(times[-1] * FRAME_RATE))
    beat = np.minimum((frames / FRAME_RATE * bpm / 60).astype(int), len(spectra) - 1)
    mel = spectra[beat] - 3 + rng.normal(0, 0.1, (len(frames), 80))
    onset = 0.01 * rng.random(len(frames))
    onset[:: max(1, round(FRAME_RATE / peaks))] = 1
    beats = Beats(times[:-1], bpm, np.ones(len(times) - 1, np.float32))
    return SongFeatures(mel.astype(np.float32), onset.astype(np.float32), beats, float(times[-1]), start_s)


@pytest.mark.parametrize("seed", range(6))
def test_it_changes_at_most_with_the_sections_and_sections_that_repeat_are_danced_alike(seed):
    heard = song("abcabc", start_s=30.0)
    spans = choose_genres(heard, KNOWN, seed)
    assert spans == choose_genres(heard, KNOWN, seed)
    assert (spans[0].start_s, spans[-1].end_s) == (30.0, pytest.approx(30.0 + heard.seconds))
    marks, numbers = song_sections(heard.mel, heard.beats, heard.seconds)
    assert len(set(numbers)) < len(numbers)
    assert {round(span.start_s - 30.0, 6) for span in spans} <= {round(start, 6) for start, _ in marks}
    danced = {}
    for (start, end), number in zip(marks, numbers, strict=True):
        middle = 30.0 + (start + end) / 2
        found = next(span.genre for span in spans if span.start_s <= middle < span.end_s)
        assert danced.setdefault(number, found) == found


def test_seeds_differ_and_mostly_a_song_keeps_a_genre():
    heard = song("abcabc")
    found = [choose_genres(heard, KNOWN, seed) for seed in range(40)]
    assert len({spans[0].genre for spans in found}) > 1
    changes = [len(spans) - 1 for spans in found]
    assert 0 < np.mean(changes) < 2


def test_fast_and_dense_songs_are_danced_livelier_than_slow_and_sparse_ones():
    lively, calm = song("ab", 140.0, peaks=11), song("ab", 90.0, peaks=2)
    assert mood(lively).energy > 0.5 > -0.5 > mood(calm).energy
    for heard, genre in ((lively, "wild"), (calm, "calm")):
        counts = Counter(choose_genres(heard, KNOWN, seed)[0].genre for seed in range(60))
        assert counts[genre] > 30 and counts.most_common()[-1][1] < 15


def test_what_a_model_learnt_longer_it_dances_more_often():
    long, short = Genre("long", 800.0, 115.0, 0.2), Genre("short", 50.0, 115.0, 0.2)
    likely = np.exp(suitability([long, short], Mood(115.0, 0.0)))
    assert likely[0] / likely[1] == pytest.approx(4.0)
    half = suitability([Genre("a", 1.0, 70.0, 0.2), Genre("b", 1.0, 100.0, 0.2)], Mood(140.0, 0.0))
    assert half[0] > half[1] + 1  # half the tempo is the same tempo
    unknown = suitability([Genre("a"), Genre("b", 500.0, 100.0, 0.9)], Mood(140.0, 1.0))
    assert (unknown == 0).all()


def test_songs_without_a_beat_or_sections_and_models_without_genres():
    heard = song("a")
    still = SongFeatures(heard.mel, heard.onset, NO_BEATS, heard.seconds)
    assert len(choose_genres(still, KNOWN, 0)) == 1
    assert choose_genres(heard, KNOWN[:1], 0) == (GenreSpan(0.0, heard.seconds, "calm"),)
    assert choose_genres(heard, (), 0) == ()


def test_a_song_begins_alike_however_much_of_it_is_danced():
    whole = song("abcabc")
    frames = round(20 * FRAME_RATE)
    part = SongFeatures(whole.mel[:frames], whole.onset[:frames], whole.beats.between(0, 20.0), 20.0)
    for seed in range(10):
        assert choose_genres(part, KNOWN, seed)[0].genre == choose_genres(whole, KNOWN, seed)[0].genre


def test_spans_are_joined_laid_over_each_other_summed_and_kept(tmp_path):
    spans = (GenreSpan(10.0, 20.0, "a"), GenreSpan(20.0, 40.0, "b"))
    assert joined([GenreSpan(0, 1, "a"), GenreSpan(1, 2, "a")]) == (GenreSpan(0, 2, "a"),)
    over = laid_over(spans, (GenreSpan(0.0, 15.0, "b"), GenreSpan(30.0, 99.0, "c")))
    assert [(s.start_s, s.end_s, s.genre) for s in over] == [
        (10.0, 15.0, "b"), (15.0, 20.0, "a"), (20.0, 30.0, "b"), (30.0, 40.0, "c"),
    ]  # fmt: skip
    assert seconds_of(over) == {"b": 15.0, "c": 10.0, "a": 5.0}
    (tmp_path / "g.json").write_text(json.dumps(written(over)))
    assert read_spans(tmp_path / "g.json") == over
    for wrong in ("{", "{}", '{"genres": []}', '{"genres": [{"start": 5, "end": 1, "genre": "a"}]}', '{"genres": [3]}'):
        (tmp_path / "g.json").write_text(wrong)
        with pytest.raises(InputError, match=r"g\.json"):
            read_spans(tmp_path / "g.json")


def test_what_was_learnt_from_seconds_alone_is_not_danced_unasked():
    little = Genre("little", 20.0, 115.0, 0.2)
    danced = {span.genre for seed in range(40) for span in choose_genres(song("abab"), (*KNOWN, little), seed)}
    assert danced and "little" not in danced
    assert {span.genre for span in choose_genres(song("abab"), (little,), 0)} == {"little"}
