"""How lively to dance, phrase by phrase: at random, and livelier where the music becomes louder.

Left to itself a model dances all of a song as its data were danced on average. Real dancers keep a style up for some
bars, and then another.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures

PHRASE_BEATS, PHRASE_S = 8, 4.0
"""About how long a style is kept, where there is a beat and where there is none."""
LONGEST_S = 10.0
"""Of a phrase, where the beat pauses."""
BALANCED = 4
"""Phrases whose styles balance each other."""
TURN_S = 0.5
"""In which one style becomes the next."""
LOUDEST = 1.7
"""Standard deviations that loudness alone may ask for."""
FOLLOWS = 0.6
"""Correlation of how lively a phrase of the dance is with how loud the music is there."""


def phrases(song: SongFeatures) -> np.ndarray:
    """Where the phrases of a song begin: (P,) seconds, the first 0, the others on bars.

    A phrase has one, two or four bars: what comes nearest to eight beats.
    """
    bars = 2 ** max(0, round(np.log2(PHRASE_BEATS / song.beats.bar_beats)))
    beats = song.beats.times_s[song.beats.downbeats[::bars]]
    marks = [0.0, *beats[(beats > 0) & (beats < song.seconds)], song.seconds]
    longest = LONGEST_S if len(beats) else PHRASE_S
    return np.concatenate([np.arange(a, b, longest) for a, b in pairwise(marks)])


def loudness(song: SongFeatures, marks: np.ndarray) -> np.ndarray:
    """How loud the music becomes as each phrase begins, (P,): about 1 where it doubles against the phrases before.

    It looks no further ahead than half a second, so that a song's beginning is danced the same however it goes on.
    """
    reach = round(song.frame_rate / 2)
    frames = np.rint(marks * song.frame_rate).astype(int).clip(max=max(len(song.mel) - 1, 0))
    levels = np.array([song.mel[frame : frame + reach].mean() for frame in frames])
    before = np.cumsum(levels) / np.arange(1, len(levels) + 1)
    return ((levels - before) / np.log10(2)).clip(-LOUDEST, LOUDEST)


def drawn(seed: int, count: int, width: int) -> np.ndarray:
    """Standard normal numbers (count, width), each row from the seed and its place alone.

    Of `BALANCED` rows in turn each column has one number from each quantile, in a random order (stratified sampling):
    no minute of a dance is calmer than another by chance.
    """
    from scipy.special import ndtri

    blocks = []
    for block in range(-(-count // BALANCED)):
        rng = np.random.default_rng([seed % 2**32, block])
        order = rng.permuted(np.repeat(np.arange(BALANCED)[:, None], width, 1), axis=0)
        blocks.append(ndtri((order + rng.random((BALANCED, width))) / BALANCED))
    return np.concatenate(blocks)[:count]


def followed(normal: np.ndarray, lively: np.ndarray, loud: np.ndarray) -> np.ndarray:
    """Normal numbers (P, C) whose part along the unit vector `lively` (C,) follows `loud` (P,); their spread stays."""
    calm = (1 - np.sqrt(1 - FOLLOWS**2)) * (normal @ lively)
    return normal + np.outer(FOLLOWS * loud - calm, lively)


def held(song: SongFeatures, marks: np.ndarray, values: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Values (P, C) of phrases at the moments (N,) of a song, (N, C): each kept up, once the one before has turned."""
    ends = np.append(marks[1:], song.seconds)
    moments = np.stack([np.minimum(marks + TURN_S, ends), ends], 1).ravel()
    return np.stack([np.interp(times_s, moments, np.repeat(wave, 2)) for wave in values.T], 1)
