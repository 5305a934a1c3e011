"""Progress on stderr: bars with rate and time left in a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
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

    def __enter__(self) -> CommandProgress:
        return self

    def __exit__(self, *_: object) -> None:
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
        bar = bars.add_task(label.replace("[", r"\["), total=total)
        try:
            yield lambda amount=1.0: bars.advance(bar, amount)
        finally:
            bars.remove_task(bar)
            self._open_tasks -= 1
            if self._open_tasks == 0:
                bars.stop()

    @contextmanager
    def _lines(self, label: str, total: float | None) -> Iterator[Advance]:
        started = last = time.monotonic()
        done = 0.0

        def advance(amount: float = 1.0) -> None:
            nonlocal done, last
            done += amount
            now = time.monotonic()
            if now - last >= _PLAIN_EVERY_S:
                last = now
                print(f"{label}: {_figures(done, total, now - started)}", file=sys.stderr, flush=True)

        yield advance


def _figures(done: float, total: float | None, elapsed: float) -> str:
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
