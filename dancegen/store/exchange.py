"""Put a finished directory in the place of another, so that a kill at any moment leaves the old one or the new one."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from dancegen.store.process import unique

REPLACED = ".replaced-"
"""Begins the name of an old directory, for the moment in which it has left its place and the new one is not there."""

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # linux/fs.h
_RENAME_SWAP = 2  # sys/stdio.h of macOS
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EPERM}


def put(new: Path, place: Path) -> Path | None:
    """Move `new` to `place`, beside it on one disk, and return where what was there lies now, if anything was.

    Where the system can exchange two names, there is never a moment with neither. Elsewhere (NFS, Windows) there is
    one, and `bring_back` mends what a kill leaves then. Call it under the lock. Raises OSError, with the old one back.
    """
    if not os.path.lexists(place):
        os.rename(new, place)
        return None
    if exchange(new, place):
        return new
    old = place.with_name(f"{REPLACED}{place.name}-{unique()}")
    os.rename(place, old)
    try:
        os.rename(new, place)
    except BaseException:
        os.rename(old, place)
        raise
    return old


def bring_back(place: Path) -> bool:
    """Give what was being replaced its place again, where a kill left that empty; says whether it did.

    Call it under the lock. Raises OSError.
    """
    if os.path.lexists(place):
        return False
    for old in replaced(place):
        os.rename(old, place)
        return True
    return False


def replaced(place: Path) -> Iterator[Path]:
    """What was moved out of a place to be replaced and not yet thrown away."""
    return place.parent.glob(f"{REPLACED}{place.name}-*")


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two directories in one step; False where the system or its file system cannot.

    Raises OSError.
    """
    call = _system_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), os.fspath(one), None, os.fspath(other))


@lru_cache(maxsize=1)
def _system_call() -> Callable[[bytes, bytes], int] | None:
    """Of two encoded paths: the system's own call, or None where it has none."""
    if sys.platform not in ("linux", "darwin"):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return lambda one, other: library.renameat2(_AT_FDCWD, one, _AT_FDCWD, other, _RENAME_EXCHANGE)
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return lambda one, other: library.renamex_np(one, other, _RENAME_SWAP)
    return None
