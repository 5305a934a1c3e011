"""The audio envelope that visuals follow: beat pulse, energy, onsets and band levels of a song at every frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from dancegen.arrays import smooth

if TYPE_CHECKING:
    from dancegen.audio.beats import Beats
    from dancegen.audio.song import SongFeatures

N_BANDS = 16
N_ECHOES = 3  # past beats that a frame still shows
PULSE_S = 0.20  # a beat's pulse falls to 1/e in this time
ATTACK_S = 0.045  # and rises in this, before the beat, so that its frame is the brightest
RELEASE_S = 0.22  # how fast a band's level falls back


@dataclass(frozen=True)
class AudioEnvelope:
    """Beats and envelopes of a song, in seconds from its start.

    beats_s: (B,) beat times. strength: (B,) 0 to 1. tempo_bpm: 0 where there is no beat. rate: envelope frames a
    second. onset, energy: (N,) 0 to 1, how much begins and how loud it is. bands: (N, N_BANDS) 0 to 1, bass to treble.
    """

    beats_s: np.ndarray
    strength: np.ndarray
    tempo_bpm: float
    rate: float
    onset: np.ndarray
    energy: np.ndarray
    bands: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, features: SongFeatures, beats: Beats | None = None) -> AudioEnvelope:
        """The envelope of a song from its features; `beats` replaces the beats among them."""
        beats = features.beats if beats is None else beats
        power = np.maximum(features.mel + 6.0, 0.0)  # decades over the floor of the log-mel
        energy = smooth(power.mean(axis=1), 0.1 * features.frame_rate)
        bands = np.stack([band.mean(axis=1) for band in np.array_split(power, N_BANDS, axis=1)], axis=1)
        return cls(
            beats_s=np.asarray(beats.times_s, np.float64),
            strength=np.asarray(beats.strength, np.float32),
            tempo_bpm=float(beats.tempo_bpm),
            rate=float(features.frame_rate),
            onset=_leveled(np.asarray(features.onset, np.float32)),
            energy=_leveled(energy),
            bands=_released(_contrast(bands), features.frame_rate),
        )

    @classmethod
    def silent(cls) -> AudioEnvelope:
        """The envelope of silence."""
        none = np.zeros(0)
        return cls(none, none, 0.0, 1.0, np.zeros(1), np.zeros(1), np.zeros((1, N_BANDS)))

    def sampled(self, times_s: np.ndarray) -> list[Moment]:
        """The envelope at each of (T,) times in seconds."""
        times_s = np.asarray(times_s, np.float64)
        grid = np.arange(len(self.onset)) / self.rate
        onset, energy = np.interp(times_s, grid, self.onset), np.interp(times_s, grid, self.energy)
        bands = np.stack([np.interp(times_s, grid, band) for band in self.bands.T], axis=1)
        pulse = self._pulse(times_s, onset)
        ages = self._ages(times_s)
        return [Moment(*row) for row in zip(times_s, pulse, energy, onset, bands, ages, strict=True)]

    def _ages(self, times_s: np.ndarray) -> np.ndarray:
        """(T, N_ECHOES) seconds since the last beats, newest first; infinite where there was none."""
        past = np.searchsorted(self.beats_s, times_s + 1e-6, side="right")
        padded = np.concatenate([np.full(N_ECHOES, -np.inf), self.beats_s])
        return times_s[:, None] - padded[past[:, None] + N_ECHOES - 1 - np.arange(N_ECHOES)]

    def _pulse(self, times_s: np.ndarray, onset: np.ndarray) -> np.ndarray:
        if not len(self.beats_s):
            return onset * 0.7  # without beats, onsets are the pulse
        past = np.searchsorted(self.beats_s, times_s + 1e-6, side="right")
        age = times_s - np.concatenate([[-np.inf], self.beats_s])[past]
        ahead = np.concatenate([self.beats_s, [np.inf]])[past] - times_s
        force = np.concatenate([[0.0], 0.65 + 0.35 * np.clip(self.strength, 0, 1), [0.0]])
        falling = force[past] * np.exp(-age / PULSE_S)
        rising = force[past + 1] * np.clip(1 - ahead / ATTACK_S, 0, 1)
        return np.maximum(falling, rising)


@dataclass(frozen=True)
class Moment:
    """The envelope at one frame, levels 0 to 1. ages: (N_ECHOES,) seconds since the last beats, newest first."""

    time_s: float
    pulse: float
    energy: float
    onset: float
    bands: np.ndarray
    ages: np.ndarray


def _leveled(values: np.ndarray) -> np.ndarray:
    """Scaled so that the loud parts of this very song reach 1; silence stays 0."""
    top = np.percentile(values, 97) if len(values) else 0.0
    return np.clip(values / max(top, 1e-3), 0, 1).astype(np.float32)


def _contrast(bands: np.ndarray) -> np.ndarray:
    """Each band over its own quiet level: treble and bass move alike, though bass is far louder."""
    low, high = np.percentile(bands, 25, axis=0), np.percentile(bands, 98, axis=0)
    return np.clip((bands - low) / np.maximum(high - low, 0.3), 0, 1)


def _released(bands: np.ndarray, rate: float) -> np.ndarray:
    """Rise at once, fall slowly, as level meters do."""
    fall = float(np.exp(-1 / (RELEASE_S * rate)))
    levels = np.empty(bands.shape, np.float32)
    held = np.zeros(bands.shape[1], np.float32)
    for index, band in enumerate(bands):
        held = np.maximum(held * fall, band)
        levels[index] = held
    return levels
