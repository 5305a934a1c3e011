"""The genres that a model knows, and which of them is danced when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from dancegen.errors import InputError, reading
from dancegen.text import read_json

_FILE = "list of a song's sections"


@dataclass(frozen=True)
class Genre:
    """A kind of dance that a model knows, and what it learnt it from; None: its files do not say.

    seconds: of dance, each moment once, however many songs it was danced to. tempo_bpm: of those songs, on average.
    speed: mean joint speed in body heights a second.
    """

    name: str
    seconds: float | None = None
    tempo_bpm: float | None = None
    speed: float | None = None

    @property
    def minutes(self) -> float | None:
        """Of dance it learnt it from."""
        return None if self.seconds is None else round(self.seconds / 60, 1)


@dataclass(frozen=True)
class GenreSpan:
    """What is danced from when until when, in seconds of the song."""

    start_s: float
    end_s: float
    genre: str


def joined(spans: Iterable[GenreSpan]) -> tuple[GenreSpan, ...]:
    """Spans that follow each other, neighbours of one genre as one."""
    found: list[GenreSpan] = []
    for span in spans:
        if found and found[-1].genre == span.genre:
            found[-1] = GenreSpan(found[-1].start_s, span.end_s, span.genre)
        else:
            found.append(span)
    return tuple(found)


def laid_over(spans: Sequence[GenreSpan], others: Sequence[GenreSpan]) -> tuple[GenreSpan, ...]:
    """The spans, but where `others` say something else."""
    edges = sorted({moment for span in (*spans, *others) for moment in (span.start_s, span.end_s)})
    first, last = spans[0].start_s, spans[-1].end_s
    found = []
    for start, end in pairwise(edge for edge in edges if first <= edge <= last):
        middle = (start + end) / 2
        told = next(each for each in (*others, *spans) if each.start_s <= middle < each.end_s)
        found.append(GenreSpan(start, end, told.genre))
    return joined(found)


def seconds_of(spans: Iterable[GenreSpan]) -> dict[str, float]:
    """How long each genre is danced, the longest first."""
    total: dict[str, float] = {}
    for span in spans:
        total[span.genre] = total.get(span.genre, 0.0) + span.end_s - span.start_s
    return {name: round(seconds, 1) for name, seconds in sorted(total.items(), key=lambda each: (-each[1], each[0]))}


def written(spans: Iterable[GenreSpan]) -> dict[str, Any]:
    """As JSON, which `read_spans` reads."""
    return {"genres": [{"start": round(s.start_s, 3), "end": round(s.end_s, 3), "genre": s.genre} for s in spans]}


def read_spans(path: Path) -> tuple[GenreSpan, ...]:
    """What a dance's file says of its genres. Raises InputError for another file."""
    record = read_json(path, _FILE)
    with reading(path, _FILE):
        spans = tuple(GenreSpan(float(s["start"]), float(s["end"]), str(s["genre"])) for s in record["genres"])
        edges = [moment for span in spans for moment in (span.start_s, span.end_s)]
        if not spans or not all(0 <= a <= b < 1e6 for a, b in pairwise(edges)):
            raise InputError(f"{path} is not a {_FILE}: its times do not follow each other")
        return spans


def learnt(record: Mapping[str, Any]) -> dict[str, Genre]:
    """By name, from what `described` gave. Raises whatever other values bring about."""
    found = {}
    for name, told in record.items():
        numbers = {key: float(told[key]) for key in ("seconds", "tempo_bpm", "speed")}
        if not all(0 <= number < 1e9 for number in numbers.values()):
            raise ValueError(f"what it says of {name} cannot be")
        found[name] = Genre(name, **numbers)
    return found


def described(genres: Iterable[Genre]) -> dict[str, dict[str, float]]:
    """As a model's settings hold them; those that say how long they were learnt."""
    return {
        each.name: {
            "seconds": round(each.seconds, 1),
            "tempo_bpm": round(each.tempo_bpm or 0.0, 1),
            "speed": round(each.speed or 0.0, 4),
        }
        for each in genres
        if each.seconds is not None
    }
