"""Bars and metres of songs in three, four and six, with swing, pickups, pauses, and tempi that change."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import soxr

from dancegen.audio.bars import with_bars
from dancegen.audio.beats import NO_BEATS, Beats, bar_lines
from dancegen.audio.features import log_mel, onset_envelope
from dancegen.audio.load import SAMPLE_RATE, load
from dancegen.audio.synth.song_maker import Song, SongSpec, synthesise
from dancegen.audio.tracker import track_beats


def listened(samples: np.ndarray) -> Beats:
    """Beats and bars of mono samples at 22,050 Hz."""
    mel = log_mel(samples.astype(np.float32))
    return with_bars(track_beats(onset_envelope(mel), mel), mel)


def mono(song: Song) -> np.ndarray:
    return soxr.resample(song.samples.mean(axis=1), 44_100, SAMPLE_RATE)


def f_measure(found: np.ndarray, truth: np.ndarray) -> float:
    """Of times within 70 ms."""
    hits = sum(bool(len(found) and np.abs(found - time).min() <= 0.07) for time in truth)
    return 2 * hits / (len(found) + len(truth))


def beats_at(times_s: np.ndarray) -> Beats:
    return Beats(times_s, 120.0, np.ones(len(times_s), np.float32))


@pytest.mark.parametrize("pickup", [0, 1])
@pytest.mark.parametrize(
    "pattern, metre, tempo, written",
    [
        ("waltz", 3, 108, "3/4"), ("slow-waltz", 3, 84, "3/4"), ("mazurka", 3, 132, "3/4"),
        ("ballad", 4, 80, "4/4"), ("hip-hop", 4, 92, "4/4"), ("trap", 4, 76, "4/4"),
        ("tarantella", 6, 132, "6/8"),
    ],
)  # fmt: skip
def test_bars_of_three_four_and_six_are_found_wherever_a_song_begins(pattern, metre, tempo, written, pickup):
    song = synthesise(SongSpec(tempo=tempo, metre=metre, pattern=pattern, seconds=20, seed=11, pickup=pickup))
    beats = listened(mono(song))
    assert beats.metre == written
    assert f_measure(beats.downbeats_s, song.downbeats_s) > 0.9


@pytest.mark.parametrize("tempo, seed", [(127, 138), (140, 3)])
def test_swing_is_in_four_and_not_in_six(tempo, seed):
    song = synthesise(SongSpec(tempo=tempo, pattern="swing", seconds=20, seed=seed))
    beats = listened(mono(song))
    assert beats.metre == "4/4" and f_measure(beats.downbeats_s, song.downbeats_s) > 0.9


def test_a_shuffle_has_its_beats_and_not_its_upbeats():
    song = synthesise(SongSpec(tempo=96, pattern="shuffle", seconds=20, seed=140))
    beats = listened(mono(song))
    assert beats.metre == "4/4" and f_measure(beats.times_s, song.beats_s) > 0.9


@pytest.mark.parametrize("tempo", [105, 124.8])
def test_beats_of_a_jig_are_on_the_kick_and_not_on_the_eighth_before_it(tempo):
    song = synthesise(SongSpec(tempo=tempo, metre=6, pattern="jig", seconds=20, seed=152))
    beats = listened(mono(song))
    assert f_measure(beats.times_s, song.beats_s) > 0.9


def test_a_song_that_becomes_faster_keeps_its_bars():
    song = synthesise(SongSpec(tempo=100, tempo_end=130, pattern="hip-hop", seconds=40, seed=2, swing=0.0))
    beats = listened(mono(song))
    assert f_measure(beats.times_s, song.beats_s) > 0.9
    assert beats.metre == "4/4" and f_measure(beats.downbeats_s, song.downbeats_s) > 0.9


@pytest.mark.parametrize("name", ["drums-rock1", "drums-rock2"])
def test_recorded_drums_have_their_downbeats(shared_data, name):
    truth = json.loads((shared_data / "music" / f"{name}.beats.json").read_text())
    beats = listened(load(shared_data / "music" / f"{name}.ogg"))
    assert beats.metre == "4/4" and f_measure(beats.downbeats_s, np.array(truth["downbeats"])) > 0.9


def test_real_waltzes_are_in_three_and_rumbas_in_four(shared_data):
    takes = ("DANCE_W_12", "DANCE_W_22", "DANCE_W_31", "DANCE_R_4", "DANCE_R_8")
    right = 0
    for take in takes:
        beats = listened(load(shared_data / "tang2018" / take / "audio.ogg")[: 40 * SAMPLE_RATE])
        right += beats.metre == ("3/4" if "_W_" in take else "4/4")
    assert right >= 4


def test_a_beat_that_was_missed_costs_one_bar():
    song = synthesise(SongSpec(tempo=92, pattern="hip-hop", seconds=30, seed=11))
    mel = log_mel(mono(song).astype(np.float32))
    heard = with_bars(beats_at(np.delete(song.beats_s, 18)), mel)
    assert heard.metre == "4/4" and f_measure(heard.downbeats_s, song.downbeats_s) > 0.9


def test_bars_begin_anew_after_a_pause():
    song = synthesise(SongSpec(tempo=92, pattern="hip-hop", seconds=20, seed=11))
    samples, gap = mono(song), 2.9
    later = len(samples) / SAMPLE_RATE + gap
    twice = np.concatenate([samples, np.zeros(round(gap * SAMPLE_RATE)), samples])
    heard = with_bars(beats_at(np.concatenate([song.beats_s, song.beats_s + later])), log_mel(twice.astype(np.float32)))
    assert f_measure(heard.downbeats_s, np.concatenate([song.downbeats_s, song.downbeats_s + later])) > 0.95


@pytest.mark.parametrize("count", [1, 2, 7, 12])
def test_downbeats_are_beats_and_few_beats_are_counted_in_fours(count):
    mel = np.random.default_rng(0).normal(-3, 1, (900, 80)).astype(np.float32)
    beats = with_bars(beats_at(np.arange(1, count + 1) * 0.5), mel)
    assert beats.metre and len(beats.downbeats_s) and np.isin(beats.downbeats_s, beats.times_s).all()
    assert count > 7 or beats.downbeats_s.tolist() == beats.times_s[::4].tolist()


def test_without_beats_there_are_no_bars():
    found = with_bars(NO_BEATS, np.full((900, 80), -6, np.float32))
    assert found.metre == "" and len(found.downbeats_s) == 0


def test_bars_of_two_beats_are_counted_in_pairs():
    times, mel = np.arange(0, 12, 0.5), np.zeros((1200, 80), np.float32)
    six = replace(beats_at(times), downbeats_s=times[1::2], metre="6/8")
    assert bar_lines(six, mel) == pytest.approx(times[1::4])
    waltz = replace(beats_at(times), downbeats_s=times[2::3], metre="3/4")
    assert bar_lines(waltz, mel) == pytest.approx(times[2::3])
