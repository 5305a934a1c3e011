"""VRAM tiers: how much memory a film may take, and what to do when it runs out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from dancegen.errors import DancegenError

Made = TypeVar("Made")


@dataclass(frozen=True)
class Tier:
    """A size of an accelerator's memory. It decides how a film is painted, and changes its pixels only by rounding."""

    name: str
    gigabytes: int


TIERS = (Tier("24", 24), Tier("16", 16), Tier("12", 12), Tier("8", 8))


def tier_named(name: str) -> Tier:
    """The tier that --vram names."""
    return next(tier for tier in TIERS if tier.name == name)


def tiers_within(vram: str) -> tuple[Tier, ...]:
    """The tiers to try for "auto" or the name of one: that one and all below, the roomiest first."""
    return TIERS if vram == "auto" else TIERS[TIERS.index(tier_named(vram)) :]


def tier_below(tier: Tier) -> Tier | None:
    """The next tier down, or None."""
    below = tiers_within(tier.name)[1:]
    return below[0] if below else None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator said no: CUDA's has an error of its own, those of MPS and CPU speak in RuntimeErrors."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(
        words in text for words in ("out of memory", "not enough memory", "can't allocate memory")
    )


def stepping_down(attempt: Callable[[], Made], step_down: Callable[[str], None]) -> Made:
    """What `attempt` returns. Each time memory runs out, `step_down` is told how, and it is tried again.

    step_down raises where there is nothing left to save.
    """
    while True:
        try:
            return attempt()
        except Exception as error:
            if isinstance(error, DancegenError) or not is_out_of_memory(error):
                raise
            shortage = str(error).splitlines()[0] if str(error) else type(error).__name__
        # Out of the handler: the error would keep the very tensors alive that there was no room for.
        step_down(shortage)


def release() -> None:
    """Give back what the allocators keep for later."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
