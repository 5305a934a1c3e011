"""Which files outside the store dancegen made: what it may replace without asking.

What was copied out of a store is written down there, by the hash of its bytes: a copy stays dancegen's wherever it is
moved to, and stops being so as soon as anybody edits it.

    .exported/<user>.txt        a line for each copied file: SHA-256, bytes, digest of the artifact
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from dancegen.store.artifact import Artifact
from dancegen.store.hashing import hash_file
from dancegen.store.manifest import MANIFEST, Damage, FileEntry, Manifest
from dancegen.store.recipe import SHORT

_FOLDER = ".exported"
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) ([0-9a-f]{64})\Z")

Maker = Callable[[Path], str | None]
"""The digest of the artifact that a file itself says it is of, as a video does in its comment."""


def unsigned(path: Path) -> None:
    """A Maker for files that say nothing of their origin."""


@dataclass(frozen=True)
class Exported:
    """What was copied out of the store in `root`, as the record stands when it is first asked.

    maker: reads what a file says of its origin. below: stores under this one, which are only read.
    """

    root: Path
    maker: Maker = unsigned
    below: tuple[Path, ...] = ()
    _manifests: dict[Path, Mapping[str, FileEntry]] = field(default_factory=dict, repr=False, compare=False)

    def is_ours(self, path: Path) -> bool:
        """Whether dancegen made the file as it is now, so that nobody's work is lost with it.

        Its bytes are those of a copy that is written down, or that the manifest above it names. A file that names its
        artifact itself is believed where neither the store nor the record knows better: with other bytes than they
        know it was edited, and is whoever's edited it.
        """
        try:
            info = os.lstat(path)
            if not stat.S_ISREG(info.st_mode):
                return False  # a link is a person's, whatever it leads to
            known = self._hashes.get(info.st_size, set())
            beside = self._beside(path)
            if beside is not None and beside.size == info.st_size:
                known = known | {beside.sha256}
            if known and hash_file(path) in known:
                return True
            digest = self.maker(path)
            if digest is None or any(digest == other for _, other in self._copies.values()):
                return False
            made = self._files_of(digest)
            return not made or hash_file(path) in made
        except OSError:
            return False

    def remember(self, artifact: Artifact, files: Iterable[FileEntry]) -> None:
        """Write down that these files of an artifact were copied. A store that cannot be written remembers nothing."""
        lines = [f"{each.sha256} {each.size} {artifact.digest}\n" for each in files if each.sha256 not in self._copies]
        record = self.root / _FOLDER / f"{os.getuid() if hasattr(os, 'getuid') else 'user'}.txt"
        try:
            if lines:
                record.parent.mkdir(parents=True, exist_ok=True)
                with open(record, "a", encoding="ascii") as file:
                    file.write("".join(lines))
        except OSError:
            pass

    @cached_property
    def _copies(self) -> Mapping[str, tuple[int, str]]:
        """Bytes and artifact of every file that was copied, by its hash."""
        found = {}
        for record in (path for root in (self.root, *self.below) for path in sorted((root / _FOLDER).glob("*.txt"))):
            try:
                lines = record.read_text(encoding="ascii", errors="replace").splitlines()
            except OSError:
                continue
            found |= {match[1]: (int(match[2]), match[3]) for line in lines if (match := _LINE.match(line))}
        return found

    @cached_property
    def _hashes(self) -> Mapping[int, set[str]]:
        """The hashes of copied files by their size: most files need not be read to know that they are none of them."""
        found: dict[int, set[str]] = {}
        for sha, (size, _) in self._copies.items():
            found.setdefault(size, set()).add(sha)
        return found

    def _files_of(self, digest: str) -> set[str]:
        """The hashes of an artifact's files, where the store has it."""
        if not re.fullmatch("[0-9a-f]{64}", digest):
            return set()
        manifests = [path for root in (self.root, *self.below) for path in root.glob(f"*/{digest[:SHORT]}/{MANIFEST}")]
        return {entry.sha256 for manifest in manifests for entry in self._entries(manifest.parent).values()}

    def _beside(self, path: Path) -> FileEntry | None:
        """What the nearest manifest above a file says of it."""
        for folder in path.absolute().parents:
            if folder in self._manifests or (folder / MANIFEST).is_file():
                return self._entries(folder).get(path.absolute().relative_to(folder).as_posix())
        return None

    def _entries(self, folder: Path) -> Mapping[str, FileEntry]:
        if folder not in self._manifests:
            try:
                files = Manifest.read(folder).files
            except Damage:
                files = ()
            self._manifests[folder] = {entry.path: entry for entry in files}
        return self._manifests[folder]
