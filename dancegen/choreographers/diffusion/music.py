"""The music as the denoiser is given it: bands, onsets and the beat, one row a frame of the dance."""

from __future__ import annotations

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.audio.features import FRAME_RATE, onset_envelope
from dancegen.audio.song import Level

BANDS = 40
"""Bands of the spectrogram: half of the log-mel's, two averaged."""
WIDTH = BANDS + 4
"""The bands, the onset envelope, and the beat: cosine and sine of its phase, and whether there is one."""
_ONSET_SCALE, _BEAT_SCALE = 4.0, 2.0  # four numbers beside forty bands
_LEAST_ONSET = 0.02
"""Onsets weaker than this are none: a swelling tone's are not made as loud as a drum's."""
_LOUDEST_ONSET = 2.0
"""How far above its song's strong onsets one counts: the first sound after silence is not louder than all drums."""


def encode_music(
    mel: np.ndarray,
    beats: Beats,
    frames: int,
    fps: float,
    late_s: float = 0.0,
    *,
    onset: np.ndarray | None = None,
    level: Level | None = None,
) -> np.ndarray:
    """(frames, WIDTH) float32 of a song: loudness about its own mean, so that a quiet recording dances as a loud one.

    mel: (F, 80) log-mel, 90 frames a second. What lies behind its end is silence. late_s: how much later than it is
    played it counts. onset: (F,) of the song, where it is known already. level: of the song that this is a part of.
    """
    mel = np.asarray(mel, np.float32)
    times = np.arange(frames) / fps - late_s
    rows = np.zeros((frames, WIDTH), np.float32)
    inside = (times >= 0) & (times * FRAME_RATE <= len(mel) - 1)
    if inside.any():
        onset = onset_envelope(mel) if onset is None else onset
        level = Level.of(mel, onset) if level is None else level
        bands = mel.reshape(len(mel), BANDS, -1).mean(2) - level.mean
        rows[inside, :BANDS] = _pooled(bands, fps)[np.rint(times[inside] * FRAME_RATE).astype(int)]
        strength = np.minimum(_pooled(onset[:, None] / max(level.strong, _LEAST_ONSET), fps), _LOUDEST_ONSET)
        rows[inside, BANDS] = _ONSET_SCALE * strength[np.rint(times[inside] * FRAME_RATE).astype(int), 0]
    rows[:, BANDS + 1 :] = _beat(beats, times)
    return rows


def _pooled(track: np.ndarray, fps: float) -> np.ndarray:
    """The mean of what sounds while a frame of the dance lasts, (F, C), at every frame of the spectrogram."""
    from scipy.ndimage import uniform_filter1d

    return uniform_filter1d(track, max(1, round(FRAME_RATE / fps)), axis=0, mode="nearest")


def _beat(beats: Beats, times: np.ndarray) -> np.ndarray:
    """(T, 3): cosine and sine of the beat's phase, and 1, all scaled; zeros where there is no beat."""
    rows = np.zeros((len(times), 3), np.float32)
    phase, there = beats.phase(times)
    turn = 2 * np.pi * phase
    rows[there] = _BEAT_SCALE * np.stack([np.cos(turn), np.sin(turn), np.ones_like(turn)], 1)[there]
    return rows


def beat_of(song):
    """The beat in what `encode_music` gave, (..., 3) of (..., WIDTH): cosine, sine, and 1 where there is one."""
    return song[..., BANDS + 1 :] / _BEAT_SCALE
