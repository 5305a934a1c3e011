"""Beats that a person brings: times, with their places in the bar if they have any, or an earlier beats.json.

Lists are read as Audacity, madmom, Beat This! and others write them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.audio.beats import UNSAID, Beats, metre_of, tempo_of
from dancegen.errors import InputError, reading
from dancegen.text import read_json, read_text

WHAT = "list of beats"
MOST_BYTES = 4 * 2**20
FASTEST_BPM = 400.0
LONGEST_BAR = 16
"""Beats."""
SAME_S = 0.02
"""A downbeat's distance from the beat that it is."""
_COMMENTS = ("#", ";", "//", "%", "\\")  # Audacity puts a label's frequencies on a line that begins with a backslash
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


def read_beats(path: str | Path) -> Beats:
    """The beats in a file, in seconds of the song.

    It is JSON (an earlier beats.json, an object with `beats`, or a list), or text with a time in seconds at the
    beginning of each line, such as Audacity's labels and what madmom writes; lines of words are passed over. What comes
    last in a line may be the beat's number in its bar: where they count up from 1 and begin again, each 1 begins a bar.
    In JSON an object says so with `downbeats`. Raises InputError for what is no list of beats.
    """
    with reading(path, WHAT, InputError):
        if Path(path).suffix.lower() == ".json":
            found = _of_json(path, read_json(path, WHAT, InputError, MOST_BYTES))
        else:
            found = _of_text(path, read_text(path, WHAT, InputError, MOST_BYTES))
        times, first = np.unique(np.asarray(found.times_s, np.float64) + found.start_s, return_index=True)
    _check(path, times)
    begins = np.zeros(len(times), bool) if found.begins is None else found.begins[first]
    beats = Beats(times, tempo_of(times), np.ones(len(times), np.float32))
    if begins.sum() < 2:
        return beats
    beats = replace(beats, downbeats_s=times[begins], metre=UNSAID)
    return replace(beats, metre=found.metre if Beats.is_metre(found.metre) else metre_of(beats.bar_beats))


@dataclass(frozen=True)
class _Found:
    """Times (B,) as they stand in a file. begins: (B,) bool, where a bar does; None: the file does not say.

    start_s: the second of the song that times count from. metre: where the file says it.
    """

    times_s: Sequence[float]
    begins: np.ndarray | None = None
    start_s: float = 0.0
    metre: str = ""


def _of_json(path: str | Path, record: Any) -> _Found:
    if isinstance(record, dict) and "times_s" in record:
        times = np.array([float(time) for time in record["times_s"]])
        begins = np.isin(times, [float(time) for time in record.get("downbeats_s", ())])
        return _Found(times.tolist(), begins, float(record.get("start_s") or 0.0), str(record.get("metre") or ""))
    beats = record.get("beats") if isinstance(record, dict) else record
    if not isinstance(beats, list):
        raise InputError(f"{path} is not a {WHAT}: it has neither times_s, as a beats.json, nor beats")
    times = np.array([float(time) for time in beats])
    downbeats = record.get("downbeats") if isinstance(record, dict) else None
    if not isinstance(downbeats, list) or not len(times):
        return _Found(times.tolist())
    apart = np.abs(times[:, None] - np.array([float(time) for time in downbeats])).min(1, initial=np.inf)
    return _Found(times.tolist(), apart < SAME_S)


def _of_text(path: str | Path, text: str) -> _Found:
    times, numbers = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(_COMMENTS):
            continue
        parts = [line] if _DECIMAL_COMMA.fullmatch(line) else re.split(r"\t" if "\t" in line else r"[\s,;]+", line)
        first, last = parts[0], parts[-1].strip()
        try:
            times.append(float(first.replace(",", ".")))
            numbers.append(int(last) if len(parts) > 1 and last.isdecimal() and len(last) < 3 else 0)
        except ValueError:
            if times:
                raise InputError(
                    f"{path} is not a {WHAT}: line {number} begins with {first[:30]!r}, and not with a time in seconds"
                ) from None
    return _Found(times, _counted(np.array(numbers)))


def _counted(numbers: np.ndarray) -> np.ndarray | None:
    """Where bars begin, of the numbers (B,) of beats in their bars; None for what does not count so."""
    begins = numbers == 1
    goes_on = np.append(True, np.diff(numbers) == 1)
    if begins.sum() < 2 or not (numbers > 0).all() or not (begins | goes_on).all() or numbers.max() > LONGEST_BAR:
        return None
    return begins


def _check(path: str | Path, times: np.ndarray) -> None:
    if len(times) < 2:
        raise InputError(f"{path} is not a {WHAT}: two times in seconds are needed at least, one a line")
    if not np.isfinite(times).all() or times[0] < 0:
        raise InputError(f"{path} is not a {WHAT}: times are seconds from the song's beginning on, 0 or more")
    apart = np.diff(times)
    if apart.min() < 60 / FASTEST_BPM:
        at = int(apart.argmin())
        raise InputError(
            f"{path} is not a {WHAT}: {times[at]:g} and {times[at + 1]:g} s are too near each other for two beats"
        )
