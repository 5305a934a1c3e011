"""Values that are not numbers: networks whose numbers grow beyond half precision give them, and so do broken weights.

As pictures they are black. Whoever sees one says so with `NotFinite`, which ends the attempt.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from dancegen.errors import DancegenError, InputError
from dancegen.text import read_json

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")
NOTE = "precision.json"
DENOISING, DECODING = KINDS = "denoising", "decoding"


class NotFinite(DancegenError):
    """A network gave values that are not finite. decoding: the VAE did, from latents that are."""

    def __init__(self, where: str, *, decoding: bool) -> None:
        super().__init__(f"the networks give values that are not numbers {where}")
        self.decoding = decoding


def check_finite(values: torch.Tensor, where: str, *, decoding: bool = False) -> None:
    """Raises NotFinite for infinities and values that are not numbers. where: such as `at step 3 of 20`."""
    import torch

    if not bool(torch.isfinite(values).all()):
        raise NotFinite(where, decoding=decoding)


class Widens(Protocol):
    """What can go on in numbers of a wider range: see `backend.Painter.widen`."""

    def widen(self, fault: NotFinite) -> str: ...


class Widened:
    """Where a painter met values that are not finite, each time of which it went on in wider numbers.

    met: in this order, DENOISING or DECODING. It is noted beside what a painting resumes from: whoever goes on with it
    in another process begins with numbers as wide, and so with the same.
    """

    def __init__(self) -> None:
        self.met: list[str] = []
        self._behind = 0

    def begin(self, met: Sequence[str]) -> None:
        """What was met elsewhere, where that is more than here."""
        self.met = [*self.met, *met[len(self.met) :]]

    def begin_noted(self, folder: Path) -> None:
        """The same from a note in a folder; a damaged one says nothing."""
        if (folder / NOTE).is_file():
            with suppress(InputError):
                self.begin([each for each in read_json(folder / NOTE, "note on precision") if each in KINDS])

    def catch_up(self, painter: Widens) -> None:
        """Let a painter go on in numbers as wide as they had to be; one that needs no wider ones stays as it is."""
        for kind in self.met[self._behind :]:
            with suppress(DancegenError):  # another device, whose numbers are wide as they are
                painter.widen(NotFinite("before", decoding=kind == DECODING))
        self._behind = len(self.met)

    def widen(self, painter: Widens, fault: NotFinite, folder: Path) -> str:
        """Let a painter go on in wider numbers, and note it in a folder. Raises as the painter does."""
        done = painter.widen(fault)
        self.met.append(DECODING if fault.decoding else DENOISING)
        self._behind = len(self.met)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{NOTE}.partial"
        temporary.write_text(json.dumps(self.met), encoding="utf-8")
        os.replace(temporary, folder / NOTE)
        return done

    def forget_painter(self) -> None:
        """The next painter is loaded anew."""
        self._behind = 0


def widening(attempt: Callable[[], Made], widen: Callable[[NotFinite], None]) -> Made:
    """What `attempt` returns. Each time values are not finite, `widen` is told, and it is tried again.

    widen: computes with wider numbers from then on; raises where that would not help.
    """
    while True:
        try:
            return attempt()
        except NotFinite as error:
            fault = error
        widen(fault)
