"""What somebody keeps in the studio without having made anything of it yet: marks on dances, and uploaded files."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dancegen.jobs.queue import Job
from dancegen.store.atomic import read_json, write_json

MOST = 40
"""Dances whose marks are kept."""
KEPT_S = 7 * 86_400.0
"""How long an uploaded file stays that nothing needs."""


class Drafts:
    """Marks on the timelines of dances that were not danced yet: a page that is loaded again finds them."""

    def __init__(self, path: Path) -> None:
        """path: of the JSON that keeps them, the newest last."""
        self._path, self._lock = path, threading.Lock()

    def of(self, digest: str) -> tuple[list[Any], dict[str, Any]]:
        """The marks on a dance, and where the joints of its moved poses were dragged to."""
        known = self._all().get(digest, {})
        return known.get("marks", []), known.get("places", {})

    def keep(self, digest: str, marks: Sequence[Any], places: Mapping[str, Any]) -> None:
        """Remember the marks on a dance; without marks nothing is kept of it. Raises StoreError."""
        with self._lock:
            known = {name: draft for name, draft in self._all().items() if name != digest}
            if marks:
                known[digest] = {"marks": list(marks), "places": dict(places)}
            write_json(self._path, dict(list(known.items())[-MOST:]))

    def newest(self) -> str:
        """The dance that was marked last, or nothing."""
        return next(reversed(self._all()), "")

    def texts(self) -> Iterator[str]:
        """All that is said in the marks: some name files."""
        return texts_in(list(self._all().values()))

    def _all(self) -> dict[str, Any]:
        return read_json(self._path) or {}


def remove_old_uploads(uploads: Path, jobs: Iterable[Job], drafts: Drafts, now_s: float | None = None) -> list[Path]:
    """Remove uploaded files that are older than KEPT_S, and that no job that is remembered, and no mark, names.

    now_s: seconds since 1970. Returns what was removed. What cannot be removed stays.
    """
    oldest_s = (time.time() if now_s is None else now_s) - KEPT_S
    named = "\n".join([*texts_in([dict(job.keywords) for job in jobs]), *drafts.texts()])
    removed = []
    for path in sorted(uploads.rglob("*"), reverse=True):  # what is in a directory before the directory
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()  # it fails where there is something in it
            elif path.lstat().st_mtime < oldest_s and str(path) not in named:
                path.unlink()
                removed.append(path)
    return removed


def texts_in(value: Any) -> Iterator[str]:
    """Every text in nested lists and dictionaries."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from texts_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each)
