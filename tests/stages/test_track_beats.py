"""A part of a song has the beats that the song has there; they are heard once, and people can say what they are."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile

from dancegen import evaluate, generate_poses
from dancegen.audio.beats import Beats
from dancegen.audio.load import probe
from dancegen.audio.song import analyse, find_beats
from dancegen.audio.synth.song_maker import SongSpec, synthesise
from dancegen.audio.trackers import BUILT_IN_TRACKER, choose_tracker
from dancegen.context import Context
from dancegen.errors import InputError, NotFoundError
from dancegen.stages.songs import SongFile
from dancegen.stages.track_beats import STAGE, beats_of_song
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.songs import clicks, write_song
from helpers.tiny_beat_this import save_tiny
from helpers.tiny_gan import tiny_model


@pytest.fixture(scope="module")
def model(place):
    return tiny_model(place / "model")


@pytest.fixture(scope="module")
def song(place):
    """Half a minute of reggaeton, in parts of which other tempi are heard."""
    made = synthesise(SongSpec(tempo=95, pattern="reggaeton", seconds=30, seed=3))
    soundfile.write(place / "song.flac", made.samples, 44_100)
    return place / "song.flac"


@pytest.fixture(scope="module")
def whole(song):
    return analyse(song).beats


def dance(song, model, place, **options) -> tuple[Beats, dict]:
    made = generate_poses(song, model=model, canvas="64x64", fps=2, store=place / "store", **options)
    return Beats.load(made.file("beats.json")), dict(made.summary)


@pytest.mark.parametrize(
    "start, seconds", [(0, None), (0, 5), (3.3, 4), (7.25, 12.5), (17, 30), (21.6, 1), (28.5, 1.5)]
)
def test_the_beats_of_a_part_are_the_songs_beats_in_it(song, model, place, whole, start, seconds):
    beats, _ = dance(song, model, place, start=start, seconds=seconds)
    end = min(30.0, start + (seconds or 30.0))
    expected = whole.times_s[(whole.times_s >= start) & (whole.times_s < end - 1e-3)] - start
    assert beats.times_s == pytest.approx(expected, abs=2e-5) and beats.start_s == start
    assert len(beats.times_s) > 0 and beats.tempo_bpm == pytest.approx(whole.tempo_bpm, rel=0.02)


def test_a_song_is_tracked_once_whatever_is_danced_of_it_and_by_whom(place, model, monkeypatch):
    from dancegen.audio import song as listening

    tracked, track = [], listening.track_beats
    monkeypatch.setattr(listening, "track_beats", lambda *given: tracked.append(1) or track(*given))
    path, store = write_song(place / "once.wav", 12.0), place / "once"
    for start in (0, 2, 5):
        generate_poses(path, model=model, canvas="64x64", fps=2, start=start, seconds=3, store=store)
    evaluate([model], songs=path, start=4, seconds=5, store=store)
    assert len(tracked) == 1 and len(open_store(store).artifacts(STAGE)) == 1
    generate_poses(path, model=model, canvas="64x64", fps=2, seconds=3, tempo=60, store=store)
    assert len(tracked) == 2


def test_a_tempo_and_beats_that_are_given_are_danced_to(song, model, place, whole):
    half, _ = dance(song, model, place, seconds=8, tempo=whole.tempo_bpm / 2)
    assert half.tempo_bpm == pytest.approx(whole.tempo_bpm / 2, rel=0.03)
    (place / "mine.txt").write_text("\n".join(f"{time:.3f}" for time in np.arange(0.3, 30, 0.71)))
    mine, summary = dance(song, model, place, start=5, seconds=8, beats=place / "mine.txt")
    assert mine.times_s == pytest.approx(np.arange(0.27, 7.9, 0.71), abs=2e-3)
    assert summary["tempo_bpm"] == pytest.approx(60 / 0.71, abs=0.1)
    made = generate_poses(song, model=model, canvas="64x64", fps=2, start=5, seconds=8, beats=place / "mine.txt",
                          store=place / "store")  # fmt: skip
    assert made.cached
    for earlier in (made.path, made.digest[:12], made.file("beats.json")):
        again, _ = dance(song, model, place, start=7, seconds=4, beats=earlier)
        assert again.times_s == pytest.approx(np.arange(0.4, 3.99, 0.71), abs=2e-3)


def test_bars_are_kept_with_the_beats_and_told(place, model):
    made = synthesise(SongSpec(tempo=108, metre=3, pattern="waltz", seconds=20, seed=11, pickup=1))
    soundfile.write(place / "waltz.flac", made.samples, 44_100)
    beats, summary = dance(place / "waltz.flac", model, place, start=4, seconds=9)
    assert beats.metre == summary["metre"] == "3/4" and summary["bars"] == len(beats.downbeats_s) >= 4
    expected = made.downbeats_s[(made.downbeats_s >= 4) & (made.downbeats_s < 13)] - 4
    assert beats.downbeats_s == pytest.approx(expected, abs=0.05)
    numbers = "\n".join(f"{time:.3f} {n % 2 + 1}" for n, time in enumerate(np.arange(0.3, 19, 0.5)))
    (place / "two.beats").write_text(numbers)
    given, summary = dance(place / "waltz.flac", model, place, start=4, seconds=9, beats=place / "two.beats")
    assert summary["metre"] == "2/4" and np.diff(given.downbeats_s) == pytest.approx(1.0)
    (place / "plain.txt").write_text("\n".join(line.split()[0] for line in numbers.splitlines()))
    guessed, summary = dance(place / "waltz.flac", model, place, start=4, seconds=9, beats=place / "plain.txt")
    assert summary["metre"] and np.isin(guessed.downbeats_s, guessed.times_s).all()


def test_another_tracker_hears_the_beats_of_a_dance(place, model, song):
    pytest.importorskip("beat_this")
    weights = save_tiny(place / "tiny.ckpt")
    usual, _ = dance(song, model, place, start=2, seconds=5)
    other, _ = dance(song, model, place, start=2, seconds=5, beat_tracker=weights, offline=True)
    whole = find_beats(probe(song), tracker=choose_tracker(weights))
    assert other.times_s == pytest.approx(whole.between(2, 7).times_s, abs=2e-5)
    assert other.times_s.tolist() != usual.times_s.tolist()
    for options, words in (
        ({"beat_tracker": "beat-that"}, "did you mean beat-this"),
        ({"beat_tracker": weights, "tempo": 100}, "--tempo is a hint"),
        ({"beat_tracker": weights, "beats": place / "tiny.txt"}, "--beat-tracker is for beats that are heard"),
    ):
        with pytest.raises(InputError, match=words):
            dance(song, model, place, start=2, seconds=5, **options)


def test_what_cannot_be_danced_to_is_said_before_anything_is_made(song, model, place):
    (place / "late.txt").write_text("100\n101\n")
    (place / "words.txt").write_text("la\nla\n")
    for options, words in (
        ({"beats": place / "late.txt"}, "none from 0.0 to 30.0 s"),
        ({"beats": place / "words.txt"}, "words.txt is not a list of beats"),
        ({"beats": place}, "holds no beats.json"),
        ({"beats": place / "mine.txt", "tempo": 100}, "choose one of the two"),
        ({"tempo": 20}, "--tempo 20"),
        ({"tempo": "fast"}, "--tempo fast"),
    ):
        with pytest.raises(InputError, match=words):
            dance(song, model, place, **options)
    with pytest.raises(NotFoundError, match=r"--beats nothing\.txt"):
        dance(song, model, place, beats="nothing.txt")


def test_a_song_without_a_beat_is_said_to_have_none(place, model):
    soundfile.write(place / "silence.wav", np.zeros(10 * 22_050, np.float32), 22_050)
    heard = Listener()
    made = generate_poses(place / "silence.wav", model=model, canvas="64x64", store=place / "store", progress=heard)
    assert "no steady beat was heard" in made.summary["verdict"] and "no steady beat" in made.summary["timing"]
    assert any("--tempo BPM" in said and "--beats FILE" in said for said in heard.warned)
    figures = evaluate([made], store=place / "store")
    record = json.loads(figures.file("metrics.json").read_text())
    row = next(row for row in record["rows"] if row["name"].startswith("silence"))
    assert any("no steady beat" in note for note in row["notes"])


def test_the_beats_of_a_song_are_kept_for_all(place):
    times = np.arange(0.5, 9.5, 0.5)
    soundfile.write(place / "clicks.wav", clicks(times, 10), 22_050)
    context = Context(open_store(place / "kept"))
    first = beats_of_song(SongFile(place / "clicks.wav"), context, BUILT_IN_TRACKER)
    assert first.times_s == pytest.approx(times, abs=0.03)
    assert np.array_equal(
        beats_of_song(SongFile(place / "clicks.wav"), context, BUILT_IN_TRACKER).times_s, first.times_s
    )
