"""Values that are not numbers: networks whose numbers grow beyond half precision give them, and so do broken weights.

As pictures they are black. Whoever sees one says so with `NotFinite`, which ends the attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dancegen.errors import DancegenError

if TYPE_CHECKING:
    import torch

Made = TypeVar("Made")


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
