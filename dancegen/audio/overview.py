"""A song at a glance, for whatever draws a timeline of it: its loudness, beats, bars, sections and phrases."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.audio.load import decode, probe
from dancegen.audio.song import SongFeatures
from dancegen.audio.structure import song_sections

PEAKS_A_SECOND, MOST_PEAKS = 100, 24_000
SHORTEST_PHRASE_S = 1.0
LOUDEST = 255
"""A peak as loud as the loudest moment."""


def overview(heard: SongFeatures, sound: str | Path, phrases_s: Iterable[float] = (), start_s: float = 0.0) -> dict:
    """A song or a span of one, ready for JSON: start_s and seconds, tempo_bpm, metre, beats_s, downbeats_s, phrases_s,
    sections (start_s, end_s and a label: sections of one letter sound alike), and `peaks`.

    sound: the file of the same span. start_s: the second of the song at which it begins; all times are of the song.
    Raises AudioError where the file cannot be read.
    """
    beats = heard.beats
    spans, numbers = song_sections(heard.mel, beats, heard.seconds)
    sections: list[dict[str, Any]] = [
        {"start_s": round(first + start_s, 3), "end_s": round(last + start_s, 3), "label": _letter(number)}
        for (first, last), number in zip(spans, numbers, strict=True)
    ]
    return {
        "start_s": round(start_s, 3),
        "seconds": round(heard.seconds, 3),
        "tempo_bpm": round(float(beats.tempo_bpm), 1),
        "metre": beats.metre,
        "beats_s": rounded(beats.times_s + start_s),
        "downbeats_s": rounded(beats.times_s[beats.downbeats] + start_s),
        "phrases_s": rounded(_whole_phrases(phrases_s, heard.seconds) + start_s),
        "sections": sections,
        "peaks": peaks(sound, heard.seconds),
    }


def peaks(sound: str | Path, seconds: float) -> list[int]:
    """How loud a file is at most in each of even pieces of its `seconds`, of 255. Raises AudioError."""
    count = int(min(MOST_PEAKS, max(1, seconds * PEAKS_A_SECOND)))
    info, found, begins = probe(sound), np.zeros(count, np.float32), 0
    for block in decode(info):
        pieces = ((begins + np.arange(len(block))) * (count / (seconds * info.sample_rate))).astype(int)
        np.maximum.at(found, pieces.clip(max=count - 1), np.abs(block).max(axis=1))
        begins += len(block)
    return np.rint(LOUDEST * found / max(float(found.max()), 1e-6)).astype(int).tolist()


def _whole_phrases(starts_s: Iterable[float], seconds: float) -> np.ndarray:
    """Where phrases begin, (P,): what is shorter than SHORTEST_PHRASE_S at the beginning or the end joins the next."""
    starts = np.asarray(starts_s, float)
    return starts[(starts == 0) | ((starts >= SHORTEST_PHRASE_S) & (starts <= seconds - SHORTEST_PHRASE_S))]


def rounded(times_s: Iterable[float]) -> list[float]:
    """To milliseconds."""
    return [round(float(time), 3) for time in times_s]


def _letter(number: int) -> str:
    """A, B, ... Z, A2, ..."""
    return chr(ord("A") + number % 26) + (str(number // 26 + 1) if number > 25 else "")
