"""The process that does the work of the studio: it reads orders as lines of JSON, and says as such how far it is.

It ends when its server does: orders come through a pipe that closes then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from dancegen import api
from dancegen.errors import Cancelled, DancegenError
from dancegen.options.verbs import verb_named
from dancegen.progress import Advance
from dancegen.store import open_store

_EVERY_S = 0.2
_QUEUE = ("studio", "queue")
"""The name of the lock that studios on one store share."""


class Reported:
    """Progress that is told to the server. Implements dancegen.progress.Progress."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._lock, self._ids = out, threading.Lock(), count()

    def tell(self, event: str, **more: Any) -> None:
        """One line to the server."""
        with self._lock:
            self._out.write(json.dumps({"event": event, **more}) + "\n")
            self._out.flush()

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        """A piece of work; its figures are told five times a second at most."""
        own, done, told = next(self._ids), 0.0, 0.0
        self.tell("task", task=own, label=label, total=total)

        def advance(amount: float = 1.0) -> None:
            nonlocal done, told
            done += float(amount)
            if time.monotonic() - told >= _EVERY_S:
                told = time.monotonic()
                self.tell("advance", task=own, done=done)

        try:
            yield advance
        finally:
            self.tell("end", task=own)

    def say(self, message: str) -> None:
        """One line for the person."""
        self.tell("say", text=message)

    def warn(self, message: str) -> None:
        """One line about something that is probably wrong."""
        self.tell("warn", text=f"warning: {message}")


class Orders:
    """What the server sends: jobs, and that the one at work is cancelled."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self.jobs: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.cancel = threading.Event()

    def listen(self) -> None:
        """Read until the server has gone; then nobody waits for what is made here."""
        for line in self._lines:
            order = json.loads(line)
            if "cancel" in order:
                self.cancel.set()
            else:
                self.cancel.clear()
                self.jobs.put(order)
        os._exit(0)


def main() -> None:
    """Do jobs until the server ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is not for the server
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    orders, reported = Orders(sys.stdin), Reported(out)
    threading.Thread(target=orders.listen, daemon=True).start()
    api.warm_up("generate-poses", "render")
    while True:
        order = orders.jobs.get()
        _do(order, orders.cancel, reported)
        reported.tell("over")
        _free()


def _do(order: dict[str, Any], cancel: threading.Event, reported: Reported) -> None:
    try:
        given = {**order["keywords"], "store": order["roots"], "progress": reported, "cancel": cancel}
        if order["verb"] == "dance":
            given.setdefault("output", f"{Path.cwd()}{os.sep}dance{os.sep}")  # else it would lie where the server is
        store = open_store(order["roots"])
        with store.places.lock(*_QUEUE).hold("something in another studio", reported):
            artifact, _ = api.perform(verb_named(order["verb"]), given)
        reported.tell("done", stage=artifact.stage, digest=artifact.digest)
    except Cancelled as error:
        reported.tell("failed", cancelled=True, error=str(error))
    except DancegenError as error:
        reported.tell("failed", cancelled=False, error=str(error))
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        reported.tell("failed", cancelled=False, error=f"unexpected {type(error).__name__}: {error}")


def _free() -> None:
    """Give the memory of the GPU back: others may want it between two jobs."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        import gc

        gc.collect()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
