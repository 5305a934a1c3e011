"""Turn a directory a stage has written into a payload: every file hashed, counted and on the disk."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dancegen.errors import StoreError
from dancegen.store.artifact import content_of
from dancegen.store.atomic import sync_directory, sync_file, writing
from dancegen.store.digests import Digests
from dancegen.store.hashing import hash_file
from dancegen.store.manifest import MANIFEST, FileEntry

# Flushing waits for the disk, not for the processor: several files at once share one wait.
_THREADS = 8


def seal(directory: Path) -> tuple[tuple[FileEntry, ...], str]:
    """Flush all files and directories below to disk; their entries, sorted by path, and their content.

    Raises StoreError where there is nothing, something that is not a plain file, or a file with a reserved name.
    """
    with writing(directory):
        paths, directories = _walk(directory)
        with ThreadPoolExecutor(_THREADS) as pool:
            sealed = list(pool.map(_seal_file, paths))
        for inner in directories:
            sync_directory(inner)
    Digests.default().remember((path, info, digest) for path, (info, digest) in zip(paths, sealed, strict=True))
    files = tuple(
        FileEntry(path.relative_to(directory).as_posix(), info.st_size, digest)
        for path, (info, digest) in zip(paths, sealed, strict=True)
    )
    return files, content_of(files)


def _walk(directory: Path) -> tuple[list[Path], list[Path]]:
    paths: list[Path] = []
    directories: list[Path] = []
    for parent, inner, names in os.walk(directory):
        directories.append(Path(parent))
        links = [name for name in (*inner, *names) if (Path(parent) / name).is_symlink()]
        if links:
            raise StoreError(f"{Path(parent) / links[0]} is a link; an artifact holds plain files only")
        paths += [Path(parent) / name for name in names]
    if directory / MANIFEST in paths:
        raise StoreError(f"a stage must not write {MANIFEST}: that name is the store's own")
    if not paths:
        raise StoreError(f"nothing was written into {directory}: there is nothing to publish")
    return sorted(paths, key=lambda path: path.relative_to(directory).as_posix()), directories


def _seal_file(path: Path) -> tuple[os.stat_result, str]:
    if not path.is_file():
        raise StoreError(f"{path} is not a plain file; an artifact holds plain files only")
    sync_file(path)
    return path.stat(), hash_file(path)
