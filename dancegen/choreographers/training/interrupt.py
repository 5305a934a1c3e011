"""Ctrl-C that waits until it can do no harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupt_deferred() -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C (or SIGTERM) is only remembered, and the function given tells of it.

    Half an optimiser step must not get into a checkpoint. A second one interrupts at once. Signals that the process
    ignores stay ignored, and those that came are left to others outside the main thread, which never gets them.
    """
    asked = False

    def remember(number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, signal.default_int_handler)

    before = {}
    if threading.current_thread() is threading.main_thread():
        ours = [number for number in SIGNALS if callable(signal.getsignal(number))]
        before = {number: signal.signal(number, remember) for number in ours}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
