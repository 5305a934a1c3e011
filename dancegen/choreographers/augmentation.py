"""How training clips are varied: an accent on each beat, and another mix of their music.

An accent is a dance that is slower on each beat, and faster between two, as animators ease in and out.
Captured bodies keep the beat with their feet, while the whole of them hardly shows it: their minima of speed are as
near to a quarter of a beat as to a beat, within a few per cent. What a choreographer is to show it must have seen.
"""

from __future__ import annotations

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FLOOR, N_MELS
from dancegen.errors import InputError


def accented_s(times_s: np.ndarray, beats: Beats, accent: float) -> np.ndarray:
    """When (T,) in the dance it is, at times (T,) of the song, for a speed of 1 - `accent` cos(2 pi phase).

    Beats stay where they are; so does all that lies outside of them. The speed is that of a dance that had 1.
    """
    phase, there = beats.phase(times_s)
    if not there.any():
        return times_s.copy()
    period = np.diff(beats.times_s)[np.clip(phase.astype(int), 0, len(beats.times_s) - 2)]
    return times_s - there * accent * period / (2 * np.pi) * np.sin(2 * np.pi * phase)


def check_accent(accent: float) -> None:
    """InputError for an accent with which a dance would stand still or go backwards."""
    if not 0 <= accent < 1:
        raise InputError(f"train.accent is {accent:g}: it must be 0 or more, and less than 1")


def equaliser(points: np.ndarray, bands: int) -> np.ndarray:
    """(bands,) what is added to each band of a log-mel, from what is added at evenly spaced points (K,) of it."""
    return np.interp(np.linspace(0, len(points) - 1, bands), np.arange(len(points)), points)


def augment_mel(mel: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same music from another room: gain, equaliser, pitch and noise, all on the log-mel `(F, N_MELS)`."""
    gain = rng.uniform(-1.0, 0.5)
    curve = equaliser(rng.normal(0, 0.25, 5), N_MELS)
    pitch = int(rng.integers(-2, 3))
    shifted = np.roll(mel, pitch, axis=1)
    if pitch > 0:
        shifted[:, :pitch] = mel[:, :1]
    elif pitch < 0:
        shifted[:, pitch:] = mel[:, -1:]
    hiss = rng.uniform(-7.0, -3.0) + 0.1 * rng.standard_normal(mel.shape)
    loud = shifted + gain + curve
    return np.maximum(np.log10(10.0**loud + 10.0**hiss), FLOOR).astype(np.float32)
