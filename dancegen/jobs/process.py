"""The worker as the server sees it: a process that is kept warm, told what to do, and killed where it does not stop."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

PATIENCE_S = 1.0
"""How long a worker that was told to stop may take before it is killed: native code looks at nothing."""


class WorkerProcess:
    """One process that does one job after the other. Only `cancel`, `kill` and `cancelled` may be used meanwhile."""

    def __init__(self, folder: Path) -> None:
        """folder: its own working directory, emptied at every start."""
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.cancelled = False
        self._turn = 0
        """Odd while it works: a kill that comes late must not hit the job after."""

    def ready(self) -> None:
        """Start it where it does not run. Raises OSError."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def start(self) -> None:
        """Start it, so that it has imported what it needs when the first job comes. Raises OSError."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dancegen.jobs.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", cwd=self._folder,
            env=_environment(), start_new_session=True,
        )  # fmt: skip

    def do(self, verb: str, keywords: Mapping[str, Any], roots: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """Have a verb done, and yield what the worker says of it, to its end. Raises OSError where it cannot start."""
        self.ready()
        self.cancelled = False
        self._turn += 1
        self._tell({"verb": verb, "keywords": dict(keywords), "roots": [str(root) for root in roots]})
        process = self._process
        assert process is not None and process.stdout is not None
        try:
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] == "over":
                    return
                yield event
            process.wait()
        finally:
            self._turn += 1

    def cancel(self) -> None:
        """Tell it to stop, and kill it where it has not stopped a second later."""
        process, turn, self.cancelled = self._process, self._turn, True
        self._tell({"cancel": True})
        timer = threading.Timer(PATIENCE_S, lambda: self._end(process) if turn == self._turn else None)
        timer.daemon = True
        timer.start()

    def kill(self) -> None:
        """End it and all that it started."""
        self._end(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def why(self) -> str:
        """In words, why it ended without a result."""
        code = self._process.poll() if self._process is not None else None
        if code == -9:  # SIGKILL
            return "the process that worked on it was killed: the machine may have run out of memory"
        return f"the process that worked on it ended by itself (exit code {code}); its last words are in the terminal"

    def _tell(self, order: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # it has ended: who reads what it says finds out

    @staticmethod
    def _end(process: subprocess.Popen[str] | None) -> None:
        if process is None or process.poll() is not None:
            return
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _environment() -> dict[str, str]:
    """The server's own, in which this very package is found from the worker's directory."""
    home = str(Path(__file__).resolve().parents[2])
    paths = [home, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONUNBUFFERED": "1"}
