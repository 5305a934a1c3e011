"""How Wan VACE keeps within a VRAM tier: what waits in main memory, and how much of a picture the VAE sees at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dancegen.renderers.film.tiers import Tier


@dataclass(frozen=True)
class Thrift:
    """None of this changes a film, but for how numbers are rounded.

    resident: transformer and VAE stay on the device together, else each waits in main memory while the other computes.
    streamed: each block of the transformer is on the device only while it computes. reads_here: the text encoder reads
    prompts on the device, else on the CPU. strips: in how many parts the VAE takes a picture.
    """

    resident: bool
    streamed: bool
    reads_here: bool
    strips: int

    def __str__(self) -> str:
        return ", ".join(
            (
                "transformer and VAE on the device" if self.resident else "transformer and VAE in turn",
                *(("blocks of the transformer come from main memory one by one",) if self.streamed else ()),
                "prompts are read first, and the text encoder freed"
                if self.reads_here
                else "prompts are read on the CPU",
                *((f"the VAE takes pictures in {self.strips} strips",) if self.strips > 1 else ()),
            )
        )


_THRIFT = {
    "24": Thrift(True, False, True, 1),
    "16": Thrift(False, False, True, 1),
    "12": Thrift(False, False, False, 1),
    "8": Thrift(False, True, False, 4),
}


def thrift_on(tier: Tier) -> Thrift:
    """How memory is saved on a tier."""
    return _THRIFT[tier.name]


class Streamed:
    """Blocks of a network that live in main memory, each on a device only while it computes. `end` undoes it."""

    def __init__(self, blocks: Iterable[Any], device: str) -> None:
        self.device, self._hooks = device, []
        self._homes: dict[Any, Any] = {}
        for block in blocks:
            block.to("cpu")
            for each in (*block.parameters(), *block.buffers()):
                self._homes[each] = each.data.pin_memory() if device.startswith("cuda") else each.data
                each.data = self._homes[each]
            self._hooks.append(block.register_forward_pre_hook(self._come))
            self._hooks.append(block.register_forward_hook(self._go))

    def end(self) -> None:
        """The blocks are ordinary ones again, in main memory."""
        for hook in self._hooks:
            hook.remove()
        self._hooks, self._homes = [], {}

    def _come(self, block: Any, given: Any) -> None:
        for each in (*block.parameters(), *block.buffers()):
            each.data = self._homes[each].to(self.device, non_blocking=True)

    def _go(self, block: Any, given: Any, made: Any) -> None:
        for each in (*block.parameters(), *block.buffers()):
            each.data = self._homes[each]
