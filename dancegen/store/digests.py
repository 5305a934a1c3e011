"""File digests remembered from run to run: a video of 10 GB is hashed once, and checking what is stored stays cheap."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dancegen.store.hashing import hash_file
from dancegen.store.memory import FileMemory, default_path, identity

_SMALLEST = 32_768
"""Bytes. A smaller file is hashed as fast as it is looked up."""
_THREADS = 4
_TABLE = "digests"
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


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
        return cls(default_path())

    def of(self, paths: Sequence[str | Path]) -> list[str]:
        """SHA-256 hex of each file, in order. Raises OSError where one cannot be read."""
        before = [os.stat(path) for path in paths]
        known = self._recall([info for info in before if info.st_size >= _SMALLEST])
        missing = [index for index, info in enumerate(before) if identity(info) not in known]
        if not missing:
            return [known[identity(info)] for info in before]
        with ThreadPoolExecutor(min(_THREADS, len(missing))) as pool:
            hashed = dict(zip(missing, pool.map(lambda index: hash_file(paths[index]), missing), strict=True))
        self.remember((paths[index], before[index], sha256) for index, sha256 in hashed.items())
        return [hashed.get(index) or known[identity(info)] for index, info in enumerate(before)]

    def remember(self, hashed: Iterable[tuple[str | Path, os.stat_result, str]]) -> None:
        """Keep digests for later: each a file, what `os.stat` said of it before it was hashed, and its SHA-256 hex.

        A file that changed meanwhile, or shortly before, is left out.
        """
        self._memory.remember(each for each in hashed if each[1].st_size >= _SMALLEST)

    def _recall(self, files: list[os.stat_result]) -> dict[str, str]:
        """By file, the digests that are remembered and still hold."""
        return {file: said for file, said in self._memory.recall(files).items() if _SHA256.match(said)}

    @property
    def _memory(self) -> FileMemory:
        return FileMemory(self.path, _TABLE)
