"""The log-mel spectrogram is librosa's, whatever the blocks; windows on it are views; memory stays small."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.audio.features import (
    FLOOR,
    FMAX,
    FMIN,
    FRAME_RATE,
    HOP,
    N_FFT,
    N_MELS,
    log_mel,
    mel_filters,
    onset_envelope,
    windows,
)
from dancegen.audio.load import SAMPLE_RATE, probe, write_flac


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    rng = np.random.default_rng(0)
    time = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * 300 * time * (1 + time / 5)) + 0.05 * rng.normal(size=len(time))).astype(
        np.float32
    )


def test_the_filters_are_slaneys_as_librosa_has_them():
    import librosa

    expected = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=FMIN, fmax=FMAX)
    assert np.allclose(mel_filters(), expected, atol=1e-7)


@pytest.mark.slow
def test_log_mel_is_librosas_power_mel(sound):
    import librosa

    power = np.abs(librosa.stft(sound, n_fft=N_FFT, hop_length=HOP, pad_mode="constant")) ** 2
    expected = np.log10(np.maximum(mel_filters() @ power, 1e-6)).T
    mel = log_mel(sound)
    assert mel.shape == expected.shape and mel.dtype == np.float32
    assert np.allclose(mel, expected, atol=1e-4)


@pytest.mark.parametrize("size", [37, 245, 1000, 9999, 50_000])
def test_blocks_give_what_the_whole_gives(sound, size):
    parts = (sound[first : first + size] for first in range(0, len(sound), size))
    assert np.allclose(log_mel(parts), log_mel(sound), atol=1e-5)


def test_a_sound_shorter_than_a_window_still_has_frames():
    assert log_mel(np.ones(100, np.float32)).shape == (1, N_MELS)
    assert log_mel([]).shape == (0, N_MELS)


def test_silence_is_the_floor():
    mel = log_mel(np.zeros(SAMPLE_RATE, np.float32))
    assert (mel == FLOOR).all() and not onset_envelope(mel).any()


def test_an_onset_is_where_the_sound_starts(sound):
    """A tone that starts at 2 s after silence peaks there, within a frame."""
    late = np.where(np.arange(len(sound)) < 2 * SAMPLE_RATE, 0, sound).astype(np.float32)
    assert onset_envelope(log_mel(late)).argmax() == pytest.approx(2 * FRAME_RATE, abs=1.01)


def test_a_gliding_tone_has_hardly_an_onset(sound):
    time = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
    glide = 0.3 * np.sin(2 * np.pi * 400 * time * (1 + 0.05 * time))
    click = glide + 0.3 * (np.abs(time - 1.5) < 0.01) * np.random.default_rng(0).normal(size=len(time))
    steady = onset_envelope(log_mel(glide.astype(np.float32)))[30:-30].max()
    assert steady < 0.1 * onset_envelope(log_mel(click.astype(np.float32)))[30:-30].max()


@pytest.mark.parametrize("fps", [10, 15, 30, 45, 90])
def test_windows_on_the_frame_grid_are_views(sound, fps):
    mel, width = log_mel(sound), 32
    times = np.arange(1 * fps, 4 * fps) / fps
    seen = windows(mel, times, width)
    assert seen.shape == (len(times), width, N_MELS)
    assert np.shares_memory(seen, mel)
    for index in (0, len(times) // 2, -1):
        middle = round(times[index] * FRAME_RATE)
        assert np.array_equal(seen[index], mel[middle - width // 2 : middle + width // 2])
        assert np.array_equal(seen[index, width // 2], mel[middle])


def test_windows_at_the_edges_see_silence_outside_and_still_share_memory(sound):
    mel = log_mel(sound)
    seen = windows(mel, np.arange(150) / 30, 65)
    assert (seen[0, :32] == FLOOR).all() and np.array_equal(seen[0, 32:], mel[:33])
    assert np.shares_memory(seen[0], seen[1]) and seen.base is not None
    beyond = windows(mel, np.array([7.0]), 9)
    assert (beyond == FLOOR).all()
    before = windows(mel, np.array([-2.0, -1.9]), 9)
    assert (before == FLOOR).all()


def test_windows_off_the_grid_take_their_nearest_frame(sound):
    mel, times = log_mel(sound), np.arange(25, 75) / 25
    seen = windows(mel, times, 8)
    frames = np.rint(times * FRAME_RATE).astype(int)
    assert np.array_equal(seen[:, 4], mel[frames])
    assert windows(mel, np.empty(0), 8).shape == (0, 8, N_MELS)


def test_listening_needs_at_most_five_megabytes_a_minute(tmp_path):
    """Two more minutes of song may cost 10 MB; their samples alone would be 10.6."""
    import tracemalloc

    import soundfile

    from dancegen.audio.song import analyse_and_copy

    def peak(minutes: int) -> int:
        path, rng = tmp_path / f"{minutes}.flac", np.random.default_rng(0)
        click = np.exp(-np.arange(22_050) / 800) * np.sin(np.arange(22_050) * 0.3)
        with soundfile.SoundFile(path, "w", 44_100, 1) as file:
            for _ in range(minutes * 120):
                file.write(0.5 * click + 0.003 * rng.normal(size=22_050))
        tracemalloc.start()
        song = analyse_and_copy(probe(path), tmp_path / "copy.flac").song
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert song.seconds == pytest.approx(60 * minutes, abs=0.01)
        assert len(song.mel) == len(song.onset) == 1 + round(song.seconds * SAMPLE_RATE) // HOP
        assert song.beats.tempo_bpm == pytest.approx(120, rel=0.01)
        return most

    short = peak(1)
    assert (peak(3) - short) / 2 < 5e6


def test_analyse_counts_a_spans_time_from_its_start(tmp_path):
    import soundfile

    from dancegen.audio.song import analyse

    samples = np.zeros(20 * 22_050, np.float32)
    for beat in np.arange(0.25, 19.8, 0.6):
        first = round(beat * 22_050)
        samples[first : first + 600] = np.sin(np.arange(600) * 0.3) * np.exp(-np.arange(600) / 150)
    soundfile.write(tmp_path / "clicks.wav", samples, 22_050)
    song = analyse(tmp_path / "clicks.wav", start_s=6.0, seconds=10.0)
    assert (song.seconds, song.start_s) == (pytest.approx(10.0, abs=1e-3), 6.0)
    off_grid = (song.beats.times_s + 6.0 - 0.25 + 0.3) % 0.6 - 0.3
    assert len(song.beats.times_s) == 17 and np.abs(off_grid).max() < 0.03


@pytest.mark.parametrize("kind", ["wav", "ogg"])
@pytest.mark.parametrize("span", [{}, {"start_s": 3.2, "seconds": 7.5}])
def test_one_pass_gives_what_three_would(tmp_path, kind, span):
    """The song's features, its 16-bit copy, and the copy's features, bit for bit, also where the song clips."""
    import soundfile

    from dancegen.audio.song import SongFeatures, analyse, analyse_and_copy

    time = np.arange(23 * 44_100) / 44_100
    beat = np.sin(2 * np.pi * 220 * time) * np.exp(-8 * (time % 0.5)) * 1.2
    noise = np.random.default_rng(0).normal(size=(len(time), 2)) * 0.01
    path, flac, alone = tmp_path / f"song.{kind}", tmp_path / "copy.flac", tmp_path / "alone.flac"
    with soundfile.SoundFile(path, "w", 44_100, 2, **({"subtype": "FLOAT"} if kind == "wav" else {})) as file:
        for first in range(0, len(time), 44_100):
            file.write((beat[first : first + 44_100, None] + noise[first : first + 44_100]).astype(np.float32))
    excerpt = analyse_and_copy(probe(path), flac, **span)
    write_flac(path, alone, **span)
    assert flac.read_bytes() == alone.read_bytes()
    excerpt.copy.save(tmp_path / "features.npz")
    excerpt.song.beats.save(tmp_path / "beats.json")
    kept = SongFeatures.load(tmp_path / "features.npz", tmp_path / "beats.json")
    for made, expected in ((excerpt.song, analyse(path, **span)), (excerpt.copy, analyse(flac)), (kept, analyse(flac))):
        assert np.array_equal(made.mel, expected.mel) and np.array_equal(made.onset, expected.onset)
        assert (made.seconds, made.start_s) == (expected.seconds, expected.start_s)
        assert made.beats.tempo_bpm == pytest.approx(120, rel=0.02)
    assert not np.array_equal(excerpt.song.mel, excerpt.copy.mel)


def test_a_file_that_holds_no_features_says_so(tmp_path):
    from dancegen.audio.song import SongFeatures
    from dancegen.errors import AudioError

    (tmp_path / "features.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(AudioError, match=r"features\.npz"):
        SongFeatures.load(tmp_path / "features.npz", tmp_path / "beats.json")
