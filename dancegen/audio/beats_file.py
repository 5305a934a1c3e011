"""Beats that a person brings: a list of times as Audacity, madmom and others write it, or an earlier beats.json."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.audio.beats import Beats, tempo_of
from dancegen.errors import InputError, reading
from dancegen.text import read_json, read_text

WHAT = "list of beats"
MOST_BYTES = 4 * 2**20
FASTEST_BPM = 400.0
_COMMENTS = ("#", ";", "//", "%", "\\")  # Audacity puts a label's frequencies on a line that begins with a backslash
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")


def read_beats(path: str | Path) -> Beats:
    """The beats in a file, in seconds of the song.

    It is JSON (an earlier beats.json, an object with `beats`, or a list), or text with a time in seconds at the
    beginning of each line, such as Audacity's labels and what madmom writes; lines of words are passed over. Raises
    InputError for what is no list of beats.
    """
    with reading(path, WHAT, InputError):
        if Path(path).suffix.lower() == ".json":
            times, start_s = _of_json(path, read_json(path, WHAT, InputError, MOST_BYTES))
        else:
            times, start_s = _of_text(path, read_text(path, WHAT, InputError, MOST_BYTES)), 0.0
        times = np.unique(np.asarray(times, np.float64) + start_s)
    _check(path, times)
    return Beats(times, tempo_of(times), np.ones(len(times), np.float32))


def _of_json(path: str | Path, record: Any) -> tuple[list[float], float]:
    """Times, and the second of the song that they count from."""
    start_s = 0.0
    if isinstance(record, dict):
        start_s = float(record.get("start_s") or 0.0)
        record = record.get("times_s", record.get("beats"))
    if not isinstance(record, list):
        raise InputError(f"{path} is not a {WHAT}: it has neither times_s, as a beats.json, nor beats")
    return [float(time) for time in record], start_s


def _of_text(path: str | Path, text: str) -> list[float]:
    times = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith(_COMMENTS):
            continue
        first = line if _DECIMAL_COMMA.fullmatch(line) else re.split(r"\t" if "\t" in line else r"[\s,;]+", line)[0]
        try:
            times.append(float(first.replace(",", ".")))
        except ValueError:
            if times:
                raise InputError(
                    f"{path} is not a {WHAT}: line {number} begins with {first[:30]!r}, and not with a time in seconds"
                ) from None
    return times


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
