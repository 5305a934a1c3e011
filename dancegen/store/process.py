"""Who made a temporary file: names that say which process they belong to, and whether it still lives.

A process is known by its machine, its id and the time it started: an id alone is given to another process later, and
means nothing on another machine. Two containers on one machine count as two: neither sees the other's processes.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import subprocess
import sys
import uuid
from functools import lru_cache
from pathlib import Path

_OWNED = re.compile(r"(?:\A|-)([0-9a-f]{8})-(\d+)-(\d+)-[0-9a-f]{8}\Z")
_GONE = ("Z", "X")
"""States of a process that has ended and was not yet taken note of."""


def unique() -> str:
    """A name that no other process takes, on any machine, and that tells whose it is: see `owner_lives`."""
    return f"{_machine()}-{os.getpid()}-{_started(os.getpid()) or 0}-{uuid.uuid4().hex[:8]}"


def owner_lives(name: str) -> bool | None:
    """Whether the process lives that took a name ending in `unique()`. None: nobody can tell from here."""
    found = _OWNED.search(name)
    if found is None:
        return None
    machine, pid, started = found[1], int(found[2]), int(found[3])
    if machine != _machine() or not started:
        return None
    return _started(pid) == started


@lru_cache(maxsize=1)
def _machine() -> str:
    """Of this machine since it was started, as far as this process sees it: 8 hex digits."""
    parts = [socket.gethostname()]
    if sys.platform == "linux":
        parts += [_line("/proc/sys/kernel/random/boot_id"), _link("/proc/self/ns/pid")]
    else:
        parts.append(str(uuid.getnode()))
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:8]


def _started(pid: int) -> int | None:
    """A number for the moment a process started; None where there is no such process, or no way to ask."""
    if pid == os.getpid():
        return _own_start(pid)
    return _ask_start(pid)


@lru_cache(maxsize=1)
def _own_start(pid: int) -> int | None:
    return _ask_start(pid)


def _ask_start(pid: int) -> int | None:
    if sys.platform == "linux":
        # After the name, which may hold anything, field 3 is the state and field 22 the start in ticks since boot.
        fields = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return int(fields[19]) if len(fields) > 19 and fields[0] not in _GONE else None
    if os.name == "nt":
        return None
    asked = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = asked.stdout.strip().partition(" ")
    return int(hashlib.sha256(started.strip().encode()).hexdigest()[:8], 16) if started and state[0] != "Z" else None


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
