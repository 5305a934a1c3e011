"""Atomic file io: written whole or not at all, flushed to the disk, and every failure names its path."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dancegen.errors import DancegenError, StoreError
from dancegen.store.process import unique

TEMPORARY = ".tmp-"
"""Begins the names of files being written."""

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EFBIG: "files may not grow as large there",
}
_STORE_FAULTS = {*_FULL, errno.EROFS, errno.EIO}

_VANISHED = "was removed by somebody while it was being filled"

_ADVICE = {
    errno.ENOSPC: "free some space or choose another disk with --store",
    errno.EDQUOT: "free some space or choose another disk with --store",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f) or choose another disk with --store",
    errno.EROFS: "choose a directory that can be written with --store",
    errno.EACCES: "choose a directory of yours with --store",
    errno.EPERM: "choose a directory of yours with --store",
    errno.ENOTDIR: "a file is where a directory must be: move it away or choose another --store",
    errno.EEXIST: "a file is where a directory must be: move it away or choose another --store",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write below `path` into a StoreError that names the path and what to do."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error) from error


@contextmanager
def building(path: Path) -> Iterator[None]:
    """Around a stage's own work: a full or failing disk becomes a StoreError, every other error stays what it is.

    So does a directory that somebody removed meanwhile.
    """
    try:
        yield
        if not path.is_dir():
            raise FileNotFoundError(errno.ENOENT, _VANISHED, str(path))
    except DancegenError:
        raise
    except OSError as error:
        if not path.is_dir():
            raise StoreError(f"{path} {_VANISHED}; run the command again") from error
        if error.errno not in _STORE_FAULTS:
            raise
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> StoreError:
    """What a person needs to know about a failed write."""
    where = error.filename or path
    advice = _ADVICE.get(error.errno or 0, "nothing was published")
    return StoreError(f"cannot write {where}: {reason_of(error)}; {advice}")


def reason_of(error: OSError) -> str:
    """Why something could not be written, in words."""
    return _FULL.get(error.errno or 0) or error.strerror or str(error)


def sync_file(path: Path) -> None:
    """Have the disk hold a file's bytes before anything says they are there."""
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Have the disk hold a directory's entries. Windows has no such call and needs none."""
    if os.name != "nt":
        sync_file(path)


def write_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all, making the directories above it. Raises StoreError."""
    temporary = beside(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8")
            sync_file(temporary)
            os.replace(temporary, path)
            sync_directory(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_json(path: Path, value: object) -> None:
    """`write_text` for a value JSON can hold."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict | None:
    """A small JSON object, or None where there is none or it makes no sense."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it; nothing there is fine. Raises StoreError where something stays behind."""
    with writing(path):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


def beside(path: Path) -> Path:
    """A temporary name in the same directory, as short for a long name as for a short one; it tells whose it is."""
    return path.with_name(f"{TEMPORARY}{unique()}")
