"""Beats lie on what a dancer hears as beats: clicks, songs of known beats, tempo changes; none where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.audio.beats import BEAT_BANDS, NO_BEATS, Beats, bar_lines
from dancegen.audio.features import FLOOR, FRAME_RATE, log_mel, onset_envelope
from dancegen.audio.load import SAMPLE_RATE
from dancegen.audio.tracker import track_beats
from dancegen.errors import AudioError
from helpers.processes import REPOSITORY
from helpers.songs import clicks


def heard(samples: np.ndarray) -> Beats:
    mel = log_mel(np.asarray(samples, np.float32))
    return track_beats(onset_envelope(mel), mel)


def found_and_extra(beats: Beats, truth: np.ndarray, tolerance_s: float) -> tuple[float, float]:
    """Share of true beats with a beat near, and beats without a true one near as a share of the true ones."""
    if not len(beats.times_s):
        return 0.0, 0.0
    apart = np.abs(beats.times_s[:, None] - truth[None])
    return float((apart.min(axis=0) <= tolerance_s).mean()), float((apart.min(axis=1) > tolerance_s).sum() / len(truth))


@pytest.mark.parametrize("tempo", [72, 97, 120, 143, 175])
@pytest.mark.parametrize("start_s", [0.0, 0.37])
def test_clicks_have_a_beat_within_30_ms(tempo, start_s):
    truth = np.arange(start_s, 29.8, 60 / tempo)
    beats = heard(clicks(truth, 30))
    found, extra = found_and_extra(beats, truth, 0.03)
    assert found >= 0.95 and extra <= 0.05
    assert beats.tempo_bpm == pytest.approx(tempo, rel=0.005)
    assert len(beats.strength) == len(beats.times_s) and beats.strength.max() <= 1


@pytest.mark.parametrize("tempo", [97, 120])
def test_the_first_and_the_last_click_are_beats_without_lag(tempo):
    truth = np.arange(0.5, 29.5, 60 / tempo)
    beats = heard(clicks(truth, 30))
    assert len(beats.times_s) == len(truth)
    assert np.abs(beats.times_s - truth).max() < 0.03
    assert abs(np.mean(beats.times_s - truth)) < 0.01


def test_loudness_does_not_matter():
    truth = np.arange(0.5, 19.5, 0.5)
    for level in (0.005, 1.0):
        assert found_and_extra(heard(clicks(truth, 20, level=level)), truth, 0.03) == (1.0, 0.0)


def test_an_onset_envelope_alone_is_enough():
    truth = np.arange(0.5, 19.5, 60 / 110)
    beats = track_beats(onset_envelope(log_mel(clicks(truth, 20))))
    assert found_and_extra(beats, truth, 0.03) == (1.0, 0.0)


def test_beats_follow_a_change_of_tempo():
    truth = np.concatenate([np.arange(0.4, 20, 60 / 100), np.arange(20.2, 40, 60 / 126)])
    found, extra = found_and_extra(heard(clicks(truth, 40)), truth, 0.05)
    assert found >= 0.93 and extra <= 0.07


def test_no_beats_in_a_long_silence_between_two_parts():
    truth = np.concatenate([np.arange(0.5, 15, 0.5), np.arange(25, 40, 0.5)])
    beats = heard(clicks(truth, 41))
    found, extra = found_and_extra(beats, truth, 0.03)
    assert found >= 0.95 and extra <= 0.05
    assert not ((beats.times_s > 16) & (beats.times_s < 24)).any()


def swaying(tempo: float, sway: float, period_s: float | None, seconds: float = 30.0) -> np.ndarray:
    """Times of beats whose intervals sway, smoothly over `period_s` or each by chance."""
    chance, times = np.random.default_rng(0), [0.4]
    while times[-1] < seconds - 1.5:
        now = times[-1]
        change = sway * (chance.uniform(-1, 1) if period_s is None else np.sin(2 * np.pi * now / period_s))
        times.append(now + 60 / tempo * (1 + change))
    return np.array(times)


@pytest.mark.parametrize(
    "tempo, sway, period_s", [(110, 0.15, 8), (110, 0.15, 4), (75, 0.15, 12), (100, 0.25, 10), (110, 0.15, None)]
)
def test_beats_follow_clicks_that_sway(tempo, sway, period_s):
    truth = swaying(tempo, sway, period_s)
    found, extra = found_and_extra(heard(clicks(truth, 30)), truth, 0.05)
    missed = 0.05 if period_s else 0.1  # more where each interval sways by chance
    assert found >= 1 - missed and extra <= missed


def test_a_rubato_song_has_its_beats_found():
    """A song played faster and slower by 15 %, over and over."""
    import soxr

    from dancegen.audio.synth.song_maker import SongSpec, synthesise

    song = synthesise(SongSpec(tempo=112, pattern="cha-cha", seconds=25, seed=3))
    samples = soxr.resample(song.samples.mean(axis=1), 44_100, SAMPLE_RATE)
    now = np.arange(25 * SAMPLE_RATE) / SAMPLE_RATE
    played = np.cumsum(1 + 0.15 * np.sin(2 * np.pi * now / 9)) / SAMPLE_RATE
    truth = np.interp(song.beats_s[song.beats_s < played[-1]], played, now)
    found, extra = found_and_extra(heard(np.interp(played, now[: len(samples)], samples)), truth, 0.07)
    assert found >= 0.9 and extra <= 0.1


@pytest.mark.parametrize("tempo", [60, 120])
def test_a_tempo_that_is_given_decides_between_octaves(tempo):
    times = np.arange(0.5, 29.5, 0.5)
    sound = clicks(times, 30) + clicks(times[::2], 30)
    mel = log_mel(sound.astype(np.float32))
    beats = track_beats(onset_envelope(mel), mel, tempo)
    assert beats.tempo_bpm == pytest.approx(tempo, rel=0.01)
    assert np.abs((beats.times_s - 0.25) % 0.5 - 0.25).max() < 0.03
    quiet = np.zeros((2000, 80), np.float32) + FLOOR
    assert len(track_beats(onset_envelope(quiet), quiet, tempo).times_s) == 0


def test_a_part_has_the_beats_that_the_whole_has_there():
    beats = Beats(np.concatenate([np.arange(1, 9, 0.5), np.arange(9, 20, 0.4)]), 150.0, np.ones(44, np.float32))
    part = beats.between(2.2, 6.5)
    assert part.times_s == pytest.approx(np.arange(0.3, 4.2, 0.5)) and part.start_s == 2.2
    assert part.tempo_bpm == pytest.approx(120) and len(part.strength) == len(part.times_s) == 8
    assert beats.between(10, 18).tempo_bpm == pytest.approx(150)
    assert beats.between(2.2, 3.6).tempo_bpm == 150  # too few to tell: the song's
    assert beats.between(0, 0.9).tempo_bpm == 0 and len(beats.between(0, 0.9).times_s) == 0


@pytest.mark.parametrize("seconds", [1.0, 30.0])
def test_silence_has_no_beats(seconds):
    beats = heard(np.zeros(round(seconds * SAMPLE_RATE)))
    assert len(beats.times_s) == len(beats.strength) == 0 and beats.tempo_bpm == 0.0


@pytest.mark.parametrize("kind", ["white noise", "brown noise", "a drone", "rain"])
def test_what_has_no_beat_gets_few_or_none(kind):
    rng, count = np.random.default_rng(3), 30 * SAMPLE_RATE
    sound = {
        "white noise": lambda: 0.1 * rng.normal(size=count),
        "brown noise": lambda: 0.001 * np.cumsum(rng.normal(size=count)),
        "a drone": lambda: 0.3 * np.sin(2 * np.pi * 220 * np.arange(count) / SAMPLE_RATE),
        "rain": lambda: (rng.random(count) < 4 / SAMPLE_RATE).astype(float),
    }[kind]()
    assert len(heard(sound).times_s) <= 6


def test_the_demo_songs_beats_are_found():
    from dancegen.audio.song import analyse
    from dancegen.audio.synth.song_maker import DEMO, synthesise

    truth = synthesise(DEMO).beats_s
    beats = analyse(demo_song()).beats
    found, extra = found_and_extra(beats, truth, 0.05)
    assert found >= 0.95 and extra <= 0.05
    assert beats.tempo_bpm == pytest.approx(120, rel=0.005)


def demo_song():
    return REPOSITORY / "assets" / "demo.ogg"


@pytest.mark.parametrize(
    ("pattern", "tempo"), [("rock", 104), ("disco", 118), ("hip-hop", 92), ("cha-cha", 112), ("reggaeton", 95)]
)
def test_songs_of_many_styles_have_their_beats_found(pattern, tempo):
    import soxr

    from dancegen.audio.synth.song_maker import SongSpec, synthesise

    song = synthesise(SongSpec(tempo=tempo, pattern=pattern, seconds=25, seed=3))
    beats = heard(soxr.resample(song.samples.mean(axis=1), 44_100, SAMPLE_RATE))
    found, extra = found_and_extra(beats, song.beats_s, 0.05)
    assert found >= 0.9 and extra <= 0.1


@pytest.mark.parametrize("seed", [3032, 3066, 3126], ids=["swing", "slower swing", "drum and bass"])
def test_a_fast_song_with_its_kicks_between_every_second_beat_is_not_heard_at_half_its_tempo(seed):
    import soxr

    from dancegen.audio.synth.song_maker import random_spec, synthesise

    song = synthesise(random_spec(seed, 40))
    beats = heard(soxr.resample(song.samples.mean(axis=1), 44_100, SAMPLE_RATE))
    found, extra = found_and_extra(beats, song.beats_s, 0.07)
    assert found >= 0.85 and extra <= 0.1


@pytest.mark.parametrize(
    ("name", "tempi"),
    [
        ("escape-from-chaosland", (135,)),
        ("metal-madness", (150,)),
        ("war-of-freedom", (140, 145)),
        ("chaos-god", (170, 85)),  # half is what a dancer steps to as well
    ],
)
def test_real_songs_have_their_known_tempo(shared_data, name, tempi):
    from dancegen.audio.song import analyse

    beats = analyse(shared_data / "music" / f"{name}.ogg").beats
    assert min(abs(beats.tempo_bpm / tempo - 1) for tempo in tempi) < 0.01
    intervals = np.diff(beats.times_s) * beats.tempo_bpm / 60
    assert np.median(np.abs(intervals - 1)) < 0.03


def test_beats_survive_their_file(tmp_path):
    beats = heard(clicks(np.arange(0.5, 9.5, 0.5), 10))
    beats.save(tmp_path / "beats.json")
    again = Beats.load(tmp_path / "beats.json")
    assert np.allclose(again.times_s, beats.times_s, atol=1e-5) and np.allclose(
        again.strength, beats.strength, atol=1e-4
    )
    assert again.tempo_bpm == pytest.approx(beats.tempo_bpm, abs=1e-3)
    Beats(np.empty(0), 0.0, np.empty(0, np.float32)).save(tmp_path / "none.json")
    assert len(Beats.load(tmp_path / "none.json").times_s) == 0


def test_bars_survive_the_file_and_a_part(tmp_path):
    times = np.arange(0.25, 10, 0.5)
    beats = Beats(times, 120.0, np.ones(len(times), np.float32), downbeats_s=times[1::3], metre="3/4")
    beats.save(tmp_path / "beats.json")
    assert json.loads((tmp_path / "beats.json").read_text())["format"] == 2
    again = Beats.load(tmp_path / "beats.json")
    assert again.downbeats_s.tolist() == times[1::3].tolist() and again.metre == "3/4"
    assert again.bar_beats == 3 and again.downbeats.tolist() == list(range(1, len(times), 3))
    part = again.between(2.0, 6.0)
    assert part.metre == "3/4" and part.downbeats_s + 2.0 == pytest.approx([2.25, 3.75, 5.25])
    assert again.between(2.3, 3.7).bar_beats == 3, "of a part without a whole bar, as the metre says"


def test_a_file_of_an_earlier_version_is_counted_in_fours(tmp_path):
    times = np.arange(0.5, 9.5, 0.5)
    old = {"tempo_bpm": 120.0, "times_s": times.tolist(), "strength": [1.0] * len(times), "start_s": 2.0}
    (tmp_path / "beats.json").write_text(json.dumps(old))
    beats = Beats.load(tmp_path / "beats.json")
    assert beats.metre == "" and len(beats.downbeats_s) == 0 and beats.start_s == 2.0
    assert beats.downbeats.tolist() == [0, 4, 8, 12, 16] and beats.bar_beats == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"times_s": [1, 2], "strength": [1, 1], "tempo_bpm": 1, "downbeats_s": [1.5], "metre": "4/4"}',
        '{"times_s": [1, 2], "strength": [1, 1], "tempo_bpm": 1, "downbeats_s": [2, 1], "metre": "4/4"}',
        '{"times_s": [1, 2], "strength": [1, 1], "tempo_bpm": 1, "downbeats_s": [1], "metre": "waltz"}',
        '{"times_s": [1, 2], "strength": [1, 1], "tempo_bpm": 1, "downbeats_s": {"a": 1}, "metre": "4/4"}',
        "{}",
        '{"times_s": [1], "strength": [], "tempo_bpm": 1}',
        '{"times_s": [2, 1], "strength": [1, 1], "tempo_bpm": 1}',
    ],
)
def test_a_broken_beats_file_is_named(tmp_path, text):
    (tmp_path / "beats.json").write_text(text)
    with pytest.raises(AudioError, match=r"beats\.json.* not a beats file"):
        Beats.load(tmp_path / "beats.json")


def test_the_beat_is_painted_as_bands_of_a_spectrogram():
    bands = Beats(np.array([1.0, 1.5, 2.1]), 110.0, np.ones(3, np.float32)).bands(270)
    assert bands.shape == (270, BEAT_BANDS)
    at = [round(time * FRAME_RATE) for time in (1.0, 1.125, 1.25, 1.5, 1.8, 2.1)]
    low, high = bands[at].min(), bands[at].max()
    on, after = ((bands[at] - low) / (high - low)).T
    assert on == pytest.approx([1, 0.5, 0, 1, 0, 1], abs=0.1)
    assert after == pytest.approx([0.5, 1, 0.5, 0.5, 0.5, 0.5], abs=0.1)
    assert (bands[[0, 80, 195]] == FLOOR).all() and low > FLOOR
    assert (NO_BEATS.bands(50) == FLOOR).all()


@pytest.mark.parametrize("phase", range(4))
def test_bars_begin_where_the_spectrum_changes_the_most(phase):
    """A chord of some bands a bar, in noise; the first bar begins on any of the first four beats."""
    chance, times = np.random.default_rng(phase), np.arange(0.3, 24, 0.5)
    mel = chance.normal(0, 0.1, (24 * 90, 80)).astype(np.float32)
    for bar, begin in enumerate(times[phase::4]):
        mel[round(begin * 90) : round((begin + 2) * 90), 10 + 7 * (bar % 5) : 17 + 7 * (bar % 5)] += 1
    beats = Beats(times, 120.0, np.ones(len(times), np.float32))
    assert bar_lines(beats, mel) == pytest.approx(times[phase::4])
    assert len(bar_lines(NO_BEATS, mel)) == 0


def test_a_pause_is_no_long_beat():
    times = np.concatenate([np.arange(0, 5, 0.5), np.arange(12, 17, 0.5)])
    beats = Beats(times, 120.0, np.ones(len(times), np.float32))
    phase, there = beats.phase(np.array([-0.1, 0.25, 4.25, 4.75, 8.0, 12.25, 16.6]))
    assert there.tolist() == [False, True, True, False, False, True, False]
    assert phase[[1, 2, 5]] == pytest.approx([0.5, 8.5, 10.5])
    assert (beats.bands(17 * 90)[int(4.6 * 90) : int(11.9 * 90)] == FLOOR).all()
