"""What was once read from a file, remembered from run to run for as long as the file is the same.

The memory is a small SQLite file of one person on one machine. It is never needed: where it cannot be read or written,
files are read again. A file is known again by its device and inode, as long as its size and times are the same. The
time of the last change (ctime) cannot be set by a program, so a changed byte is noticed even where size and date are
kept. (Windows has no such time; there the date of the last write has to do.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from sqlite3 import Connection

Answer = TypeVar("Answer")

MEMORY = "DANCEGEN_DIGESTS"
"""Environment variable: where the memory lies. "off" remembers nothing."""

REMEMBERED_DAYS = 90
"""Then a file is read again: disks lose bits without telling the file system."""

_NAME = ".digests.sqlite"
_RACY_S = 2.0
"""A file changed so shortly before could change once more without another time: the coarsest clocks tick in 2 s."""
_BUSY_S = 2.0
_MANY = 500
"""Files of which it is quicker to read all that is remembered than to ask for one after the other."""


def default_path() -> Path | None:
    """$DANCEGEN_DIGESTS, else in the person's cache directory; None where nothing is to be remembered."""
    told = os.environ.get(MEMORY)
    if told:
        return None if told == "off" else Path(told).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("dancegen", appauthor=False) / _NAME


@dataclass(frozen=True)
class FileMemory:
    """One text for each file, in a table of a SQLite file; `path` None remembers nothing. Safe with several threads
    and processes."""

    path: Path | None
    table: str

    def recall(self, files: Sequence[os.stat_result]) -> dict[str, str]:
        """By `identity`, the texts that are remembered and still hold."""
        return self._ask(lambda memory: self._look_up(memory, files), {}) if files else {}

    def remember(self, found: Iterable[tuple[str | Path, os.stat_result, str]]) -> None:
        """Keep texts for later: each a file, what `os.stat` said of it before it was read, and the text.

        A file that changed meanwhile, or shortly before, is left out.
        """
        day = _today()
        rows = [(identity(before), _state(before), text, day) for path, before, text in found if _settled(path, before)]
        if rows:
            self._ask(lambda memory: self._keep(memory, rows, day), None, make=True)

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

    def _keep(self, memory: Connection, rows: list[tuple[str, str, str, int]], day: int) -> None:
        memory.execute("PRAGMA synchronous = OFF")  # what a power cut loses is read again
        memory.execute(
            f"CREATE TABLE IF NOT EXISTS {self.table} "
            "(file TEXT PRIMARY KEY, state TEXT, said TEXT, day INTEGER) WITHOUT ROWID"
        )
        memory.executemany(f"INSERT OR REPLACE INTO {self.table} VALUES (?, ?, ?, ?)", rows)
        memory.execute(f"DELETE FROM {self.table} WHERE day < ?", (day - REMEMBERED_DAYS,))
        memory.commit()

    def _look_up(self, memory: Connection, files: Sequence[os.stat_result]) -> dict[str, str]:
        day = _today()
        question = f"SELECT file, state, said FROM {self.table} WHERE day BETWEEN ? AND ?"
        bounds = (day - REMEMBERED_DAYS, day)
        if len(files) > _MANY:
            rows = memory.execute(question, bounds).fetchall()
        else:
            single = f"{question} AND file = ?"
            rows = [row for info in files for row in memory.execute(single, (*bounds, identity(info)))]
        states = {identity(info): _state(info) for info in files}
        return {file: said for file, state, said in rows if states.get(file) == state and isinstance(said, str)}


def identity(info: os.stat_result) -> str:
    """What tells a file from every other one of the machine."""
    return f"{info.st_dev}:{info.st_ino}"


def _settled(path: str | Path, before: os.stat_result) -> bool:
    """Whether a file that was read is the one that `before` describes, and a later change would show."""
    try:
        after = os.stat(path)
    except OSError:
        return False
    # Elsewhere ctime is the last change; a date of the last write in the future says nothing.
    changed_ns = max(before.st_mtime_ns, before.st_ctime_ns) if os.name == "nt" else before.st_ctime_ns
    return _state(after) == _state(before) and time.time_ns() - changed_ns > _RACY_S * 1e9


def _state(info: os.stat_result) -> str:
    return f"{info.st_size}:{info.st_mtime_ns}:{info.st_ctime_ns}"


def _today() -> int:
    return int(time.time() // 86_400)


def _discard(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
