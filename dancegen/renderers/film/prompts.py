"""A prompt that changes with the song: "0:00 a ballroom | 0:32 a neon street"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dancegen.errors import InputError
from dancegen.options.times import PATTERN, is_clock, seconds_of

_ENTRY = re.compile(rf"(?P<time>{PATTERN})\s+(?P<text>.+)", re.DOTALL)


@dataclass(frozen=True)
class PromptSchedule:
    """Texts, and the second of the song at which each begins; the first holds from the beginning."""

    texts: tuple[str, ...]
    starts_s: tuple[float, ...]
    blend_s: float = 1.0

    @classmethod
    def parse(cls, prompt: str, blend_s: float = 1.0) -> PromptSchedule:
        """Read a prompt: one text, or several with `|` between them, each after the time in the song it begins at.

        Times are as everywhere (M:SS, H:MM:SS), or seconds with an s; the first may be left out. Raises InputError.
        """
        parts = [part.strip() for part in prompt.split("|")]
        if not all(parts):
            raise InputError(f'--prompt "{prompt}" has an empty part: say what to paint')
        if len(parts) == 1 and not _timed(parts[0]):
            return cls((parts[0],), (0.0,), blend_s)
        texts, starts = [], []
        for number, part in enumerate(parts):
            found = _timed(part)
            if found is None and number:
                raise InputError(f'--prompt: "{part}" says no time; write "0:32 {part}" for second 32 of the song')
            texts.append(found["text"].strip() if found else part)
            starts.append(seconds_of(found["time"]) or 0.0 if found else 0.0)
        if any(later <= earlier for earlier, later in pairwise(starts)):
            raise InputError(f'--prompt "{prompt}": each time must be later than the one before')
        return cls(tuple(texts), (0.0, *starts[1:]), blend_s)

    def borders_s(self) -> tuple[float, ...]:
        """Where a text begins that is not the first, in seconds of the song."""
        return self.starts_s[1:]

    @classmethod
    def of_spans(cls, spans: Sequence[tuple[float, str]]) -> PromptSchedule:
        """Texts and when they begin, in any order; the first one holds from the beginning."""
        texts = dict(sorted(spans))
        return cls(tuple(texts.values()), (0.0, *list(texts)[1:]))

    def spans(self, end_s: float) -> list[tuple[float, float, str]]:
        """(from, to, text) of each text, the last one to a second of the song."""
        ends = (*self.starts_s[1:], max(end_s, self.starts_s[-1] + 0.1))
        return list(zip(self.starts_s, ends, self.texts, strict=True))

    def saying(self, text: str, start_s: float, end_s: float) -> PromptSchedule:
        """The schedule with another text from one second of the song to another, and then again what was there."""
        after = self.texts[max(place for place, start in enumerate(self.starts_s) if start <= end_s + 1e-6)]
        kept = {
            start: own for start, own in zip(self.starts_s, self.texts, strict=True) if not start_s <= start <= end_s
        }
        said = {0.0: text, **kept, start_s: text, end_s: after}
        starts = sorted(said)
        first = [starts[0], *(now for before, now in pairwise(starts) if said[now] != said[before])]
        return PromptSchedule(tuple(said[start] for start in first), tuple(first), self.blend_s)

    def written(self) -> str:
        """As a person writes it: `parse` reads the same from it."""
        if len(self.texts) == 1:
            return self.texts[0]
        return " | ".join(
            f"{int(start // 60)}:{start % 60:05.2f}".removesuffix("0").removesuffix("0").removesuffix(".") + f" {text}"
            for start, text in zip(self.starts_s, self.texts, strict=True)
        )

    def weights(self, times_s: np.ndarray) -> np.ndarray:
        """(T, texts) float32: how much of each text there is at each time; rows sum to 1.

        A text takes `blend_s` from its beginning to replace the one before.
        """
        times_s = np.asarray(times_s, float)
        weights = np.ones((len(times_s), len(self.texts)))
        for number, start in enumerate(self.starts_s[1:], 1):
            arrived = (times_s - start + 1e-6) / self.blend_s if self.blend_s else (times_s >= start - 1e-6) * 1.0
            arrived = np.clip(arrived, 0, 1)
            weights[:, :number] *= 1 - arrived[:, None]
            weights[:, number] = arrived
        return weights.astype(np.float32)


def prompt_weights(texts: Sequence[str], weights: np.ndarray) -> list[list]:
    """What a recipe says of a segment's prompt: [text, its rounded weights], only of texts that are seen in it.

    weights: (F, texts). One number stands for weights that are all the same.
    """
    seen = [number for number in range(len(texts)) if weights[:, number].any()]
    return [[texts[number], _rounded(weights[:, number])] for number in seen]


def _rounded(weights: np.ndarray) -> Sequence[float] | float:
    values = [round(float(weight), 4) for weight in weights]
    return values[0] if len(set(values)) == 1 else values


def _timed(part: str) -> re.Match | None:
    """The entry's parts. A number without : or s is part of the text: "3 dancers"."""
    found = _ENTRY.fullmatch(part)
    return found if found and is_clock(found["time"]) else None
