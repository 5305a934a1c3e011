"""Where the bars of a song begin, and its metre: a guess from its beats and its log-mel.

Three steps: how likely each beat begins a bar, by what sounds on it; how well beats repeat after two, three and four of
them; and, for each length of a bar, the best chain of bars through the whole song (dynamic programming over beats and
their place in the bar), which may lose or gain a beat where the tracker did.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from dancegen.audio.beats import PAUSE, USUAL_BAR, Beats, metre_of
from dancegen.audio.features import FRAME_RATE, onset_envelope
from dancegen.audio.tracker import at_peak, flattened

FEWEST_BEATS = 8
"""That tell a metre."""
_BANDS = ((0, 5), (5, 10), (10, 25), (25, 50), (50, 80))  # of the mel: kick, bass, voices, snare, cymbals
_BASS = slice(0, 12)
_WEIGHTS = (0.55, 0.0, 0.4, -0.95, -0.3)  # of the onsets in each band: the kick is on the one, the snare is not
_BASS_WEIGHT, _USUALLY = 0.3, -1.22  # of a new note of the bass; and the log-odds of any beat
"""Fitted by logistic regression to the downbeats of 60 synthesised songs; without the style that is looked at, they are
as good for it."""
_REPEATS = 0.7  # of how alike beats are that are a bar or two apart, against the chain's mean log-likelihood
_TWO_BARS = 0.5  # of beats two bars apart against those one apart
_SLIP = 6.0  # log-likelihood that a bar costs with a beat too few or too many
_LENGTHS, _IN_THREE = (3, 4), (2, 3)  # beats a bar; where each beat is divided in three
_PARTS = (0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4)  # of a beat, at which onsets are looked for
_REACH = 2  # frames round them
_MIDDLE = 0.25  # of three eighths, the middle one against the last: hardly heard in swing
_AUDIBLE = 0.05  # of the beat's own onset


def with_bars(beats: Beats, mel: np.ndarray) -> Beats:
    """The same beats with their bars and metre, given the log-mel (F, N_MELS) of what they are of.

    Bars of two are looked for only where beats are divided in three (6/8): two bars of 2/4 count as one of four. Bars
    are counted in fours from the first beat where there are too few to tell, and there are none without beats.
    """
    count = len(beats.times_s)
    if not count:
        return beats
    if count < FEWEST_BEATS:
        return replace(beats, downbeats_s=beats.times_s[::USUAL_BAR], metre=metre_of(USUAL_BAR))
    onsets, bass = _onsets(beats.times_s, mel), _bass_changes(beats.times_s, mel)
    odds = _USUALLY + _BASS_WEIGHT * _standard(bass)
    for weight, own in zip(_WEIGHTS, onsets[:, 0], strict=True):
        odds = odds + weight * _standard(own)
    three = in_three(beats, mel)
    rows = onsets.reshape(-1, count).T
    found = {}
    for length in _IN_THREE if three else _LENGTHS:
        likelihood, first = _best_bars(odds, length, _after_pause(beats.times_s))
        found[length] = (likelihood / count + _REPEATS * _repeats(rows, beats.times_s, mel, length), first)
    length = max(found, key=lambda each: found[each][0])
    return replace(beats, downbeats_s=beats.times_s[found[length][1]], metre=metre_of(length, in_three=three))


def in_three(beats: Beats, mel: np.ndarray) -> bool:
    """Whether each beat is divided into three that are all heard, as in 6/8; in swing the middle one is not."""
    if len(beats.times_s) < 2:
        return False
    strength = flattened(onset_envelope(mel))
    on, fourth, third, half, two_thirds, three_fourths = (
        at_peak(strength, frames, _REACH).mean() for frames in _part_frames(beats.times_s)
    )
    return bool(
        min(third, two_thirds) > half
        and third > fourth
        and two_thirds > 0.95 * three_fourths
        and third > _MIDDLE * two_thirds
        and two_thirds > _AUDIBLE * on
    )


def _part_frames(times_s: np.ndarray) -> np.ndarray:
    """(parts, B) frames of each beat's parts."""
    apart = np.append(np.diff(times_s), np.median(np.diff(times_s)))
    return np.rint((times_s + np.array(_PARTS)[:, None] * apart) * FRAME_RATE).astype(int)


def _onsets(times_s: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """(bands, parts, B): the strength of onsets in each band at each part of each beat."""
    frames = _part_frames(times_s)
    strengths = (flattened(onset_envelope(mel[:, first:last])) for first, last in _BANDS)
    return np.stack([[at_peak(strength, own, _REACH) for own in frames] for strength in strengths])


def _spectra(times_s: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """(B, N_MELS): the mean log-mel of each beat but its first quarter, in which drums sound."""
    frames = np.clip(np.rint(times_s * FRAME_RATE).astype(int), 0, max(len(mel) - 2, 0))
    end = min(len(mel), frames[-1] + int(np.median(np.diff(frames))))
    return np.stack([mel[a + (b - a) // 4 : max(b, a + 1)].mean(0) for a, b in pairwise([*frames, end])])


def _bass_changes(times_s: np.ndarray, mel: np.ndarray) -> np.ndarray:
    """(B,): by how much the spectrum of the bass differs from the beat before."""
    bass = _spectra(times_s, mel)[:, _BASS]
    bass = bass - bass.mean(1, keepdims=True)
    return np.append(0, np.linalg.norm(np.diff(bass, axis=0), axis=1))


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / max(float(values.std()), 1e-6)


def _repeats(onsets: np.ndarray, times_s: np.ndarray, mel: np.ndarray, length: int) -> float:
    """How alike beats are that are one and two bars apart, in their onsets (B, C) and in their spectra."""
    rows = ((each - each.mean(0)) / (each.std(0) + 0.05) for each in (onsets, _spectra(times_s, mel)))
    return sum(_alike(each, length) + _TWO_BARS * _alike(each, 2 * length) for each in rows) / 2


def _alike(rows: np.ndarray, lag: int) -> float:
    """The correlation of rows (B, C) with those `lag` later; 0 where there are too few."""
    if len(rows) <= lag + USUAL_BAR:
        return 0.0
    one, other = rows[:-lag], rows[lag:]
    return float((one * other).sum() / max(np.sqrt((one**2).sum() * (other**2).sum()), 1e-9))


def _after_pause(times_s: np.ndarray) -> np.ndarray:
    """(B,) bool: beats before which there is a pause. A bar may begin anew there."""
    apart = np.diff(times_s)
    return np.append(False, apart > PAUSE * np.median(apart))


def _best_bars(odds: np.ndarray, length: int, anew: np.ndarray) -> tuple[float, np.ndarray]:
    """The log-likelihood of the best chain of bars, and which beats (D,) begin them.

    odds: (B,) log-odds that a beat begins a bar. anew: (B,) where leaving a bar unfinished costs nothing.
    """
    begins, goes_on = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
    scores = np.repeat(goes_on[:, None], length, 1)
    scores[:, 0] = begins
    best, came = scores[0], np.zeros((len(odds), length), int)
    before = (np.arange(length) - 1) % length
    for beat in range(1, len(odds)):
        strongest = int(best.argmax())
        jumped = best[strongest] - (0.0 if anew[beat] else _SLIP)
        came[beat] = np.where(jumped > best[before], strongest, before)
        best = np.maximum(best[before], jumped) + scores[beat]
    place = int(best.argmax())
    likelihood, places = float(best[place]), [place]
    for beat in range(len(odds) - 1, 0, -1):
        place = int(came[beat, place])
        places.append(place)
    return likelihood, np.flatnonzero(np.array(places[::-1]) == 0)
