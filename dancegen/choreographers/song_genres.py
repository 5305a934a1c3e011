"""Which genre is danced to a song when nobody named one.

Every genre that a model knows is likely as far as the model has learnt it, and as its tempo and liveliness suit the
song; the rest is up to the seed. A song keeps one genre but where a section clearly asks for another, and sections
that repeat an earlier one are danced as that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dancegen.audio.structure import song_sections
from dancegen.choreographers.genres import Genre, GenreSpan, joined

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures

TEMPO_SPREAD = 0.25
"""Octaves between a song's tempo and that of a genre's songs, at which it suits clearly less."""
TEMPO_WEIGHT, ENERGY_WEIGHT = 1.0, 0.5
USUAL_BPM, BPM_SPREAD = 115.0, 0.35
"""The tempo of a song that is neither calm nor lively, and the octaves that make it one or the other."""
USUAL_PEAKS, PEAKS_SPREAD = 7.0, 2.5
"""Onsets a second of such a song."""
LOUDER = 0.12
"""By how much, in log10 of the spectrogram, a section is louder than its song that is clearly livelier."""
LIVELIEST = 1.5
LEAST_S = 60.0
"""Genres learnt from less dance than this are danced where they are asked for alone: there is too little to vary."""
STAYS = 3.5
"""What a genre that is danced already has before the others, as the logarithm of how much likelier it is."""


@dataclass(frozen=True)
class Mood:
    """What a song, or a section of it, is like: its tempo (0: no beat), and how lively, 0 usual, 1 clearly lively."""

    tempo_bpm: float
    energy: float


def choose_genres(song: SongFeatures, known: Sequence[Genre], seed: int) -> tuple[GenreSpan, ...]:
    """What to dance from when until when, over all of the song; nothing where no genre is known.

    Times are seconds of the song. The same song and seed give the same, and a song begins alike however long it is
    danced: with the genre that suits its tempo and onsets.
    """
    if not known:
        return ()
    known = [genre for genre in known if genre.seconds is None or genre.seconds >= LEAST_S] or known
    whole = mood(song)
    main = _drawn(known, whole, seed, 0, None)
    marks, labels = song_sections(song.mel, song.beats, song.seconds)
    chosen: dict[int, Genre] = {labels[0]: main}
    spans = []
    for (start, end), label in zip(marks, labels, strict=True):
        if label not in chosen:
            section = Mood(whole.tempo_bpm, whole.energy + _louder(song, start, end))
            chosen[label] = _drawn(known, section, seed, label + 1, main)
        spans.append(GenreSpan(song.start_s + start, song.start_s + end, chosen[label].name))
    return joined(spans)


def mood(song: SongFeatures) -> Mood:
    """Of a whole song: fast songs with many onsets are lively, however loud they were mastered."""
    tempo = song.beats.tempo_bpm
    fast = np.log2(tempo / USUAL_BPM) / BPM_SPREAD if tempo else 0.0
    dense = (_peaks(song.onset) / max(song.seconds, 1.0) - USUAL_PEAKS) / PEAKS_SPREAD
    return Mood(tempo, float(np.clip((fast + dense) / 2, -LIVELIEST, LIVELIEST)))


def _peaks(onset: np.ndarray) -> int:
    """How many clear onsets there are."""
    if len(onset) < 3:
        return 0
    inner = onset[1:-1]
    return int(((inner > onset[:-2]) & (inner >= onset[2:]) & (inner > np.median(onset) + onset.std() / 2)).sum())


def _louder(song: SongFeatures, start_s: float, end_s: float) -> float:
    """How much livelier a part is than its song, by its level."""
    first, last = (round(moment * song.frame_rate) for moment in (start_s, end_s))
    part = song.mel[first : max(last, first + 1)]
    if not len(part):
        return 0.0
    return float(np.clip((part.mean() - song.mel.mean()) / LOUDER, -LIVELIEST, LIVELIEST))


def _drawn(known: Sequence[Genre], asked: Mood, seed: int, number: int, before: Genre | None) -> Genre:
    """The likeliest, once chance has been added (the Gumbel-max trick: each is drawn as often as it is likely)."""
    rng = np.random.default_rng([seed % 2**32, 7, number])
    scores = suitability(known, asked) + rng.gumbel(size=len(known))
    if before is not None:
        scores[known.index(before)] += STAYS
    return known[int(np.argmax(scores))]


def suitability(known: Sequence[Genre], asked: Mood) -> np.ndarray:
    """Logarithms of how likely each genre is, (G,), up to a constant.

    As often as training showed it, which is by the square root of its seconds; less often where the songs it was
    danced to are of another tempo, halves and doubles of it aside, or where it is calmer or livelier than the song, as
    genres go. What is not known of all of them does not count.
    """
    scores = np.zeros(len(known))
    if all(genre.seconds for genre in known):
        scores += 0.5 * np.log([genre.seconds or 1.0 for genre in known])
    if asked.tempo_bpm and all(genre.tempo_bpm for genre in known):
        octaves = np.log2([asked.tempo_bpm / (genre.tempo_bpm or 1.0) for genre in known])
        scores -= TEMPO_WEIGHT * ((octaves - np.round(octaves)) / TEMPO_SPREAD) ** 2 / 2
    if len(known) > 1 and all(genre.speed for genre in known):
        lively = np.log([genre.speed or 1.0 for genre in known])
        lively = (lively - lively.mean()) / max(float(lively.std()), 0.05)
        scores -= ENERGY_WEIGHT * (lively.clip(-LIVELIEST, LIVELIEST) - asked.energy) ** 2
    return scores
