"""The log-mel spectrogram of a song, computed once, block by block; its onset envelope; and windows on it as views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from dancegen.audio.load import SAMPLE_RATE

HOP = 245  # samples: 90 frames a second, a whole number of them at 10, 15, 30 and 45 poses a second
FRAME_RATE = SAMPLE_RATE / HOP
N_FFT = 1024
N_MELS = 80
FMIN, FMAX = 30.0, 10_000.0
FLOOR = -6.0  # log10 of the power under which everything is silence
_CHUNK = 1024  # frames transformed at a time: bounds the memory of the spectrum


def log_mel(samples: np.ndarray | Iterable[np.ndarray]) -> np.ndarray:
    """log10 of the mel power of mono sound at 22,050 Hz, given at once or in blocks: (F, N_MELS) float32, >= -6.

    Frame f is centred at f * HOP / SAMPLE_RATE seconds; there are 1 + N // HOP of them for N samples. Blocks of any
    sizes give what the whole gives.
    """
    mel = Rows(N_MELS)
    for block in mel_blocks([samples] if isinstance(samples, np.ndarray) else samples):
        mel.append(block)
    return mel.array


class Rows:
    """An array (n, columns) float32 that grows by blocks of rows in place: it never stands in memory twice."""

    def __init__(self, columns: int) -> None:
        self.array = np.empty((0, columns), np.float32)

    def append(self, block: np.ndarray) -> None:
        """Add rows (m, columns) at the end."""
        before = len(self.array)
        self.array.resize((before + len(block), self.array.shape[1]), refcheck=False)
        self.array[before:] = block


def mel_blocks(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames of `log_mel` as blocks of sound arrive: (n, N_MELS) float32 each."""
    tail = np.zeros(N_FFT // 2, np.float32)  # half a window of silence before the song
    received = 0
    for block in blocks:
        received += len(block)
        tail = np.concatenate([tail, np.asarray(block, np.float32)])
        ready = max(0, (len(tail) - N_FFT) // HOP + 1)
        if ready:
            yield _mel_frames(tail, ready)
            tail = tail[ready * HOP :]
    if received:
        tail = np.concatenate([tail, np.zeros(N_FFT // 2, np.float32)])
        ready = max(0, (len(tail) - N_FFT) // HOP + 1)
        if ready:
            yield _mel_frames(tail, ready)


def onset_envelope(mel: np.ndarray) -> np.ndarray:
    """Onset strength at each frame: (F,) float32, >= 0, from a log-mel (F, N_MELS).

    Spectral flux of the compressed mel power; what rises must rise over its neighbours of the frame before too, so
    that vibrato does not count (the maximum filter of SuperFlux, Boeck and Widmer 2013). The rise of a sound is
    seen while it enters the analysis window, a frame before it is centred: the envelope is moved by that frame.
    """
    onset = np.zeros(len(mel), np.float32)
    for first in range(0, len(mel), _CHUNK):
        previous = mel[first - 1] if first else np.full(mel.shape[1], FLOOR, mel.dtype)  # silence before the song
        bands = np.log10(1 + 100 * 10.0 ** np.vstack([previous, mel[first : first + _CHUNK]]))
        before = bands[:-1].copy()
        np.maximum(before[:, 1:], bands[:-1, :-1], out=before[:, 1:])
        np.maximum(before[:, :-1], bands[:-1, 1:], out=before[:, :-1])
        onset[first : first + len(before)] = np.maximum(bands[1:] - before, 0).mean(axis=1)
    onset[1:] = onset[:-1].copy()
    return onset


def windows(mel: np.ndarray, times_s: np.ndarray, width: int) -> np.ndarray:
    """The `width` frames of a log-mel around each time: (T, width, N_MELS), the time's own frame at width // 2.

    Times take their nearest frame. Where those are evenly spaced the result is a read-only view: on `mel` itself if
    every window lies inside the song, else on one copy padded with silence. Other times are gathered.
    """
    frames = np.rint(np.asarray(times_s, np.float64) * FRAME_RATE).astype(np.int64) - width // 2
    if not len(frames):
        return np.empty((0, width, mel.shape[1]), mel.dtype)
    before, after = max(0, -int(frames.min())), max(0, int(frames.max()) + width - len(mel))
    if before or after:
        mel = np.pad(mel, ((before, after), (0, 0)), constant_values=FLOOR)
    frames += before
    every = np.lib.stride_tricks.sliding_window_view(mel, width, axis=0).swapaxes(1, 2)
    step = int(frames[1] - frames[0]) if len(frames) > 1 else 1
    if step > 0 and (np.diff(frames) == step).all():
        return every[frames[0] : frames[-1] + 1 : step]
    return every[frames]


@lru_cache(maxsize=1)
def mel_filters() -> np.ndarray:
    """Slaney's mel filter bank, unit area, as librosa's `filters.mel`: (N_MELS, N_FFT // 2 + 1) float32."""
    edges = _hertz(np.linspace(_mel(FMIN), _mel(FMAX), N_MELS + 2))
    bins = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)


def _mel(hertz: float) -> float:
    """Slaney's scale: linear to 1,000 Hz (15 mel), logarithmic above, 27 mel for a factor of 6.4."""
    return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)


def _hertz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * 200 / 3, 1000 * 6.4 ** ((mel - 15) / 27))


def _mel_frames(samples: np.ndarray, count: int) -> np.ndarray:
    """The first `count` frames of `samples`, the first one beginning at its first sample."""
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT)[::HOP][:count]
    mel = np.empty((count, N_MELS), np.float32)
    for first in range(0, count, _CHUNK):
        spectrum = np.fft.rfft(frames[first : first + _CHUNK] * window, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        decades = np.log10(np.maximum(power @ mel_filters().T, 10.0**FLOOR))
        mel[first : first + _CHUNK] = np.maximum(decades, FLOOR)  # float32 rounds 1e-6 up or down
    return mel
