"""The jobs that a cluster works on at the moment: no more than it can, and each one's end known by itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Any


class Died(Enum):
    """What stands for a result where the processes died that worked on it."""

    DIED = "died"


DIED = Died.DIED


def in_flight(
    jobs: Iterable[tuple],
    at_once: int,
    submit: Callable[[tuple], Hashable],
    ended: Callable[[list[Any]], Iterable[Any]],
    outcome: Callable[[Any], Any],
    cancel: Callable[[list[Any]], None],
) -> Iterator[tuple[int, Any]]:
    """(which job, its outcome) as they end, `at_once` of them at a time.

    submit: begins a job, and gives a task. ended: waits for some of the tasks and gives those that are over. outcome:
    of such a task the result, or DIED; raises what the job raised. cancel: of tasks that nobody waits for any more.
    """
    waiting, running = enumerate(jobs), {}
    try:
        while True:
            for position, job in islice(waiting, max(0, at_once - len(running))):
                running[submit(job)] = position
            if not running:
                return
            for task in ended(list(running)):
                yield running.pop(task), outcome(task)
    finally:
        cancel(list(running))
