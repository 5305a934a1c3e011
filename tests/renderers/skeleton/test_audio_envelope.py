"""A song as envelope: flashes on the beats, levels that follow the sound."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.audio.beats import Beats
from dancegen.audio.features import log_mel, onset_envelope
from dancegen.audio.song import SongFeatures
from dancegen.renderers.skeleton.audio_envelope import N_BANDS, AudioEnvelope


def features(samples) -> SongFeatures:
    mel = log_mel(samples)
    beats = Beats(np.array([0.5, 1.0, 1.5]), 120.0, np.ones(3, np.float32))
    return SongFeatures(mel, onset_envelope(mel), beats, len(samples) / 22_050)


def clicks(seconds=2.0, period=0.5, rate=22_050) -> np.ndarray:
    samples = np.zeros(round(seconds * rate), np.float32)
    for start in np.arange(period, seconds - 0.05, period):
        at = round(start * rate)
        samples[at : at + 1000] = np.sin(np.arange(1000) * 0.3) * np.exp(-np.arange(1000) / 200)
    return samples


def test_the_pulse_peaks_at_each_beat_and_dies_before_the_next():
    envelope = AudioEnvelope.of(features(clicks()))
    at, between = envelope.sampled([0.5, 1.0, 1.5]), envelope.sampled([0.94, 1.44])
    assert all(moment.pulse == pytest.approx(1.0) for moment in at)
    assert all(moment.pulse < 0.2 for moment in between)


def test_moments_know_how_long_ago_the_last_beats_were():
    (moment,) = AudioEnvelope.of(features(clicks())).sampled([1.2])
    assert moment.ages[:2] == pytest.approx([0.2, 0.7])
    assert np.isinf(moment.ages[2])


def test_given_beats_replace_those_of_the_song():
    given = Beats(np.array([0.8]), 60.0, np.ones(1, np.float32))
    envelope = AudioEnvelope.of(features(clicks()), given)
    assert envelope.sampled([0.8])[0].pulse == pytest.approx(1.0)
    assert envelope.sampled([0.5])[0].pulse < 0.1


def test_levels_follow_the_sound():
    loud = np.random.default_rng(0).standard_normal(22_050 * 2).astype(np.float32) * 0.3
    loud[:22_050] = 0
    envelope = AudioEnvelope.of(features(loud))
    quiet, noisy = envelope.sampled([0.5, 1.6])
    assert quiet.energy < 0.1 < 0.8 < noisy.energy
    assert quiet.bands.max() < 0.1 < 0.5 < noisy.bands.mean()
    assert noisy.bands.shape == (N_BANDS,)


def test_silence_is_dark_and_never_breaks():
    envelope = AudioEnvelope.of(
        features(np.zeros(22_050, np.float32)), Beats(np.zeros(0), 0.0, np.zeros(0, np.float32))
    )
    for moment in [*envelope.sampled([0.0, 0.5, 99.0]), *AudioEnvelope.silent().sampled([0.0, 5.0])]:
        assert moment.pulse == moment.energy == moment.onset == 0
        assert np.isfinite(moment.bands).all()
