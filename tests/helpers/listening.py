"""Progress that remembers what it was told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dancegen.progress import Silent


class Listener(Silent):
    """Keeps messages and warnings, and of each finished task its label, its total and how much of it was done."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.warned: list[str] = []
        self.tasks: list[tuple[str, float | None, float]] = []

    def say(self, message: str) -> None:
        self.said.append(message)

    def warn(self, message: str) -> None:
        self.warned.append(message)

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator:
        done: list[float] = []
        yield lambda amount=1.0: done.append(amount)
        self.tasks.append((label, total, sum(done)))
