"""How many threads work: as many cores as this process may use, and for small networks as many as are found best.

A small network can be slower on two threads than on one, and much slower where another program has one of the cores:
each layer ends when its last thread does. So the first pieces of the work itself are timed, on one thread, on two, on
four, and the rest is done on what was best; the calibration costs nothing but the slower of its pieces. A number that
the user set with OMP_NUM_THREADS is left as it is. Threads that have nothing to do sleep (`wait_asleep`).

The networks that are tuned give the same bits on each number of threads that they are given. Trainings do not, since
gradients are summed by every thread for itself, so that they are not tuned: one recipe, one model.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

ASKED = "OMP_NUM_THREADS"
"""The environment variable with which a person sets the number of threads."""
_ASLEEP = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
"""What GNU's and Intel's OpenMP read, once, when torch is loaded."""
TRIES = 3
"""Pieces that are timed on each number of threads; the fastest counts, as the first has caches to fill."""
WORTH = 0.85
"""Twice as many threads must bring the time of a piece under this share: with less, they are not worth their cores."""
AGAIN_S, AGAIN_SHARE = 10.0, 0.02
"""Seconds after which it is looked again, since neighbours come and go; longer where that took more than this share."""
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def wait_asleep() -> None:
    """Let threads that wait for the next layer sleep instead of spinning, in this process and those it starts.

    To be called before torch is imported. What the user set stays.
    """
    for name, value in _ASLEEP.items():
        os.environ.setdefault(name, value)


def usable_cores() -> int:
    """Cores that this process may use: those it is bound to, and no more than its container is allowed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text(encoding="utf-8").split()
        cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such container, or "max": no limit
        pass
    return max(1, cores)


class ThreadTuner:
    """Does pieces of work, one like the other, on as many of torch's threads as end them soonest.

        tuner = ThreadTuner()
        for frame in frames:
            with tuner.piece():
                network(frame)

    most: threads beyond which the work gives other bits; also held to where the user asked for more. Beside a piece the
    number of threads is what it was. `best`: the number found, None while it is looked for.
    """

    def __init__(self, most: int | None = None) -> None:
        self.best: int | None = None
        self._most = most
        self._count, self._tries, self._least = 1, 0, math.inf
        self._to_beat, self._spent_s, self._next_look_s = math.inf, 0.0, math.inf

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Within, torch computes on the number of threads that is best, or is being tried."""
        import torch

        there = torch.get_num_threads()
        allowed = there if self._most is None else min(there, self._most)
        tuned = ASKED not in os.environ and allowed > 1
        count = self._chosen(min(allowed, usable_cores())) if tuned else allowed
        if count != there:
            torch.set_num_threads(count)
        began_s = time.perf_counter()
        try:
            yield
        finally:
            took_s = time.perf_counter() - began_s
            if count != there:
                torch.set_num_threads(there)
        if tuned and self.best is None:
            self._learn(took_s, min(allowed, usable_cores()))

    def _chosen(self, allowed: int) -> int:
        if self.best is not None and time.perf_counter() > self._next_look_s:
            self.__init__(self._most)
        return min(self._count if self.best is None else self.best, allowed)

    def _learn(self, took_s: float, allowed: int) -> None:
        """One more piece was timed: go on to twice as many threads as long as they are worth it."""
        self._tries, self._least, self._spent_s = self._tries + 1, min(self._least, took_s), self._spent_s + took_s
        if self._tries < TRIES:
            return
        better = self._least < WORTH * self._to_beat
        if better and 2 * self._count <= allowed:
            self._to_beat, self._count, self._tries, self._least = self._least, 2 * self._count, 0, math.inf
            return
        self.best = self._count if better else self._count // 2
        self._next_look_s = time.perf_counter() + max(AGAIN_S, self._spent_s / AGAIN_SHARE)


class _Tuned:
    """Hooks round a network's `forward`: inputs of one shape are pieces of one kind."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._tuners: dict[tuple, ThreadTuner] = {}
        self._running = threading.local()

    def before(self, network: torch.nn.Module, given: tuple, named: dict[str, Any]) -> None:
        piece = self._tuners.setdefault(_shapes((*given, *named.values())), ThreadTuner(self._most)).piece()
        piece.__enter__()
        self._running.pieces = [*getattr(self._running, "pieces", []), piece]

    def after(self, network: torch.nn.Module, given: tuple, found: object) -> None:
        if pieces := getattr(self._running, "pieces", []):
            pieces.pop().__exit__(None, None, None)


def tune(network: torch.nn.Module, most: int | None = None) -> None:
    """Let a network run on as many threads as are best; on a GPU, leave it alone.

    most: threads beyond which it gives other bits.
    """
    if all(each.device.type == "cpu" for each in network.parameters()):
        hooks = _Tuned(most)
        network.register_forward_pre_hook(hooks.before, with_kwargs=True)
        network.register_forward_hook(hooks.after, always_call=True)


def _shapes(values: tuple) -> tuple:
    return tuple(tuple(shape) for each in values if (shape := getattr(each, "shape", None)) is not None)
