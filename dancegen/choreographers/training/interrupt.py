"""Ctrl-C that waits until it can do no harm."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interrupt_deferred(echo_s: float = 0.0) -> Iterator[Callable[[], bool]]:
    """While inside, the first Ctrl-C (or SIGTERM) is only remembered, and the function given tells of it.

    Half an optimiser step must not get into a checkpoint. A second one interrupts at once, unless it comes within
    `echo_s` seconds and so may be the first one's echo. Signals that the process ignores stay ignored, and those that
    came are left to others outside the main thread, which never gets them.
    """
    asked_at = None

    def remember(number: int, frame: object) -> None:
        nonlocal asked_at
        now = time.monotonic()
        if asked_at is None:
            asked_at = now
        elif now - asked_at >= echo_s:
            raise KeyboardInterrupt

    before = {}
    if threading.current_thread() is threading.main_thread():
        ours = [number for number in SIGNALS if callable(signal.getsignal(number))]
        before = {number: signal.signal(number, remember) for number in ours}
    try:
        yield lambda: asked_at is not None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
