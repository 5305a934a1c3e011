"""When a training ends: once its budget of epochs, steps and minutes is spent, or at the next step after Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dancegen.choreographers.config import Limits
from dancegen.choreographers.training.processes import Processes
from dancegen.formatting import duration
from dancegen.progress import Progress

PACE_S, PACE_STEPS = 5.0, 20
"""After how many seconds, or steps where they are quick, it can be told how long a step takes."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Budget:
    """Counts steps and seconds: whichever of epochs, steps and minutes ends first ends the training.

    epoch_steps: how many steps show every clip once.
    """

    def __init__(self, limits: Limits, epoch_steps: float, processes: Processes):
        self.limits, self.epoch_steps, self.processes = limits, epoch_steps, processes
        self.start()

    def start(self, step: int = 0, seconds: float = 0.0) -> None:
        """Run from now on, after so many steps and seconds that were before."""
        self.step, self._began = step, time.monotonic() - seconds
        self.look()

    def tick(self) -> None:
        """Count a step that is over."""
        self.step += 1
        self.look()

    def look(self) -> None:
        """Take the time that `done` goes by: it stands still within a step, and is the same for all processes."""
        self._seen_s = self.elapsed_s
        if self.limits.minutes is not None:
            self._seen_s = self.processes.mean({"elapsed": self._seen_s})["elapsed"]

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    @property
    def epoch(self) -> int:
        return int(self.step // self.epoch_steps)

    @property
    def done(self) -> float:
        """Share of the training that is over, 0..1."""
        return self.done_at(self.step)

    def done_at(self, step: int) -> float:
        """Share that was over at an earlier step; by the minutes, the share that is over now."""
        limits = self.limits
        shares = [step / (limits.epochs * self.epoch_steps)]
        if limits.steps is not None:
            shares.append(step / limits.steps)
        if limits.minutes is not None:
            shares.append(self._seen_s / (60 * limits.minutes))
        return min(1.0, max(shares))


class Pace:
    """Says once, after the first steps, how long one takes and when the first report comes.

    The very first step is no measure: memory is taken and kernels are chosen in it. validate_every: steps between two
    reports.
    """

    def __init__(self, validate_every: int, progress: Progress):
        self.validate_every, self.progress = validate_every, progress
        self._first: tuple[int, float] | None = None
        self._said = False

    def tick(self, budget: Budget) -> None:
        """A step of the budget is over."""
        if self._said:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = budget.step, now
            return
        steps, seconds = budget.step - self._first[0], now - self._first[1]
        if seconds >= PACE_S or steps >= PACE_STEPS:
            self._said = True
            self.progress.say(self._words(budget, seconds / steps))

    def _words(self, budget: Budget, each_s: float) -> str:
        left_s = each_s * (-budget.step % self.validate_every)
        if budget.limits.minutes is not None:
            left_s = min(left_s, max(0.0, 60 * budget.limits.minutes - budget.elapsed_s))
        if budget.limits.steps is not None:
            left_s = min(left_s, each_s * max(0, budget.limits.steps - budget.step))
        return f"a step takes {each_s:.2g} s; the first report comes in about {duration(left_s)}"


@contextmanager
def interrupt_deferred(echo_s: float = 0.0) -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C (or SIGTERM) is only noted, and the function that is yielded tells of it.

    Half an optimiser step must not get into a checkpoint. A second one interrupts at once, unless it comes within
    `echo_s` seconds and so may be the first one's echo. Signals that the process ignores stay ignored, and those that
    came are left to others outside the main thread, which never gets them.
    """
    first_at = None

    def note(number: int, frame: object) -> None:
        nonlocal first_at
        now = time.monotonic()
        if first_at is None:
            first_at = now
        elif now - first_at >= echo_s:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        ours = [number for number in SIGNALS if callable(signal.getsignal(number))]
        before = {number: signal.signal(number, note) for number in ours}
    try:
        yield lambda: first_at is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
