"""A painter that is held while a film is painted: loaded when it is first needed, released at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError
from dancegen.progress import Advance
from dancegen.renderers.film.backend import Painter, Scene, Write
from dancegen.renderers.film.finite import NotFinite, Widened, widening
from dancegen.renderers.film.tiers import Tier, release, stepping_down, tier_below

if TYPE_CHECKING:
    import numpy as np


class HeldPainter:
    """The painter of one film in one process. Where memory runs out, it goes on a tier lower, and stays there; so it
    does with wider numbers where half precision is too narrow.

    load: the painter for a tier. warn: called when that happens. thrift: how a tier saves memory, in words.
    saves_memory: what a person can try when even the lowest tier is too much.
    """

    def __init__(
        self,
        load: Callable[[Tier], Painter],
        tier: Tier,
        *,
        warn: Callable[[str], None],
        thrift: Callable[[Tier], str],
        saves_memory: str,
    ) -> None:
        self.tier = tier
        self._load, self._warn, self._thrift, self._saves_memory = load, warn, thrift, saves_memory
        self._painter: Painter | None = None
        self._widened = Widened()

    def __enter__(self) -> HeldPainter:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def film(
        self, scene: Scene, write: Write, *, resume: Path, advance: Advance, before: np.ndarray | None = None
    ) -> Mapping[str, Any] | None:
        """As `Painter.film`.

        Raises DancegenError where memory is too small even on the lowest tier, or the networks give values that are not
        numbers in any precision, ModelError where a model's weights are why.
        """

        def attempt() -> Mapping[str, Any] | None:
            if self._painter is None:
                self._painter = self._load(self.tier)
            self._widened.catch_up(self._painter)
            return self._painter.film(scene, write, resume=resume, advance=advance, before=before)

        self._widened.begin_noted(resume)
        return widening(
            lambda: stepping_down(attempt, self._step_down), lambda fault: self._widen(fault, resume)
        )  # fmt: skip

    @property
    def widened(self) -> list[str]:
        """Where half precision was too narrow so far: see `Widened`."""
        return list(self._widened.met)

    def begin_widened(self, met: Sequence[str]) -> None:
        """Compute in numbers as wide as they had to be for what comes before, painted in another process."""
        self._widened.begin(met)

    def release(self) -> None:
        """Give the networks' memory back; the next scene loads them again."""
        if self._painter is not None:
            self._painter = None
            self._widened.forget_painter()
            release()

    def _widen(self, fault: NotFinite, resume: Path) -> None:
        if self._painter is None:
            raise fault
        self._warn(f"{fault}: {self._widened.widen(self._painter, fault, resume)}")

    def _step_down(self, shortage: str) -> None:
        lower = tier_below(self.tier)
        if lower is None or self._painter is None:
            raise DancegenError(
                f"the memory of this device is too small even for the thriftiest way ({shortage}): try "
                f"{self._saves_memory}"
            )
        self._warn(
            f"out of memory ({shortage}); going on more thriftily, as with --vram {lower.name}: {self._thrift(lower)}"
        )
        self.tier = lower
        self._painter.use(lower)
        release()
