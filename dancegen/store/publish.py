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
from dancegen.store.manifest import MANIFEST, FileEntry, safe_name

# Flushing waits for the disk, not for the processor: several files at once share one wait.
_THREADS = 8


def seal(directory: Path) -> tuple[tuple[FileEntry, ...], str]:
    """Flush all files and directories below to disk; their entries, sorted by path, and their content.

    Raises StoreError where there is nothing, something that is not a plain file, or a name that cannot be kept.
    """
    with writing(directory):
        paths, directories = _walk(directory)
        with ThreadPoolExecutor(_THREADS) as pool:
            sealed = list(pool.map(lambda path: _seal_file(directory, path), paths))
        for inner in directories:
            sync_directory(inner)
    Digests.default().remember((directory / entry.path, info, entry.sha256) for entry, info in sealed)
    files = tuple(entry for entry, _ in sealed)
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


def _seal_file(directory: Path, path: Path) -> tuple[FileEntry, os.stat_result]:
    if not path.is_file():
        raise StoreError(f"{path} is not a plain file; an artifact holds plain files only")
    name = path.relative_to(directory).as_posix()
    try:
        name.encode("utf-8")
        safe_name(name)
    except ValueError as error:
        raise StoreError(f"{path!a} cannot be stored: not every system can have a file of this name") from error
    sync_file(path)
    info = path.stat()
    return FileEntry(name, info.st_size, hash_file(path)), info
