"""Songs made here: a kick and a chord, clicks, and what they are as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def song_samples(seconds: float, *, bpm: float = 120.0, pitch: float = 220.0, rate: int = 22_050) -> np.ndarray:
    """(samples,) float32 of a kick and a chord."""
    times = np.arange(round(seconds * rate)) / rate
    since = times % (60 / bpm)
    kick = np.sin(2 * np.pi * 60 * since) * np.exp(-since / 0.06)
    chord = sum(np.sin(2 * np.pi * pitch * ratio * times) for ratio in (1, 1.25, 1.5)) / 12
    return (0.7 * kick + chord * (1 + np.exp(-since / 0.2))).astype(np.float32)


def write_song(path: Path, seconds: float, *, bpm: float = 120.0, pitch: float = 220.0, rate: int = 22_050) -> Path:
    """A song of a kick and a chord, mono."""
    import soundfile

    soundfile.write(path, song_samples(seconds, bpm=bpm, pitch=pitch, rate=rate), rate)
    return path


def write_click(path: Path, bpm: float, seconds: float = 14.0) -> Path:
    """A song of clicks, stereo, 44.1 kHz."""
    import soundfile

    rate = 44_100
    samples = np.zeros(round(seconds * rate))
    burst = np.sin(2 * np.pi * 1000 * np.arange(1500) / rate) * np.exp(-np.arange(1500) / 200)
    for beat in np.arange(0.2, seconds - 0.1, 60 / bpm):
        start = round(beat * rate)
        samples[start : start + len(burst)] += burst
    soundfile.write(path, np.stack([samples, samples], axis=1) * 0.8, rate)
    return path


def clicks(times_s: np.ndarray, seconds: float, *, level: float = 0.8, rate: int = 22_050) -> np.ndarray:
    """(samples,) float64 of a metronome: 30 ms of 1 kHz at each of the times."""
    samples, time = np.zeros(round(seconds * rate)), np.arange(round(0.03 * rate)) / rate
    click = level * np.sin(2 * np.pi * 1000 * time) * np.exp(-time / 0.006)
    for first in np.round(times_s * rate).astype(int):
        samples[first : first + len(click)] += click[: len(samples) - first]
    return samples
