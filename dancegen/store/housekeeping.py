"""What nobody needs any more is removed: old trash, and what dead processes left behind.

A leftover is recognised by its process, not by its age alone: its name says whose it is, and its lock is free. Nobody
can ask for a process of another machine; what it left must also have lain untouched for some days.
"""

from __future__ import annotations

import math
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dancegen.errors import StoreError
from dancegen.store.atomic import TEMPORARY
from dancegen.store.exchange import REPLACED
from dancegen.store.lock import DigestLock, lock_of
from dancegen.store.places import MAKING, TRASH, Places, trashed_at
from dancegen.store.process import owner_lives
from dancegen.store.recipe import SHORT

TRASH_DAYS = 14.0
"""So long what was replaced or found damaged can be looked at."""
SCRATCH_DAYS = 30.0
"""So long a run that was killed can go on from where it was."""
LEFTOVER_DAYS = 3.0
"""So long what may be another machine's is left alone."""

_DAY_S = 86_400.0
_STAMP = ".swept"


@dataclass
class Freed:
    """What was removed (or would be), how many bytes that is, and what could not be removed."""

    paths: list[Path] = field(default_factory=list)
    size: int = 0
    failed: list[Path] = field(default_factory=list)


def sweep(root: Path, *, trash_days: float = TRASH_DAYS, dry_run: bool = False) -> Freed:
    """Empty the trash by age and remove what dead processes left in a store's root. Never an artifact.

    trash_days: what lies in the trash for longer goes. dry_run: only say what would go. What cannot be removed is
    named in the result. Raises StoreError where the store cannot be listed.
    """
    places, freed = Places(root), Freed()
    for stage in places.stages():
        for path in _children(root / stage / TRASH):
            if _age_days(trashed_at(path)) >= trash_days:
                _remove(path, freed, dry_run)
        sweep_workplaces(places, stage, freed=freed, dry_run=dry_run)
    for path in _temporaries(root):
        if _is_left_over(path):
            _remove(path, freed, dry_run)
    _sweep_scratch(places, freed, dry_run)
    _sweep_locks(root, freed, dry_run)
    return freed


def sweep_daily(root: Path) -> None:
    """`sweep`, at most once a day, as a side effect of making something. Never fails."""
    stamp = root / _STAMP
    with suppress(OSError, StoreError):
        if stamp.exists() and 0 <= _age_days(stamp.stat().st_mtime) < 1:
            return
        stamp.touch()
        sweep(root)


def sweep_workplaces(
    places: Places, stage: str, *, mine: str = "", freed: Freed | None = None, dry_run: bool = False
) -> None:
    """Remove the directories of a stage in which dead processes built or replaced something.

    mine: the name whose lock this process holds.
    """
    freed = freed or Freed()
    for path in _children(places.root / stage):
        name = path.name.removeprefix(MAKING).removeprefix(REPLACED)[:SHORT]
        if not path.name.startswith((MAKING, REPLACED)) or not _is_left_over(path):
            continue
        if path.name.startswith(REPLACED) and not places.artifact(stage, name).exists():
            continue  # not thrown away yet: it is the only one, and the next look brings it back
        if name == mine:
            _remove(path, freed, dry_run)
        else:
            _sweep_unlocked(places, stage, name, path, -math.inf, freed, dry_run)


def _sweep_unlocked(
    places: Places, stage: str, name: str, path: Path, days: float, freed: Freed, dry_run: bool
) -> None:
    """Remove what was untouched for so long, unless somebody holds the lock of the artifact it belongs to."""
    with suppress(OSError, StoreError), places.lock(stage, name).attempt() as free:
        if free and _age_days(_last_change(path)) >= days:
            _remove(path, freed, dry_run)


def _sweep_scratch(places: Places, freed: Freed, dry_run: bool) -> None:
    """What a run would go on from is kept for long, unless what it was for is there."""
    for path in [path for stage in _children(places.root / ".scratch") for path in _children(stage)]:
        stage, name = path.parent.name, path.name
        days = -math.inf if places.artifact(stage, name).exists() else SCRATCH_DAYS
        _sweep_unlocked(places, stage, name, path, days, freed, dry_run)


def _sweep_locks(root: Path, freed: Freed, dry_run: bool) -> None:
    """A lock is made anew when it is needed: old ones that nobody holds only fill their directory."""
    for path in _children(root / ".locks"):
        if path.suffix == ".lock" and not dry_run and _age_days(_modified(path)) >= LEFTOVER_DAYS:
            with suppress(OSError, StoreError):
                DigestLock(path).discard()
        elif path.name.endswith(".holder.json") and not path.with_name(lock_of(path.name)).exists():
            _remove(path, freed, dry_run)


def _temporaries(root: Path) -> Iterator[Path]:
    """Files that were being written: beside small records in the root, the stages' directories and hidden ones."""
    for folder in (root, *_children(root)):
        pattern = f"**/{TEMPORARY}*" if folder.name.startswith(".") and folder.name != ".scratch" else f"{TEMPORARY}*"
        yield from folder.glob(pattern)


def _is_left_over(path: Path) -> bool:
    lives = owner_lives(path.name)
    return _age_days(_last_change(path)) >= LEFTOVER_DAYS if lives is None else not lives


def _remove(path: Path, freed: Freed, dry_run: bool) -> None:
    size = _size(path)
    try:
        if not dry_run:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    except FileNotFoundError:  # another process was quicker
        return
    except OSError:
        freed.failed.append(path)
        return
    freed.paths.append(path)
    freed.size += size


def _children(folder: Path) -> list[Path]:
    """What is in a directory; nothing where there is none, or it may not be seen."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    return sum(info.st_size for info in _infos(path) if stat.S_ISREG(info.st_mode))


def _last_change(path: Path) -> float:
    """The latest date of anything in a directory, in seconds since 1970; now where nothing is there any more."""
    return max((info.st_mtime for info in _infos(path)), default=time.time())


def _modified(path: Path) -> float:
    infos = list(_infos(path, inside=False))
    return infos[0].st_mtime if infos else time.time()


def _infos(path: Path, *, inside: bool = True) -> Iterator[os.stat_result]:
    """Of a file, or of a directory and all in it."""
    paths = [path]
    if inside and path.is_dir() and not path.is_symlink():
        paths += [Path(folder) / name for folder, inner, names in os.walk(path) for name in (*inner, *names)]
    for each in paths:
        with suppress(OSError):
            yield os.lstat(each)


def _age_days(moment_s: float) -> float:
    """Negative for a date in the future: nothing is old that is not yet."""
    return (time.time() - moment_s) / _DAY_S
