"""Progress on stderr: bars with rate and time left in a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from dancegen.formatting import duration
from dancegen.progress import Advance

_LONG_S = 1.0
_PLAIN_EVERY_S = 10.0


class CommandProgress:
    """Implements dancegen.progress.Progress for a command; a context manager that tidies the terminal up.

    Warnings are shown even when quiet.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bars = None if quiet or not sys.stderr.isatty() else _bars()
        self._open_tasks = 0
        self._tasks: list[_Lines] = []
        """Those that are open and shown as lines; the last one is at work."""

    def __enter__(self) -> CommandProgress:
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks.clear()
        if self._bars is not None:
            self._bars.stop()

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        """Progress of one piece of work; tasks may be inside each other. Those over a second leave a line behind."""
        started = time.monotonic()
        if self._quiet:
            yield lambda amount=1.0: None
            return
        with self._bar(label, total) if self._bars is not None else self._lines(label, total) as advance:
            yield advance
        elapsed = time.monotonic() - started
        if elapsed >= _LONG_S:
            self._print(f"{label}: done in {duration(elapsed)}")

    def say(self, message: str) -> None:
        """One line the person should read now."""
        if not self._quiet:
            self._print(message)

    def warn(self, message: str) -> None:
        """One line about something that is probably wrong."""
        self._print(f"warning: {message}", style="yellow")

    def _print(self, line: str, style: str | None = None) -> None:
        if self._bars is None:
            print(line, file=sys.stderr, flush=True)
        else:
            # Through the bars' own console, or the two would overwrite each other.
            self._bars.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def _bar(self, label: str, total: float | None) -> Iterator[Advance]:
        bars = self._bars
        assert bars is not None
        if self._open_tasks == 0:
            bars.start()
        self._open_tasks += 1
        named = label.replace("[", r"\[")
        bar = bars.add_task(named, total=total)

        def advance(amount: float = 1.0) -> None:
            bars.advance(bar, amount)

        def remark(text: str) -> None:
            bars.update(bar, description=f"{named} ({text})".replace("[", r"\["))

        advance.remark = remark  # type: ignore[attr-defined]
        try:
            yield advance
        finally:
            bars.remove_task(bar)
            self._open_tasks -= 1
            if self._open_tasks == 0:
                bars.stop()

    @contextmanager
    def _lines(self, label: str, total: float | None) -> Iterator[Advance]:
        """Lines now and then; also from a task that gets nowhere for long, so that nobody thinks it has died."""
        task = _Lines(label, total, time.monotonic())
        self._tasks.append(task)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_PLAIN_EVERY_S):
                if self._tasks and self._tasks[-1] is task:
                    task.show_if_due()

        threading.Thread(target=watch, daemon=True).start()
        try:
            yield task
        finally:
            over.set()
            if task in self._tasks:
                self._tasks.remove(task)


class _Lines:
    """One piece of work as lines on stderr, at most one in ten seconds."""

    def __init__(self, label: str, total: float | None, started: float) -> None:
        self.label, self.total, self.started, self.last = label, total, started, started
        self.done, self.said = 0.0, ""

    def remark(self, text: str) -> None:
        """Words to show with the next figures."""
        self.said = f"; {text}"

    def __call__(self, amount: float = 1.0) -> None:
        """So much more is done."""
        self.done += amount
        self.show_if_due()

    def show_if_due(self) -> None:
        """A line, unless there was one in the last ten seconds."""
        now = time.monotonic()
        if now - self.last >= _PLAIN_EVERY_S:
            self.last = now
            figures = _figures(self.done, self.total, now - self.started)
            print(f"{self.label}: {figures}{self.said}", file=sys.stderr, flush=True)


def _figures(done: float, total: float | None, elapsed: float) -> str:
    if not done:
        return f"at work for {duration(elapsed)}"
    rate = done / elapsed if elapsed > 0 else 0.0
    if not total:
        return f"{done:g}, {rate:.3g}/s"
    left = f", {duration((total - done) / rate)} left" if rate > 0 and done < total else ""
    return f"{100 * done / total:.0f}%, {rate:.3g}/s{left}"


def _bars():
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task) -> Text:
            return Text(f"{task.speed:.3g}/s" if task.speed else "", style="cyan")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        Rate(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False)
