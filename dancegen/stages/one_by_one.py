"""Work on many inputs in several processes, where whatever goes wrong with one of them is that one's fault alone."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dancegen.errors import DancegenError
from dancegen.options.shared import Parallel
from dancegen.progress import Advance, Progress
from dancegen.stages.in_flight import DIED
from dancegen.stages.workers import hired, surviving

NOT_THE_INPUTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE)
"""Faults of the machine, which the next input would meet as well."""


@dataclass(frozen=True)
class Fault:
    """Why nothing came of an input."""

    reason: str

    @classmethod
    def of(cls, error: Exception) -> Fault:
        """The fault behind an exception. Raises it again where it is none of the input's, such as a full disk."""
        if isinstance(error, DancegenError):
            return cls(str(error))
        if isinstance(error, OSError) and error.errno in NOT_THE_INPUTS:
            raise error
        return cls(f"it is damaged ({type(error).__name__}: {error})")


KILLED = Fault("the process that worked on it was ended, most likely because memory ran out")


@dataclass
class Notes:
    """Progress that can travel to another process and back: it keeps what is said there."""

    said: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        yield lambda amount=1.0: None

    def say(self, message: str) -> None:
        self.said.append(("say", message))

    def warn(self, message: str) -> None:
        self.said.append(("warn", message))


def one_by_one(
    label: str, function: Callable, jobs: Sequence[tuple], workers: Parallel, progress: Progress
) -> Iterator[tuple[Any, Any]]:
    """(first argument, result) of every job, in order, worked on by the workers that are asked for.

    What `function` raises becomes a Fault, and where the processes die that work on a job, that is KILLED.
    """
    ended: dict[int, Any] = {}
    given = [(function, job) for job in jobs]
    with progress.task(label, len(jobs)) as advance, hired(workers, len(jobs)) as number:
        results = surviving(workers, _guarded, given, number, progress)
        for which, job in enumerate(jobs):
            while which not in ended:
                other, result = next(results)
                ended[other] = KILLED if result is DIED else result
                advance(1)
            yield job[0], ended.pop(which)


def _guarded(function: Callable, job: tuple) -> Any:
    try:
        return function(*job)
    except Exception as error:
        return Fault.of(error)
