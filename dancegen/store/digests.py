"""File digests remembered from run to run: a video of 10 GB is hashed once, and checking what is stored stays cheap.

The memory is a small SQLite file of one person on one machine. It is never needed: where it cannot be read or written,
files are hashed again. A file is known again by its device and inode, as long as its size and times are the same. The
time of the last change (ctime) cannot be set by a program, so a changed byte is noticed even where size and date are
kept. (Windows has no such time; there the date of the last write has to do.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dancegen.store.hashing import hash_file

if TYPE_CHECKING:
    from sqlite3 import Connection

Answer = TypeVar("Answer")

MEMORY = "DANCEGEN_DIGESTS"
"""Environment variable: where the memory lies. "off" remembers nothing."""

REMEMBERED_DAYS = 90
"""Then a file is read again: disks lose bits without telling the file system."""

_NAME = ".digests.sqlite"
_SMALLEST = 32_768
"""Bytes. A smaller file is hashed as fast as it is looked up."""
_RACY_S = 2.0
"""A file changed so shortly before could change once more without another time: the coarsest clocks tick in 2 s."""
_BUSY_S = 2.0
_THREADS = 4
_TABLE = "CREATE TABLE IF NOT EXISTS files (file TEXT PRIMARY KEY, state TEXT, sha256 TEXT, day INTEGER) WITHOUT ROWID"


def file_digest(path: str | Path) -> str:
    """SHA-256 hex of a file's bytes, from memory where it was hashed before. Raises OSError where it cannot be read."""
    return Digests.default().of([path])[0]


def file_digests(paths: Sequence[str | Path]) -> list[str]:
    """`file_digest` of many files; the memory is opened once."""
    return Digests.default().of(paths)


@dataclass(frozen=True)
class Digests:
    """A memory of file digests in a SQLite file; None remembers nothing. Safe with several threads and processes."""

    path: Path | None

    @classmethod
    def default(cls) -> Digests:
        """At $DANCEGEN_DIGESTS, else in the person's cache directory."""
        told = os.environ.get(MEMORY)
        if told:
            return cls(None if told == "off" else Path(told).expanduser())
        from platformdirs import user_cache_path

        return cls(user_cache_path("dancegen", appauthor=False) / _NAME)

    def of(self, paths: Sequence[str | Path]) -> list[str]:
        """SHA-256 hex of each file, in order. Raises OSError where one cannot be read."""
        before = [os.stat(path) for path in paths]
        known = self._recall([info for info in before if info.st_size >= _SMALLEST])
        missing = [index for index, info in enumerate(before) if _file(info) not in known]
        if not missing:
            return [known[_file(info)] for info in before]
        with ThreadPoolExecutor(min(_THREADS, len(missing))) as pool:
            hashed = dict(zip(missing, pool.map(lambda index: hash_file(paths[index]), missing), strict=True))
        self.remember((paths[index], before[index], sha256) for index, sha256 in hashed.items())
        return [hashed.get(index) or known[_file(info)] for index, info in enumerate(before)]

    def remember(self, hashed: Iterable[tuple[str | Path, os.stat_result, str]]) -> None:
        """Keep digests for later: each a file, what `os.stat` said of it before it was hashed, and its SHA-256 hex.

        A file that changed meanwhile, or shortly before, is left out.
        """
        day = _today()
        rows = [
            (_file(before), _state(before), sha256, day)
            for path, before, sha256 in hashed
            if before.st_size >= _SMALLEST and _settled(path, before)
        ]
        if rows:
            self._ask(lambda memory: _keep(memory, rows, day), None, make=True)

    def _recall(self, files: list[os.stat_result]) -> dict[str, str]:
        """By file, the digests that are remembered and still hold."""
        return self._ask(lambda memory: _look_up(memory, files), {}) if files else {}

    def _ask(self, action: Callable[[Connection], Answer], otherwise: Answer, *, make: bool = False) -> Answer:
        """What `action` gets from the open memory; `otherwise` where there is none or anything is wrong with it."""
        if self.path is None or not (make or self.path.exists()):
            return otherwise
        import sqlite3

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=_BUSY_S)) as memory:
                return action(memory)
        except sqlite3.OperationalError:  # locked for long, not writable, a full disk, no such table
            return otherwise
        except (sqlite3.Error, OSError):
            # Damaged, or never a database: begun anew. A file by another name may be something else of the person's.
            if self.path.name == _NAME:
                _discard(self.path)
            return otherwise


def _keep(memory: Connection, rows: list[tuple[str, str, str, int]], day: int) -> None:
    memory.execute("PRAGMA synchronous = OFF")  # what a power cut loses is hashed again
    memory.execute(_TABLE)
    memory.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
    memory.execute("DELETE FROM files WHERE day < ?", (day - REMEMBERED_DAYS,))
    memory.commit()


def _look_up(memory: Connection, files: list[os.stat_result]) -> dict[str, str]:
    known, day = {}, _today()
    for info in files:
        wanted = (_file(info), _state(info), day - REMEMBERED_DAYS, day)
        row = memory.execute(
            "SELECT sha256 FROM files WHERE file = ? AND state = ? AND day BETWEEN ? AND ?", wanted
        ).fetchone()
        if row is not None and isinstance(row[0], str) and len(row[0]) == 64:
            known[_file(info)] = row[0]
    return known


def _settled(path: str | Path, before: os.stat_result) -> bool:
    """Whether a file that was hashed is the one that `before` describes, and a later change would show."""
    try:
        after = os.stat(path)
    except OSError:
        return False
    # Elsewhere ctime is the last change; a date of the last write in the future says nothing.
    changed_ns = max(before.st_mtime_ns, before.st_ctime_ns) if os.name == "nt" else before.st_ctime_ns
    return _state(after) == _state(before) and time.time_ns() - changed_ns > _RACY_S * 1e9


def _file(info: os.stat_result) -> str:
    return f"{info.st_dev}:{info.st_ino}"


def _state(info: os.stat_result) -> str:
    return f"{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}"


def _today() -> int:
    return int(time.time() // 86_400)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
