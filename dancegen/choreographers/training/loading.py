"""Batches drawn ahead of time, so that the device does not wait for them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from dancegen.threads import usable_cores

Key = TypeVar("Key")
Batch = TypeVar("Batch")

WORKERS = 4


def stream(draw: Callable[[Key], Batch], keys: Iterable[Key], device: str) -> Iterator[Batch]:
    """`draw(key)` for one key after the other.

    On a CPU, here and now: nothing would be gained. For another device in worker processes, which stay for the whole
    training, and for CUDA into pinned memory. What is drawn may depend on the key alone.
    """
    if device == "cpu":
        yield from map(draw, keys)
        return
    yield from DataLoader(
        _Drawn(draw), batch_size=None, sampler=keys, num_workers=workers(), worker_init_fn=_leave_signals,
        pin_memory=device.startswith("cuda"),
    )  # fmt: skip


def workers() -> int:
    """How many processes draw: this process keeps a core for itself."""
    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return max(1, min(WORKERS, usable_cores() // sharing - 1))


class _Drawn(Dataset, Generic[Key, Batch]):
    def __init__(self, draw: Callable[[Key], Batch]):
        self.draw = draw

    def __getitem__(self, key: Key) -> Batch:
        return self.draw(key)


def _leave_signals(worker: int) -> None:
    """Ctrl-C reaches the workers too, but it is the training that decides when they go."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
