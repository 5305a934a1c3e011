"""Beats and tempo of a song, from its onset envelope at 90 frames a second.

Three steps: the salience of each tempo around each moment (autocorrelation); the best chain of beats through
the whole song, whose period may follow the tempo (dynamic programming over time and period); and each beat moved
onto the onset it stands for, to a fraction of a frame.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.audio.features import FLOOR, FRAME_RATE, onset_envelope
from dancegen.errors import AudioError, reading
from dancegen.text import read_json

if TYPE_CHECKING:
    from torch import Tensor

SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0
BEATS_A_BAR = 4
BEAT_BANDS = 2  # extra bands of a log-mel that encode the beat's phase
_LIKELIEST_BPM, _TEMPO_SPREAD = 120.0, 0.7  # centre, and standard deviation in octaves, of tempi people tap to
_WINDOW_S, _WINDOW_HOP_S = 12.0, 3.0  # over which tempo salience is measured
_MULTIPLES, _MULTIPLE_WEIGHTS = (1, 2, 3, 4, 6, 8), (1, 1, 0.5, 2, 0.5, 1)  # of a period: most music goes in fours
_HALF_WEIGHT = 0.3  # what repeats at half a period takes from the period
_SONG_SHARE = 1.0  # of the whole song's salience against the moment's: a tempo seldom changes
_LOW_BANDS, _LOW_SHARE = 10, 0.5  # mel bands (to 420 Hz) of kick and bass, and their share of the onsets
_TEMPO_WEIGHT = 3.0  # of a tempo's salience against the onsets its beats fall on
_CHANGE_COST = 0.6  # of one frame's change of period
_MOST_CHANGE = 3  # frames by which a period may change from beat to beat
_LEAST_CLARITY = 0.17  # pulse clarity that noise and drones stay under
_REFINE_FRAMES = 3  # how far a beat may move onto its onset
_BEAT_LOUDNESS, _BEAT_SWING = 3.0, 2.0  # of those bands above silence, mean and half the range, in log10
_CHORD_BANDS = slice(10, 60)  # of the spectrogram: 420 Hz to 5 kHz
_PAUSE = 1.8  # usual beats that are no beat but a pause
_LATE_FRAMES = 0.5  # by which the onset envelope peaks after the perceived start of a sound


_FILE = "beats file"
_LATEST_S, _MOST_BPM = 1e6, 1e4
"""What a beats file may state at most."""


@dataclass(frozen=True)
class Beats:
    """Beat times (B,) float64 in seconds of the song, tempo (0.0: no beat), onset strength at each beat, 0 to 1."""

    times_s: np.ndarray
    tempo_bpm: float
    strength: np.ndarray

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        record = {
            "tempo_bpm": round(float(self.tempo_bpm), 3),
            "times_s": [round(float(time), 5) for time in self.times_s],
            "strength": [round(float(strength), 4) for strength in self.strength],
        }
        Path(path).write_text(json.dumps(record) + "\n")

    @staticmethod
    def load(path: str | Path) -> Beats:
        """Read what `save` wrote. Raises AudioError for a file that is not that."""
        record = read_json(path, _FILE, AudioError)
        with reading(path, _FILE, AudioError):
            times, strength = np.array(record["times_s"], np.float64), np.array(record["strength"], np.float32)
            tempo = float(record["tempo_bpm"])
            if times.shape != strength.shape or times.ndim != 1 or not (np.diff(times) > 0).all():
                raise AudioError(f"{path} is not a beats file (times and strengths do not match): make it again")
            if not (np.abs(times) < _LATEST_S).all() or not 0 <= tempo <= _MOST_BPM or not np.isfinite(strength).all():
                raise AudioError(f"{path} is not a beats file (its numbers are out of all bounds): make it again")
            return Beats(times, tempo, strength)

    def bands(self, frames: int) -> np.ndarray:
        """The beat's phase as two further bands of a log-mel: (frames, BEAT_BANDS) float32.

        The first is loudest on the beats and faintest between them, the second a quarter of a beat later: cosine and
        sine of the phase. Before the first and after the last beat, as without any, both are silent.
        """
        bands = np.full((frames, BEAT_BANDS), FLOOR, np.float32)
        phase, there = self.phase(np.arange(frames) / FRAME_RATE)
        waves = np.stack([np.cos(2 * np.pi * phase), np.sin(2 * np.pi * phase)], 1)
        bands[there] = (FLOOR + _BEAT_LOUDNESS + _BEAT_SWING * waves)[there]
        return bands

    def phase(self, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many beats it is, (T,), since the first one at each of the times (T,), and whether there is a beat: not
        before the first and after the last, nor in a pause, which lasts nearly two beats or more."""
        beats = self.times_s
        if len(beats) < 2:
            return np.zeros(len(times_s)), np.zeros(len(times_s), bool)
        apart = np.diff(beats)
        phase = np.interp(times_s, beats, np.arange(len(beats)))
        kept = apart <= _PAUSE * np.median(apart)
        inside = (times_s >= beats[0]) & (times_s <= beats[-1])
        return phase, inside & kept[np.minimum(phase.astype(int), len(apart) - 1)]

    @staticmethod
    def phasor(bands: Tensor) -> Tensor:
        """The inverse of `bands`, (..., BEAT_BANDS): cosine and sine of the beat's phase, (0, 0) where it is silent."""
        return (bands - FLOOR - _BEAT_LOUDNESS) / _BEAT_SWING * (bands > FLOOR + (_BEAT_LOUDNESS - _BEAT_SWING) / 2)


def bar_lines(beats: Beats, mel: np.ndarray) -> np.ndarray:
    """Times (N,) in seconds of the beats on which bars of four begin: where chords and voices change the most.

    mel: the song's log-mel (F, N_MELS). The
    beat of every four whose spectrum differs most from the beat before, on average, is taken as the downbeat. This is
    a heuristic, and wrong for some songs.
    """
    if len(beats.times_s) <= BEATS_A_BAR:
        return beats.times_s[:1]
    frames = np.clip(np.rint(beats.times_s * FRAME_RATE).astype(int), 0, max(len(mel) - 1, 0))
    spectra = [mel[a : max(a + 1, b), _CHORD_BANDS].mean(0) for a, b in pairwise(frames)]
    change = np.linalg.norm(np.diff(spectra, axis=0), axis=1)  # of the second beat on
    means = [change[(phase - 1) % BEATS_A_BAR :: BEATS_A_BAR].mean() for phase in range(BEATS_A_BAR)]
    return beats.times_s[int(np.argmax(means)) :: BEATS_A_BAR]


NO_BEATS = Beats(np.empty(0), 0.0, np.empty(0, np.float32))


def track_beats(onset: np.ndarray, mel: np.ndarray | None = None) -> Beats:
    """The beats of a song from its onset envelope (F,): none in silence, noise and drones.

    With the log-mel (F, N_MELS), beats are also left out where the song is silent for longer than two seconds.
    """
    onset = np.asarray(onset, np.float32)
    if len(onset) < 2 * FRAME_RATE or not onset.max() > 1e-3:
        return NO_BEATS
    flat = _flattened(onset)
    if mel is not None:  # kick and bass tell the beat from what is played between beats
        flat = (1 - _LOW_SHARE) * flat + _LOW_SHARE * _flattened(onset_envelope(mel[:, :_LOW_BANDS]))
    periods = np.arange(int(60 * FRAME_RATE / FASTEST_BPM), int(60 * FRAME_RATE / SLOWEST_BPM) + 1)
    salience, clarity = _tempo_salience(flat, periods)
    known_s = min(len(onset) / FRAME_RATE, _WINDOW_S)  # chance repeats more in a short song
    if clarity < _LEAST_CLARITY * (_WINDOW_S / known_s) ** 0.75:
        return NO_BEATS
    frames = _best_chain(flat, periods, salience)
    frames = frames[_sounding(frames, onset, mel)]
    if len(frames) < 3:
        return NO_BEATS
    times, strength = _refined(frames, flat), _at_peak(flat, frames)
    apart = np.concatenate([[True], np.diff(times) > _REFINE_FRAMES])  # two may have moved onto one onset
    times, strength = times[apart], strength[apart]
    strength = np.clip(strength / max(np.percentile(strength, 95), 1e-6), 0, 1).astype(np.float32)
    return Beats(np.maximum(times - _LATE_FRAMES, 0) / FRAME_RATE, _tempo(times), strength)


def _flattened(onset: np.ndarray) -> np.ndarray:
    """The envelope over its local mean, in units of its local loudness: quiet parts count as loud ones do."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(onset, 1.0)
    above = np.maximum(smooth - gaussian_filter1d(onset, 0.4 * FRAME_RATE), 0)
    level = np.sqrt(gaussian_filter1d(above**2, 3.0 * FRAME_RATE))
    return (above / np.maximum(level, 0.02 * onset.max() + 1e-6)).astype(np.float32)


def _tempo_salience(flat: np.ndarray, periods: np.ndarray) -> tuple[np.ndarray, float]:
    """The salience of each beat period: (windows, P) in 0..1, one window every 3 s; and the pulse's clarity.

    A period's salience is the mean autocorrelation at multiples of it, less what half of it repeats already, times how
    likely people are to tap it.
    """
    width, hop = int(_WINDOW_S * FRAME_RATE), int(_WINDOW_HOP_S * FRAME_RATE)
    starts = np.arange(0, len(flat), hop) + hop // 2 - width // 2
    multiples = np.array(_MULTIPLES)
    fine = periods[:, None] + np.linspace(-0.5, 0.5, 9)  # a beat seldom lasts a whole number of frames
    octaves = np.log2(60 * FRAME_RATE / periods / _LIKELIEST_BPM)
    likely = np.exp(-0.5 * (octaves / _TEMPO_SPREAD) ** 2)
    salience, clarity = np.zeros((len(starts), len(periods)), np.float32), np.zeros(len(starts))
    for row, start in enumerate(starts):
        part = flat[max(0, start) : start + width]
        if len(part) < 2 * FRAME_RATE or part.max() < 0.1:  # rounding errors repeat perfectly
            continue
        correlation = _autocorrelation(part - part.mean(), multiples[-1] * periods[-1] + 3)
        lags = fine[None] * multiples[:, None, None]
        repeated = np.interp(lags, np.arange(len(correlation)), correlation)
        comb = np.average(repeated, axis=0, weights=_MULTIPLE_WEIGHTS).max(axis=1)
        clarity[row] = comb.max()
        between = np.interp(fine / 2, np.arange(len(correlation)), correlation).max(axis=1)
        salience[row] = np.maximum(comb - _HALF_WEIGHT * np.maximum(between, 0), 0) * likely
    overall = salience.mean(axis=0)
    salience = salience + _SONG_SHARE * overall
    salience /= np.maximum(salience.max(axis=1, keepdims=True), 1e-6)
    return salience, float(np.percentile(clarity, 75))


def _autocorrelation(signal: np.ndarray, lags: int) -> np.ndarray:
    """Normalised and unbiased: 1 at lag 0, and no fading with the lag."""
    spectrum = np.fft.rfft(signal, 2 * len(signal))
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[:lags]
    correlation = np.pad(correlation, (0, lags - len(correlation)))
    overlap = np.maximum(len(signal) - np.arange(lags), len(signal) // 4)
    return correlation / overlap * len(signal) / max(correlation[0], 1e-9)


def _best_chain(flat: np.ndarray, periods: np.ndarray, salience: np.ndarray) -> np.ndarray:
    """Frames (B,) of the chain of beats with the highest score, from the first to the last frame.

    Each beat scores the time it stands for (its period) times the onset under it and its period's salience, so that
    fast and slow chains compete on equal terms; a changing period costs. Solved over all (frame, period) pairs.
    """
    count, kinds = len(flat), len(periods)
    limited = np.minimum(flat, 4.0)
    changes = np.arange(-_MOST_CHANGE, _MOST_CHANGE + 1)
    cost = (_CHANGE_COST * np.abs(changes) ** 1.5).astype(np.float32)
    weight = (periods / periods.mean()).astype(np.float32)
    hop = int(_WINDOW_HOP_S * FRAME_RATE)
    bonus = _TEMPO_WEIGHT * salience * weight
    column = np.arange(kinds)
    depth = int(periods[-1]) + 1
    best = np.zeros((depth, kinds + 2 * _MOST_CHANGE), np.float32)  # a ring of the last frames, padded in period
    best[:, :_MOST_CHANGE] = best[:, -_MOST_CHANGE:] = -1e9
    inner = best[:, _MOST_CHANGE:-_MOST_CHANGE]
    came = np.zeros((count, kinds), np.int8)
    neighbours = column[None, :] + np.arange(2 * _MOST_CHANGE + 1)[:, None]
    ends = np.zeros((depth, kinds), np.float32)
    for frame in range(count):
        options = best[(frame - periods) % depth, neighbours] - cost[:, None]
        came[frame] = choice = options.argmax(axis=0)
        gained = options[choice, column]
        inner[frame % depth] = gained + limited[frame] * weight + bonus[min(frame // hop, len(bonus) - 1)]
        if frame >= count - depth:
            ends[frame - (count - depth)] = inner[frame % depth]
    ends[np.arange(depth)[:, None] < depth - periods] = -np.inf  # one more beat would fit
    frame, kind = np.unravel_index(ends.argmax(), ends.shape)
    frame, chain = int(frame) + count - depth, []
    while frame >= 0:
        chain.append(frame)
        frame, kind = frame - int(periods[kind]), min(max(kind + changes[came[frame, kind]], 0), kinds - 1)
    return np.array(chain[::-1])


def _sounding(frames: np.ndarray, onset: np.ndarray, mel: np.ndarray | None) -> np.ndarray:
    """Which beats to keep: those between the first and the last onset, and not in a long silence."""
    started = np.flatnonzero(onset > 0.05 * onset.max())
    kept = (frames >= started[0] - _REFINE_FRAMES) & (frames <= started[-1] + _REFINE_FRAMES)
    if mel is not None:
        loud = np.flatnonzero(mel.max(axis=1) > FLOOR + 0.5)
        if not len(loud):
            return np.zeros(len(frames), bool)
        following = loud[np.minimum(np.searchsorted(loud, frames), len(loud) - 1)]
        previous = loud[np.maximum(np.searchsorted(loud, frames, side="right") - 1, 0)]
        kept &= (following - previous < 2 * FRAME_RATE) | (
            np.minimum(abs(following - frames), abs(previous - frames)) < 3
        )
    return kept


def _at_peak(flat: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """The highest onset within reach of each beat."""
    near = np.clip(frames[:, None] + np.arange(-_REFINE_FRAMES, _REFINE_FRAMES + 1), 0, len(flat) - 1)
    return flat[near].max(axis=1)


def _refined(frames: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """Beats (B,) float in frames, moved onto the parabola through their onset's peak; without an onset they stay."""
    near = np.clip(frames[:, None] + np.arange(-_REFINE_FRAMES, _REFINE_FRAMES + 1), 1, len(flat) - 2)
    peak = near[np.arange(len(frames)), flat[near].argmax(axis=1)]
    left, top, right = flat[peak - 1], flat[peak], flat[peak + 1]
    is_peak = (top >= left) & (top >= right) & (top > 0.3)
    bend = left - 2 * top + right
    offset = np.where(bend < -1e-6, 0.5 * (left - right) / np.where(bend < -1e-6, bend, 1), 0)
    return np.where(is_peak, peak + np.clip(offset, -0.5, 0.5), frames)


def _tempo(frames: np.ndarray) -> float:
    """Beats a minute of the intervals that the middle of them agree with."""
    intervals = np.diff(frames)
    usual = intervals[np.abs(intervals / np.median(intervals) - 1) < 0.1]
    return float(60 * FRAME_RATE / usual.mean())
