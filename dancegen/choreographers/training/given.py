"""What a training is given, in words: clips and seconds, what they are made of, and what a family has to leave out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dancegen.dataset.format import ClipKind
from dancegen.formatting import duration
from dancegen.progress import Progress

KINDS: Mapping[ClipKind, str] = {"motion": "of motion capture", "video": "filmed", "poses": "of keypoints"}


@dataclass(frozen=True)
class Given:
    """The clips of one split that a family learns from. kinds: what each is made of; seconds: of all of them.

    notes: what else there is to say of them. left_out: how many clips the family cannot use, by the reason, in words
    that come after "clips".
    """

    split: str
    kinds: Sequence[ClipKind]
    seconds: float
    notes: Sequence[str] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def say(self, progress: Progress) -> None:
        """Say it; what is left out, as a warning."""
        progress.say("; ".join([f"{self.split}: {self._clips()}", *self.notes]))
        if self.left_out:
            progress.warn(f"{self.split}: left out are {reasons(self.left_out)}")

    def _clips(self) -> str:
        counts = Counter(self.kinds)
        kinds = [f"{counts[kind]} {words}" for kind, words in KINDS.items() if counts[kind]]
        return f"{clips(len(self.kinds))}, {duration(self.seconds)}: {', '.join(kinds)}"


def reasons(left_out: Mapping[str, int]) -> str:
    """How many clips are left out, with the reasons."""
    return "; ".join(f"{clips(count)} {reason}" for reason, count in left_out.items())


def clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"
