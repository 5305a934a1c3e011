"""Progress as callbacks the library calls and a user interface draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[float], None]


class Progress(Protocol):
    """What a stage may tell the person who waits for it."""

    def task(self, label: str, total: float | None = None) -> AbstractContextManager[Advance]:
        """A context manager around one piece of work; it yields `advance(amount)`. `total` None: length unknown."""
        ...

    def say(self, message: str) -> None:
        """One line the person should read now."""

    def warn(self, message: str) -> None:
        """One line about something that is probably wrong."""


def remark(advance: Advance, text: str) -> None:
    """Show a few words beside the figures of a task, in the place of those before, where what shows it can do so."""
    show = getattr(advance, "remark", None)
    if show is not None:
        show(text)


class Silent:
    """Says nothing: the default of the Python API."""

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        yield lambda amount=1.0: None

    def say(self, message: str) -> None:
        pass

    def warn(self, message: str) -> None:
        pass


SILENT = Silent()
