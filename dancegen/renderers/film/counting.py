"""Operations and memory of networks, counted without running them.

Networks are built from their configurations on torch's `meta` device, where tensors have shapes but no numbers, and
every operation is followed.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Cost:
    """Floating-point operations, and the most bytes of tensors at once, weights aside."""

    operations: float
    peak: float


def count(run: Callable[[], object]) -> Cost:
    """What running networks of the meta device would take."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    memory = _memory_counter()
    with torch.inference_mode(), torch.device("meta"), FlopCounterMode(display=False) as work, memory:
        run()
    return Cost(float(work.get_total_flops()), float(memory.peak))


def weight_bytes(network: Any) -> int:
    """Bytes of a network's parameters."""
    return sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())


def _memory_counter() -> Any:
    """A context manager that follows every tensor made in it; `peak` is the most bytes that lived at once."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Counter(TorchDispatchMode):
        def __init__(self) -> None:
            super().__init__()
            self.now = self.peak = 0
            self._alive: set[int] = set()

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = function(*args, **(kwargs or {}))
            for tensor in tree_leaves(made):
                if isinstance(tensor, torch.Tensor):
                    self._follow(tensor.untyped_storage())
            return made

        def _follow(self, storage: Any) -> None:
            key, size = storage._cdata, storage.nbytes()
            if key not in self._alive:
                self._alive.add(key)
                self.now += size
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._forget, key, size)

        def _forget(self, key: int, size: int) -> None:
            self._alive.discard(key)
            self.now -= size

    return Counter()
