"""One lock for each digest: its holder makes the artifact, and those who wait are told who the holder is."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from dancegen.progress import SILENT, Progress
from dancegen.store.atomic import read_json, write_json, writing

_POLL_S = 0.2
_GRACE_S = 1.0
_HOLDER = ".holder.json"


class DigestLock:
    """An exclusive lock on a file, with a small record beside it of who holds it.

    The system frees the lock when its process ends, however it ends; the record may outlive it and is only read
    while the lock is held.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record = path.with_suffix(_HOLDER)
        self._lock = FileLock(path)

    @contextmanager
    def hold(self, what: str, progress: Progress = SILENT) -> Iterator[None]:
        """Wait for the lock as long as it takes, say who holds it, and then hold it.

        `what` names the artifact to the one who waits. Raises StoreError where the lock cannot be written.
        """
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._wait(what, progress)
        try:
            write_json(self._record, _myself())
            yield
        finally:
            # The record first: once the lock is free it would be the next holder's.
            try:
                self._record.unlink(missing_ok=True)
            finally:
                self._lock.release()

    @contextmanager
    def attempt(self) -> Iterator[bool]:
        """Hold the lock if nobody does; yields whether it is held."""
        with writing(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            held = self._acquire()
        try:
            yield held
        finally:
            self._lock.release()

    def discard(self) -> None:
        """Remove the lock's files where nobody holds it. Raises OSError or StoreError where they cannot be."""
        with self.attempt() as free:
            if free:
                self._record.unlink(missing_ok=True)
                self._path.unlink(missing_ok=True)

    def _wait(self, what: str, progress: Progress) -> None:
        started, told = time.monotonic(), ""
        while not self._acquire():
            holder = _describe(read_json(self._record))
            # The record is written just after the lock is taken: wait a moment before saying "another process".
            if not holder and not told and time.monotonic() - started > _GRACE_S:
                holder = "another process"
            if holder and holder != told:
                progress.say(f"waiting for {holder}, which is making {what}")
                told = holder
            time.sleep(_POLL_S)

    def _acquire(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:  # an OSError, but not a failure to write
            return False
        if not self._path.exists():  # the file was opened just before another process removed it
            self._lock.release()
            return False
        return True


def lock_of(record: str) -> str:
    """The name of the lock whose holder a record names."""
    return record.removesuffix(_HOLDER) + ".lock"


def _myself() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": " ".join([Path(sys.argv[0]).name if sys.argv else "python", *sys.argv[1:]]),
        "since": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _describe(holder: dict | None) -> str:
    if not holder:
        return ""
    return f"process {holder.get('pid')} on {holder.get('host')} ({holder.get('command')})"
