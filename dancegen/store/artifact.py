"""An artifact: a directory whose manifest says what made it and what it holds."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dancegen.errors import NotFoundError
from dancegen.store.digests import file_digests
from dancegen.store.hashing import hash_file, hash_value
from dancegen.store.manifest import Damage, FileEntry, Manifest, cannot_read
from dancegen.store.recipe import Input


@dataclass(frozen=True)
class Artifact:
    """A whole artifact on disk. `cached` is True where it was answered from the store rather than made just now."""

    path: Path
    manifest: Manifest
    cached: bool = True

    @classmethod
    def read(cls, directory: Path, *, thorough: bool = False) -> Artifact:
        """The artifact in a directory, after a cheap check (files and sizes) or a thorough one (every byte is read).

        Raises Damage where a file is missing, has another size (thorough: other bytes), or is a link; OtherSchema
        where another dancegen's rules were others; Unreadable where this person may not read it.
        """
        artifact = cls(directory, Manifest.read(directory))
        for entry in artifact.files:
            _check_size(directory / entry.path, entry)
            if thorough:
                _check_bytes(directory / entry.path, entry)
        if content_of(artifact.files) != artifact.content:
            raise Damage(f"the manifest in {directory} contradicts itself: its content is not that of its files")
        return artifact

    def check(self) -> None:
        """Compare every file with its hash before it is used; those read before and not changed since are not read.

        Raises Damage where one has changed, Unreadable where one may not be read.
        """
        paths = [self.path / entry.path for entry in self.files]
        try:
            found = file_digests(paths)
        except OSError as error:
            raise cannot_read(Path(error.filename or self.path), error) from error
        for path, entry, sha256 in zip(paths, self.files, found, strict=True):
            if sha256 != entry.sha256:
                _check_bytes(path, entry)  # a memory alone does not condemn it

    def file(self, name: str) -> Path:
        """The path of a payload file. Raises NotFoundError, with the names there are, where it has no such file."""
        if not any(entry.path == name for entry in self.files):
            names = ", ".join(entry.path for entry in self.files[:8]) + (", ..." if len(self.files) > 8 else "")
            raise NotFoundError(f"the {self.stage} artifact {self.path} has no file {name}; it has {names}")
        return self.path / name

    @property
    def stage(self) -> str:
        return self.manifest.stage

    @property
    def digest(self) -> str:
        """How it was made, SHA-256 hex."""
        return self.manifest.digest

    @property
    def content(self) -> str:
        """What it holds, SHA-256 hex over the sorted paths and hashes of its files."""
        return self.manifest.content

    @property
    def params(self) -> dict[str, Any]:
        return self.manifest.params

    @property
    def inputs(self) -> tuple[Input, ...]:
        return self.manifest.inputs

    @property
    def files(self) -> tuple[FileEntry, ...]:
        return self.manifest.files

    @property
    def created(self) -> str:
        """UTC, ISO 8601."""
        return self.manifest.created

    @property
    def duration_s(self) -> float:
        """How long it took to make, whoever made it."""
        return self.manifest.duration_s

    @property
    def versions(self) -> dict[str, str]:
        return self.manifest.versions

    @property
    def summary(self) -> dict[str, Any]:
        return self.manifest.summary

    @property
    def size(self) -> int:
        """Bytes of its payload."""
        return sum(entry.size for entry in self.files)


def content_of(files: tuple[FileEntry, ...]) -> str:
    """SHA-256 hex over the sorted paths and hashes of payload files."""
    return hash_value(sorted([entry.path, entry.sha256] for entry in files))


def _check_bytes(path: Path, entry: FileEntry) -> None:
    try:
        sha256 = hash_file(path)
    except OSError as error:
        raise cannot_read(path, error) from error
    if sha256 != entry.sha256:
        raise Damage(f"{path} is not the file that was made: its bytes have changed")


def _check_size(path: Path, entry: FileEntry) -> None:
    try:
        info = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise Damage(f"{path} is missing") from error
    except OSError as error:
        raise cannot_read(path, error) from error
    # A link could point to a file that changes later.
    if not stat.S_ISREG(info.st_mode):
        raise Damage(f"{path} is not a plain file")
    if info.st_size != entry.size:
        raise Damage(f"{path} has {info.st_size} bytes instead of {entry.size}")
