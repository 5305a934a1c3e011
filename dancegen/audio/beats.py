"""The beats of a song: their times, what spectrogram bands tell of them, their file, and the bars they make."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.audio.features import FLOOR, FRAME_RATE
from dancegen.errors import AudioError, reading
from dancegen.text import read_json

if TYPE_CHECKING:
    from torch import Tensor

USUAL_BAR = 4
"""Beats a bar where nobody has found the bars."""
FORMAT = 2
"""Of the file: files of the first say nothing of bars, nor which format they have."""
UNSAID = "?"
"""A metre that is told from the bars next."""
_METRE = re.compile(r"(\d{1,2})/(\d{1,2})")
BEAT_BANDS = 2  # extra bands of a log-mel that encode the beat's phase
FEWEST_INTERVALS = 4  # that tell the tempo of a part of a song
_BEAT_LOUDNESS, _BEAT_SWING = 3.0, 2.0  # of those bands above silence, mean and half the range, in log10
_CHORD_BANDS = slice(10, 60)  # of the spectrogram: 420 Hz to 5 kHz
PAUSE = 1.8
"""Usual beats that are no beat but a pause."""


_FILE = "beats file"
_LATEST_S, _MOST_BPM = 1e6, 1e4
"""What a beats file may state at most."""


@dataclass(frozen=True)
class Beats:
    """Beat times (B,) float64 in seconds, tempo (0.0: no beat), onset strength at each beat, 0 to 1.

    Times count from `start_s` of the song on, which is 0 for the beats of a whole song. downbeats_s: (D,) those of the
    times on which bars begin. metre: of most bars, like 3/4; in 6/8 a bar has two beats, unless its eighths are the
    beats. It is empty where nobody has looked for bars.
    """

    times_s: np.ndarray
    tempo_bpm: float
    strength: np.ndarray
    start_s: float = 0.0
    downbeats_s: np.ndarray = field(default_factory=lambda: np.empty(0))
    metre: str = ""

    @staticmethod
    def is_metre(text: str) -> bool:
        """Whether a metre may be written so."""
        return _METRE.fullmatch(text) is not None

    @property
    def downbeats(self) -> np.ndarray:
        """(D,) which of the beats begin a bar; without known bars every fourth one, from the first."""
        if not self.metre:
            return np.arange(0, len(self.times_s), USUAL_BAR)
        return np.searchsorted(self.times_s, self.downbeats_s)

    @property
    def bar_beats(self) -> int:
        """How many beats most bars have."""
        counts = np.bincount(np.diff(self.downbeats))
        if len(counts):
            return int(counts.argmax())
        return beats_of(self.metre) if self.metre else USUAL_BAR

    def between(self, start_s: float, end_s: float) -> Beats:
        """Those of them from `start_s` up to, but without, `end_s`, as the beats of that part of the song.

        The part's tempo is that of its own beats or, where there are too few to tell, the song's; without beats 0.
        """
        inside = (self.times_s >= start_s) & (self.times_s < end_s)
        times = self.times_s[inside] - start_s
        tempo = tempo_of(times) if len(times) > FEWEST_INTERVALS else self.tempo_bpm if len(times) else 0.0
        return self.only(inside, start_s, tempo)

    def only(self, which: np.ndarray, start_s: float, tempo_bpm: float) -> Beats:
        """The beats (B,) bool that are chosen, with what bars begin on them, in seconds from `start_s` on."""
        kept = self.times_s[which]
        downbeats = self.downbeats_s[np.isin(self.downbeats_s, kept)]
        return Beats(
            kept - start_s, tempo_bpm, self.strength[which], self.start_s + start_s, downbeats - start_s, self.metre
        )

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        record = {
            "format": FORMAT,
            "tempo_bpm": round(float(self.tempo_bpm), 3),
            "times_s": [round(float(time), 5) for time in self.times_s],
            "strength": [round(float(strength), 4) for strength in self.strength],
            "start_s": round(float(self.start_s), 5),
            "downbeats_s": [round(float(time), 5) for time in self.downbeats_s],
            "metre": self.metre,
        }
        Path(path).write_text(json.dumps(record) + "\n")

    @staticmethod
    def load(path: str | Path) -> Beats:
        """Read what `save` wrote, now or when it knew of no bars. Raises AudioError for a file that is not that."""
        record = read_json(path, _FILE, AudioError)
        with reading(path, _FILE, AudioError):
            times, strength = np.array(record["times_s"], np.float64), np.array(record["strength"], np.float32)
            tempo, start_s = float(record["tempo_bpm"]), float(record.get("start_s", 0.0))
            if times.shape != strength.shape or times.ndim != 1 or not (np.diff(times) > 0).all():
                raise AudioError(f"{path} is not a beats file (times and strengths do not match): make it again")
            if (
                not (np.abs([*times, start_s]) < _LATEST_S).all()
                or not 0 <= tempo <= _MOST_BPM
                or not np.isfinite(strength).all()
            ):
                raise AudioError(f"{path} is not a beats file (its numbers are out of all bounds): make it again")
            downbeats, metre = np.array(record.get("downbeats_s", ()), np.float64), str(record.get("metre", ""))
            if downbeats.ndim != 1 or not np.isin(downbeats, times).all() or not (np.diff(downbeats) > 0).all():
                raise AudioError(f"{path} is not a beats file (its bars begin on no beats): make it again")
            if metre and not Beats.is_metre(metre):
                raise AudioError(f"{path} is not a beats file (it has no metre {metre[:20]!r}): make it again")
            return Beats(times, tempo, strength, start_s, downbeats if metre else downbeats[:0], metre)

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
        kept = apart <= PAUSE * np.median(apart)
        inside = (times_s >= beats[0]) & (times_s <= beats[-1])
        return phase, inside & kept[np.minimum(phase.astype(int), len(apart) - 1)]

    @staticmethod
    def phasor(bands: Tensor) -> Tensor:
        """The inverse of `bands`, (..., BEAT_BANDS): cosine and sine of the beat's phase, (0, 0) where it is silent."""
        return (bands - FLOOR - _BEAT_LOUDNESS) / _BEAT_SWING * (bands > FLOOR + (_BEAT_LOUDNESS - _BEAT_SWING) / 2)


def bar_lines(beats: Beats, mel: np.ndarray) -> np.ndarray:
    """Times (N,) in seconds of the beats on which bars begin; of bars with two beats every other one.

    mel: log-mel (F, N_MELS) of what the beats are of. Files of earlier versions say nothing of bars: theirs are counted
    in fours from where the spectrum changes the most, as the dances that lie beside them were filmed.
    """
    if beats.metre:
        return beats.downbeats_s[:: 2 if beats.bar_beats == 2 else 1]
    if len(beats.times_s) <= USUAL_BAR:
        return beats.times_s[:1]
    frames = np.clip(np.rint(beats.times_s * FRAME_RATE).astype(int), 0, max(len(mel) - 1, 0))
    spectra = [mel[a : max(a + 1, b), _CHORD_BANDS].mean(0) for a, b in pairwise(frames)]
    change = np.linalg.norm(np.diff(spectra, axis=0), axis=1)  # of the second beat on
    means = [change[(phase - 1) % USUAL_BAR :: USUAL_BAR].mean() for phase in range(USUAL_BAR)]
    return beats.times_s[int(np.argmax(means)) :: USUAL_BAR]


def metre_of(bar_beats: int, *, in_three: bool = False) -> str:
    """How a metre is written: of beats that are divided in three, two make a bar of 6/8; six eighths do so too."""
    return "6/8" if bar_beats == 6 or (bar_beats == 2 and in_three) else f"{bar_beats}/4"


def beats_of(metre: str) -> int:
    """Beats a bar of a metre as it is written: two in 6/8."""
    return 2 if metre == "6/8" else int(metre.split("/")[0])


def tempo_of(times_s: np.ndarray) -> float:
    """Beats a minute of the intervals between beats (B,) that the middle of them agree with."""
    intervals = np.diff(times_s)
    usual = intervals[np.abs(intervals / np.median(intervals) - 1) < 0.1]
    return float(60 / usual.mean())


NO_BEATS = Beats(np.empty(0), 0.0, np.empty(0, np.float32))
