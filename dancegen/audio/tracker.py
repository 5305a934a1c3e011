"""The beat tracker: beats and tempo of a song, from its onset envelope at 90 frames a second.

Three steps: the salience of each tempo around each moment (autocorrelation); the best chain of beats through
the whole song, whose period may follow the tempo (dynamic programming over time and period); and each beat moved
onto the onset it stands for, to a fraction of a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancegen.audio.beats import NO_BEATS, Beats, tempo_of
from dancegen.audio.features import FLOOR, FRAME_RATE, onset_envelope

SLOWEST_BPM, FASTEST_BPM = 60.0, 200.0
_LIKELIEST_BPM, _TEMPO_SPREAD = 120.0, 0.7  # centre, and standard deviation in octaves, of tempi people tap to
_HINT_SPREAD, _NEAR = 0.06, 1.15  # the same round a tempo that was given, and by what factor the music may leave it
_WINDOW_S, _WINDOW_HOP_S = 12.0, 3.0  # over which tempo salience is measured
_MULTIPLES, _MULTIPLE_WEIGHTS = (1, 2, 3, 4, 6, 8), (1, 1, 0.5, 2, 0.5, 1)  # of a period: most music goes in fours
_HALF_WEIGHT = 0.3  # what repeats at half a period takes from the period
_SONG_SHARE = 1.0  # of the whole song's salience against the moment's: a tempo seldom changes
_LOW_BANDS, _LOW_SHARE = 10, 0.5  # mel bands (to 420 Hz) of kick and bass, and their share of the onsets
_LEAST_CLARITY = 0.17  # pulse clarity that noise and drones stay under
_CLEAR = 0.4  # pulse clarity of music that does not sway
_LEAST_FIRMNESS = 0.65  # of a free chain of beats: in noise, rain and speech it has up to 0.57
_SAME_TEMPO = 1.08  # by what factor a chain at twice the tempo may leave that
_TWICE = 1.2  # by how much better it must be: of 250 synthesised songs that came to more, 8 became right and 2 wrong
_AN_ONSET = 0.3  # of the highest onsets: what counts as one
_KICK_BANDS = 5  # mel bands, to some 150 Hz
_THIRD, _OTHERS = 1 / 3, (1 / 4, 1 / 2, 2 / 3)  # of a beat: where the beat may be, and where hardly anything then is
_ALONE = 2.0  # by what factor onsets are stronger there than at the others
_BESIDE = range(6, 26)  # frames by which beats are moved to see whether they matter
_MOST_HIGHER = 20.0
_REFINE_FRAMES = 3  # how far a beat may move onto its onset
_LATE_FRAMES = 0.5  # by which the onset envelope peaks after the perceived start of a sound


@dataclass(frozen=True)
class _Manner:
    """How freely a chain of beats may move. tempo_weight: of a tempo's salience against the onsets its beats fall on.

    change_cost: of one frame's change of period. most_change: frames by which it may change from beat to beat.
    """

    tempo_weight: float
    change_cost: float
    most_change: int


_STEADY = _Manner(3.0, 0.6, 3)
_FREE = _Manner(0.5, 0.1, 6)
"""Of a song that sways: it has no tempo to hold on to, but its onsets."""


def track_beats(onset: np.ndarray, mel: np.ndarray | None = None, tempo_bpm: float | None = None) -> Beats:
    """The beats of a song from its onset envelope (F,): none in silence, noise and drones.

    With the log-mel (F, N_MELS), beats are also left out where the song is silent for longer than two seconds.
    tempo_bpm: what a person says it is: tempi near it are looked for only, and anything but silence has beats.
    """
    onset = np.asarray(onset, np.float32)
    if len(onset) < 2 * FRAME_RATE or not onset.max() > 1e-3:
        return NO_BEATS
    full = flat = low = flattened(onset)
    if mel is not None:  # kick and bass tell the beat from what is played between beats
        low = flattened(onset_envelope(mel[:, :_LOW_BANDS]))
        flat = (1 - _LOW_SHARE) * flat + _LOW_SHARE * low
    slowest, fastest = (SLOWEST_BPM, FASTEST_BPM) if tempo_bpm is None else (tempo_bpm / _NEAR, tempo_bpm * _NEAR)
    periods = np.arange(int(60 * FRAME_RATE / fastest), int(60 * FRAME_RATE / slowest) + 1)
    salience, clarity = _tempo_salience(flat, periods, tempo_bpm)
    chance = (_WINDOW_S / min(len(onset) / FRAME_RATE, _WINDOW_S)) ** 0.75  # it repeats more in a short song
    frames = _beat_frames(flat, periods, salience, clarity / chance, chance, sure=tempo_bpm is not None)
    if tempo_bpm is None:
        frames = _right_octave(flat, low, periods, salience, frames)
        if mel is not None:
            frames = _behind_the_upbeat(full, flattened(onset_envelope(mel[:, :_KICK_BANDS])), frames)
    frames = frames[_sounding(frames, onset, mel)]
    if len(frames) < 3:
        return NO_BEATS
    times, strength = _refined(frames, flat), at_peak(flat, frames)
    apart = np.concatenate([[True], np.diff(times) > _REFINE_FRAMES])  # two may have moved onto one onset
    times, strength = times[apart], strength[apart]
    strength = np.clip(strength / max(np.percentile(strength, 95), 1e-6), 0, 1).astype(np.float32)
    times_s = np.maximum(times - _LATE_FRAMES, 0) / FRAME_RATE
    return Beats(times_s, tempo_of(times_s), strength)


def _beat_frames(
    flat: np.ndarray, periods: np.ndarray, salience: np.ndarray, clarity: float, chance: float, *, sure: bool
) -> np.ndarray:
    """Frames (B,) of the beats; none where there is no beat, unless a person is `sure` that there is one."""
    steady = _best_chain(flat, periods, salience, _STEADY)
    if sure or clarity >= _CLEAR:
        return steady
    free = _best_chain(flat, periods, salience, _FREE)
    firm = _firmness(flat, free)
    if firm >= _LEAST_FIRMNESS * chance**1.5 and firm > _firmness(flat, steady):
        return free
    return steady if clarity >= _LEAST_CLARITY else free[:0]


def _right_octave(
    flat: np.ndarray, low: np.ndarray, periods: np.ndarray, salience: np.ndarray, frames: np.ndarray
) -> np.ndarray:
    """Frames (B,) of a chain of beats, or of one twice as fast where kick and bass fall between the beats as on them.

    What repeats at every beat repeats at every second one too, so that fast swing and drum and bass are first heard at
    half their tempo. The faster chain has to be the better by the product of three ratios: how well the two explain the
    onsets, the root of how salient their tempi are, and the low onsets between the beats over those on them.
    """
    if len(frames) < 3:
        return frames
    period = float(np.median(np.diff(frames)))
    about = abs(np.log(2 * periods / period)) < np.log(_SAME_TEMPO)
    if not about.any():
        return frames
    twice = _best_chain(flat, periods[about], salience[:, about], _STEADY)
    overall = salience.mean(axis=0)
    salient = overall[about].max() / max(overall[abs(periods - period) <= 1.5].max(initial=0), 1e-6)
    apart = np.abs(twice[:, None] - frames).min(axis=1)
    between = twice[apart > _REFINE_FRAMES]
    if not len(between):
        return frames
    lower = at_peak(low, between).mean() / max(at_peak(low, frames).mean(), 1e-6)
    firmer = _firmness(flat, twice) / max(_firmness(flat, frames), 1e-6)
    return twice if firmer * salient**0.5 * lower > _TWICE else frames


def _behind_the_upbeat(full: np.ndarray, kick: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Frames (B,) of a chain of beats, or of one a third of a beat later if the first is of upbeats.

    In a jig and in swing the eighth before the beat may be as loud as the beat. Then there is a short time to the next
    sound and a long one behind it, where a beat has them the other way round. The kick tells, or what is louder.
    """
    if len(frames) < 3:
        return frames
    apart = np.append(np.diff(frames), np.median(np.diff(frames)))
    later = np.rint(frames + _THIRD * apart).astype(int)
    others = max(at_peak(full, np.rint(frames + part * apart).astype(int), 2).mean() for part in _OTHERS)
    if at_peak(full, later, 2).mean() <= _ALONE * others:
        return frames
    if all(at_peak(each, later, 2).mean() <= at_peak(each, frames, 2).mean() for each in (kick, full)):
        return frames
    before = later[0] - int(apart[0])
    return np.append(before, later) if before >= 0 else later


def _firmness(flat: np.ndarray, frames: np.ndarray) -> float:
    """How well a chain of beats explains the onsets, from 0 on: a free one does so by chance, but not that well.

    The share of beats that have an onset, times the share of onsets that have a beat, times the logarithm of how much
    higher the onsets are at the beats than at the same times moved by a part of a beat.
    """
    loud = _AN_ONSET * np.percentile(flat, 99)
    at_beats = at_peak(flat, frames)
    inner = flat[1:-1]
    peaks = np.flatnonzero((inner >= flat[:-2]) & (inner > flat[2:]) & (inner > loud)) + 1
    if not len(peaks) or not len(frames):
        return 0.0
    next_beat = np.minimum(np.searchsorted(frames, peaks), len(frames) - 1)
    apart = np.minimum(abs(frames[next_beat] - peaks), abs(frames[np.maximum(next_beat - 1, 0)] - peaks))
    explained = flat[peaks[apart <= _REFINE_FRAMES]].sum() / flat[peaks].sum()
    beside = np.mean([at_peak(flat, frames + moved).mean() for moved in _BESIDE])
    higher = at_beats.mean() / max(beside, at_beats.mean() / _MOST_HIGHER, 1e-9)
    return float((at_beats > loud).mean() * explained * np.log(max(higher, 1.0)))


def flattened(onset: np.ndarray) -> np.ndarray:
    """The envelope over its local mean, in units of its local loudness: quiet parts count as loud ones do."""
    from scipy.ndimage import gaussian_filter1d

    smooth = gaussian_filter1d(onset, 1.0)
    above = np.maximum(smooth - gaussian_filter1d(onset, 0.4 * FRAME_RATE), 0)
    level = np.sqrt(gaussian_filter1d(above**2, 3.0 * FRAME_RATE))
    return (above / np.maximum(level, 0.02 * onset.max() + 1e-6)).astype(np.float32)


def _tempo_salience(flat: np.ndarray, periods: np.ndarray, tempo_bpm: float | None) -> tuple[np.ndarray, float]:
    """The salience of each beat period: (windows, P) in 0..1, one window every 3 s; and the pulse's clarity.

    A period's salience is the mean autocorrelation at multiples of it, less what half of it repeats already, times how
    likely people are to tap it.
    """
    width, hop = int(_WINDOW_S * FRAME_RATE), int(_WINDOW_HOP_S * FRAME_RATE)
    starts = np.arange(0, len(flat), hop) + hop // 2 - width // 2
    multiples = np.array(_MULTIPLES)
    fine = periods[:, None] + np.linspace(-0.5, 0.5, 9)  # a beat seldom lasts a whole number of frames
    centre, spread = (_LIKELIEST_BPM, _TEMPO_SPREAD) if tempo_bpm is None else (tempo_bpm, _HINT_SPREAD)
    octaves = np.log2(60 * FRAME_RATE / periods / centre)
    likely = np.exp(-0.5 * (octaves / spread) ** 2)
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


def _best_chain(flat: np.ndarray, periods: np.ndarray, salience: np.ndarray, manner: _Manner) -> np.ndarray:
    """Frames (B,) of the chain of beats with the highest score, from the first to the last frame.

    Each beat scores the time it stands for (its period) times the onset under it and its period's salience, so that
    fast and slow chains compete on equal terms; a changing period costs. Solved over all (frame, period) pairs.
    """
    count, kinds, most = len(flat), len(periods), manner.most_change
    limited = np.minimum(flat, 4.0)
    changes = np.arange(-most, most + 1)
    cost = (manner.change_cost * np.abs(changes) ** 1.5).astype(np.float32)
    weight = (periods / periods.mean()).astype(np.float32)
    hop = int(_WINDOW_HOP_S * FRAME_RATE)
    bonus = manner.tempo_weight * salience * weight
    column = np.arange(kinds)
    depth = int(periods[-1]) + 1
    best = np.zeros((depth, kinds + 2 * most), np.float32)  # a ring of the last frames, padded in period
    best[:, :most] = best[:, -most:] = -1e9
    inner = best[:, most:-most]
    came = np.zeros((count, kinds), np.int8)
    neighbours = column[None, :] + np.arange(2 * most + 1)[:, None]
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


def at_peak(flat: np.ndarray, frames: np.ndarray, reach: int = _REFINE_FRAMES) -> np.ndarray:
    """The highest onset within `reach` frames of each of the frames (B,)."""
    near = np.clip(frames[:, None] + np.arange(-reach, reach + 1), 0, len(flat) - 1)
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
