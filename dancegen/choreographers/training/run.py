"""The run of a training from its first step, or from where a killed one stopped, to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from dancegen.choreographers.training.checkpoint import resume
from dancegen.choreographers.training.clock import Clock
from dancegen.choreographers.training.history import History
from dancegen.choreographers.training.interrupt import interrupt_deferred
from dancegen.choreographers.training.processes import Processes
from dancegen.progress import Progress

ECHO_S = 5.0
"""For how long after a Ctrl-C another one may be the same one, from the launcher."""


class Trainee(Protocol):
    """What a family's trainer does, one step and one report at a time; of several processes each has one, in step."""

    folder: Path
    device: str
    clock: Clock
    processes: Processes
    history: History
    progress: Progress
    recent: list[dict[str, float]]

    def batches(self) -> Iterator[Any]:
        """What to learn from, endlessly, from the clock's step on: a resumed run sees what it would have seen."""

    def step(self, batch: Any) -> dict[str, float]:
        """Learn from one batch; the losses by name."""

    def report(self) -> None:
        """Validate, keep the best, write history, samples and the checkpoint, and say how it goes."""

    def save_checkpoint(self) -> None:
        """Write all that a later run needs to go on."""

    def restore(self, state: dict[str, Any]) -> None:
        """Be what `save_checkpoint` wrote."""


def go_on(trainee: Trainee) -> bool:
    """Take up the run that was interrupted in its folder; False where there is none. ModelError as `resume`."""
    if not resume(trainee.folder, trainee.restore, trainee.device):
        return False
    if trainee.processes.main:
        trainee.history.forget_after(trainee.clock.step)
    trainee.progress.say(f"going on from step {trainee.clock.step} of an interrupted run")
    return True


def run(trainee: Trainee, label: str, report_every: int) -> None:
    """Train to the end, with a report every so many steps and at the end.

    Ctrl-C ends it after the step at hand, with all that was learnt in the checkpoint; a second one ends it at once. A
    launcher hands a Ctrl-C on that its processes have had already.
    """
    clock, processes, shown = trainee.clock, trainee.processes, 0.0
    if processes.main and clock.done < 1.0:
        trainee.history.open()
    with (
        closing(trainee.history),
        trainee.progress.task(label, 100) as advance,
        interrupt_deferred(0.0 if processes.alone else ECHO_S) as interrupted,
        closing(trainee.batches()) as batches,
    ):
        while clock.done < 1.0:
            trainee.recent.append(trainee.step(next(batches)))
            clock.tick()
            advance(100 * clock.done - shown)
            shown = 100 * clock.done
            if clock.step % report_every == 0 or clock.done >= 1.0:
                trainee.report()
                clock.look()
            if processes.any(interrupted()):
                trainee.save_checkpoint()
                processes.meet()  # who goes on at once must find it
                raise KeyboardInterrupt
