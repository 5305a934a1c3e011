"""Where everything lies in the directory of a store.

CACHEDIR.TAG                        backup programs leave it out
<stage>/<16 hex>/manifest.json      an artifact, with its payload beside
<stage>/.making-<16 hex>-<process>/ one being made, and by whom
<stage>/.trash/<16 hex>-<date>-.../ one replaced by --force, or found damaged; emptied by age
.scratch/<stage>/<16 hex>/          what a build keeps to resume after a kill
.locks/<stage>-<16 hex>.lock        held while one is made, with a record of who holds it
.names/, .pins/                     what people put on artifacts: see `marks`
.newest/<user>/<stage>.json         the newest artifact of a stage, for inputs left out
.studio/<user>/                     what a person's studio keeps: uploads, and the jobs of its queue
.swept                              its date says when leftovers were last looked for
"""

from __future__ import annotations

import getpass
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import StoreError
from dancegen.store.atomic import write_text
from dancegen.store.exchange import REPLACED, bring_back
from dancegen.store.lock import DigestLock
from dancegen.store.process import unique
from dancegen.store.recipe import SHORT

MAKING = ".making-"
TRASH = ".trash"
NAME = re.compile(rf"[0-9a-f]{{{SHORT}}}\Z")
"""Of an artifact's directory."""

_CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This is dancegen's artifact store.\n"
_DATED = re.compile(r"\A[0-9a-f]+-(\d{9,})-")


@dataclass(frozen=True)
class Places:
    """The paths below one root, and the moves between them. Nothing is written unless a method says so."""

    root: Path
    read_only: bool = False

    def artifact(self, stage: str, digest: str) -> Path:
        """Of a digest, or of its first SHORT digits."""
        return self.root / stage / digest[:SHORT]

    def making(self, final: Path) -> Path:
        """A new name beside an artifact's directory, on the same disk."""
        return final.with_name(f"{MAKING}{final.name}-{unique()}")

    def scratch(self, stage: str, digest: str) -> Path:
        return self.root / ".scratch" / stage / digest[:SHORT]

    def lock(self, stage: str, digest: str) -> DigestLock:
        return DigestLock(self.root / ".locks" / f"{stage}-{digest[:SHORT]}.lock")

    def newest(self, stage: str) -> Path:
        return self.root / ".newest" / _user() / f"{stage}.json"

    def studio(self) -> Path:
        return self.root / ".studio" / _user()

    def stages(self) -> list[str]:
        """Names of the stages that have a directory. Raises StoreError where the root cannot be read."""
        return sorted(entry.name for entry in _inside(self.root) if entry.is_dir() and not entry.name.startswith("."))

    def artifacts(self, stage: str | None = None) -> list[Path]:
        """Every directory that is an artifact's by its name. Raises StoreError where one cannot be listed.

        What a kill left half replaced gets its place again first.
        """
        return [path for each in ([stage] if stage else self.stages()) for path in self._of(each)]

    def _of(self, stage: str) -> list[Path]:
        folder = self.root / stage
        names = {entry.name for entry in _inside(folder) if entry.is_dir()}
        left = {name.removeprefix(REPLACED)[:SHORT] for name in names if name.startswith(REPLACED)}
        names |= {name for name in left - names if self.restore(folder / name)}
        return [folder / name for name in sorted(names) if NAME.match(name)]

    def restore(self, final: Path) -> bool:
        """Bring back what a kill left beside its place, unless somebody is at work there; says whether it did."""
        if self.read_only or final.exists() or not any(final.parent.glob(f"{REPLACED}{final.name}-*")):
            return False
        try:
            with self.lock(final.parent.name, final.name).attempt() as free:
                return free and bring_back(final)
        except (OSError, StoreError):  # a store that can only be read
            return False

    def set_aside(self, path: Path) -> Path:
        """Move a directory into the trash and return where it is. Raises OSError."""
        trash = path.parent / TRASH
        trash.mkdir(exist_ok=True)
        name = path.name.removeprefix(MAKING).removeprefix(REPLACED)[:SHORT]
        aside = trash / f"{name}-{int(time.time())}-{unique()}"
        os.rename(path, aside)
        return aside

    def mark_used(self, path: Path) -> None:
        """Date an artifact's directory to now, so that what is in use is not taken for old. Never fails."""
        if path.parent.parent == self.root and not self.read_only:
            with suppress(OSError):
                os.utime(path)

    def tag(self) -> None:
        """Write CACHEDIR.TAG, once. Raises StoreError."""
        tag = self.root / "CACHEDIR.TAG"
        if not tag.exists():
            write_text(tag, _CACHEDIR_TAG)


def trashed_at(path: Path) -> float:
    """When something came into the trash, in seconds since 1970; its own date where its name does not say."""
    found = _DATED.search(path.name)
    return float(found[1]) if found else path.stat().st_mtime


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"the store {folder} cannot be read: {error.strerror or error}") from error


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        name = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "user"
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
