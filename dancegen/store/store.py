"""The artifact store: an artifact is read from disk or, where it is missing, made once and published whole.

Layout below the root:

    CACHEDIR.TAG                        backup programs leave it out
    <stage>/<16 hex>/manifest.json      an artifact, with its payload beside
    <stage>/.making-<16 hex>-<unique>/  one being made
    <stage>/.trash/<16 hex>-<unique>/   one replaced by --force, or found damaged
    .scratch/<stage>/<16 hex>/          what a build keeps to resume after a kill
    .locks/<stage>-<16 hex>.lock        held while one is made, with a record of who holds it
    .newest/<user>/<stage>.json         the newest artifact of a stage, for inputs left out
"""

from __future__ import annotations

import getpass
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.progress import SILENT, Progress
from dancegen.store.artifact import Artifact
from dancegen.store.atomic import (
    building,
    read_json,
    remove_tree,
    sync_directory,
    unique,
    write_json,
    write_text,
    writing,
)
from dancegen.store.lock import DigestLock
from dancegen.store.manifest import MANIFEST, Damage, Manifest, plain, versions
from dancegen.store.publish import seal
from dancegen.store.recipe import SHORT, Recipe

Build = Callable[[Path], Mapping[str, object] | None]

_CACHEDIR_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# This is dancegen's artifact store.\n"
_HEX = re.compile(r"[0-9a-f]+\Z")
_MAKING = ".making-"
_TRASH = ".trash"
_SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Store:
    """A directory of artifacts. Nothing is written to it before something is made."""

    root: Path

    def obtain(
        self,
        recipe: Recipe,
        build: Build,
        *,
        force: bool = False,
        progress: Progress = SILENT,
        standalone: bool = True,
    ) -> Artifact:
        """The artifact of a recipe, made by `build(directory) -> summary` only where the store has none.

        `build` writes the payload into an empty directory; it is published whole or not at all. Two processes that ask
        for one artifact compute it once. `force` makes it anew and keeps the old one until the new one is there.
        `standalone` records it as the newest of its stage, also when it is answered from the store: False for what
        is made on the way to something else. Raises StoreError where the store cannot be written, and whatever
        `build` raises.
        """
        artifact = None if force else self._sound(recipe)
        if artifact is None:
            artifact = self._make(recipe, build, force, progress)
        if standalone:
            self._record_newest(artifact, progress)
        return artifact

    def scratch(self, recipe: Recipe) -> Path:
        """A directory for what a build keeps to resume after a kill; it is removed when the artifact is published."""
        path = self._scratch(recipe)
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def find(self, reference: str | Path, stage: str | None = None) -> Artifact:
        """The artifact a person means: its directory's path, its digest, or the beginning of it.

        Raises InputError where several begin so, it is of another stage, or it was changed since it was made, and
        NotFoundError where there is none.
        """
        artifact = self._at_path(Path(reference)) or self._by_digest(str(reference), stage)
        if stage is not None and artifact.stage != stage:
            raise InputError(f"{reference} is a {artifact.stage} artifact; a {stage} artifact is needed here")
        return artifact

    def newest(self, stage: str) -> Artifact:
        """The artifact of a stage that this person's commands made, or were answered with, last.

        Raises NotFoundError, with the command that makes one, where there is none.
        """
        record = read_json(self._newest_path(stage)) or {}
        digest = str(record.get("digest", ""))
        if not digest:
            raise NotFoundError(f"no {stage} artifact in {self.root} yet; make one with: dancegen {stage}")
        try:
            artifact = Artifact.read(self._path(stage, digest))
        except Damage as damage:
            raise NotFoundError(
                f"the newest {stage} artifact cannot be used ({damage}); make it again with: dancegen {stage}"
            ) from damage
        return artifact

    def artifacts(self, stage: str | None = None) -> list[Artifact]:
        """Every whole artifact, of one stage or all, oldest first."""
        found = [entry for _, entry in self._entries(stage) if isinstance(entry, Artifact)]
        return sorted(found, key=lambda artifact: (artifact.created, artifact.stage, artifact.digest))

    def damaged(self, stage: str | None = None) -> list[tuple[Path, Damage]]:
        """Every artifact's directory that cannot be used, with what is wrong with it."""
        return [(path, entry) for path, entry in self._entries(stage) if isinstance(entry, Damage)]

    def _entries(self, stage: str | None) -> Iterator[tuple[Path, Artifact | Damage]]:
        for path in self._directories(stage):
            try:
                yield path, Artifact.read(path)
            except Damage as damage:
                yield path, damage

    # Making

    def _make(self, recipe: Recipe, build: Build, force: bool, progress: Progress) -> Artifact:
        self._tag()
        final = self._path(recipe.stage, recipe.digest)
        with self._lock(recipe.stage, final.name).hold(f"{recipe.stage} {final.name}", progress):
            # Whoever held the lock before may have made it while this process waited.
            if not force and (artifact := self._sound(recipe)) is not None:
                return artifact
            if force:
                remove_tree(self._scratch(recipe))
            else:
                self._set_damaged_aside(final, progress)
            self._sweep(recipe.stage, final.name)
            artifact = self._publish(recipe, build, final)
            remove_tree(self._scratch(recipe))
        return artifact

    def _publish(self, recipe: Recipe, build: Build, final: Path) -> Artifact:
        with self._workplace(final) as workplace:
            started = time.monotonic()
            with building(workplace):
                summary = build(workplace) or {}
            manifest = self._manifest(recipe, workplace, summary, time.monotonic() - started)
            write_text(workplace / MANIFEST, manifest.to_json())
            with writing(final):
                if final.exists():
                    self._set_aside(final)
                os.rename(workplace, final)
                sync_directory(final.parent)
        return Artifact(final, manifest, cached=False)

    @contextmanager
    def _workplace(self, final: Path) -> Iterator[Path]:
        """A fresh directory beside the final one, on the same disk, gone afterwards unless it was renamed."""
        workplace = final.with_name(f"{_MAKING}{final.name}-{unique()}")
        with writing(workplace):
            workplace.mkdir(parents=True)
        try:
            yield workplace
        finally:
            remove_tree(workplace)

    def _manifest(self, recipe: Recipe, directory: Path, summary: Mapping, duration_s: float) -> Manifest:
        files, content = seal(directory)
        return Manifest(
            stage=recipe.stage,
            stage_version=recipe.version,
            digest=recipe.digest,
            content=content,
            params=plain(recipe.params),
            inputs=recipe.inputs,
            files=files,
            created=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            duration_s=round(duration_s, 3),
            versions=versions(),
            summary=plain(summary),
        )

    def _sweep(self, stage: str, mine: str) -> None:
        """Remove what killed runs left behind: a lock that is free tells that nobody is at work there.

        `mine` is the name whose lock this process holds.
        """
        for path in (self.root / stage).glob(f"{_MAKING}*"):
            name = path.name.removeprefix(_MAKING)[:SHORT]
            if name == mine:
                remove_tree(path)
                continue
            with self._lock(stage, name).attempt() as free:
                if free:
                    remove_tree(path)

    # Reading

    def _sound(self, recipe: Recipe) -> Artifact | None:
        """The recipe's artifact if it is there and whole."""
        try:
            artifact = Artifact.read(self._path(recipe.stage, recipe.digest))
        except Damage:
            return None
        return artifact if artifact.digest == recipe.digest else None

    def _at_path(self, path: Path) -> Artifact | None:
        """The artifact in a directory, or None where the reference is not a path at all."""
        if not (path / MANIFEST).is_file():
            if path.exists() and not _HEX.match(str(path)):  # a folder may happen to be called like a digest
                raise InputError(f"{path} is not an artifact's directory: it has no {MANIFEST}")
            if len(path.parts) > 1:
                raise NotFoundError(f"{path} does not exist; see what there is with: dancegen artifacts ls")
            return None
        ours = self.root in path.resolve().parents
        try:
            # Outside the store anybody may have edited it, and its content would then stand for something else.
            return Artifact.read(path.resolve(), thorough=not ours)
        except Damage as damage:
            raise InputError(f"{damage}; make it again, or use the one in the store by its digest") from damage

    def _by_digest(self, reference: str, stage: str | None) -> Artifact:
        prefix = reference.lower()
        if not _HEX.match(prefix) or len(prefix) < _SHORTEST_PREFIX:
            raise NotFoundError(
                f"{reference} is neither an artifact's directory nor {_SHORTEST_PREFIX} or more digits of a digest; "
                "see what there is with: dancegen artifacts ls"
            )
        found = [path for path in self._directories() if path.name.startswith(prefix[:SHORT])]
        # Digits shared with another stage's artifact are no ambiguity where only one stage makes sense.
        found = [path for path in found if path.parent.name == stage] or found
        if len(found) > 1:
            names = ", ".join(f"{path.parent.name}/{path.name}" for path in found)
            raise InputError(f"several artifacts begin with {reference}: {names}; give more digits")
        if not found:
            raise NotFoundError(f"no artifact begins with {reference}; see what there is with: dancegen artifacts ls")
        try:
            artifact = Artifact.read(found[0])
        except Damage as damage:
            raise StoreError(f"{damage}; make it again with: dancegen {found[0].parent.name}") from damage
        if not artifact.digest.startswith(prefix):
            raise NotFoundError(f"no artifact begins with {reference}; {artifact.digest} comes nearest")
        return artifact

    def _directories(self, stage: str | None = None) -> list[Path]:
        try:
            stages = [self.root / stage] if stage else sorted(self.root.iterdir())
            stages = [path for path in stages if path.is_dir() and not path.name.startswith(".")]
            return [path for parent in stages for path in sorted(parent.iterdir()) if _is_artifact_name(path)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"the store {self.root} cannot be read: {error.strerror or error}") from error

    # Setting aside

    def _set_damaged_aside(self, final: Path, progress: Progress) -> None:
        """Called under the lock, once the artifact is known not to be sound."""
        if not os.path.lexists(final):
            return
        try:
            Artifact.read(final)
            why = f"{final} was made from another recipe"
        except Damage as damage:
            why = str(damage)
        with writing(final):
            aside = self._set_aside(final)
        progress.warn(f"a damaged artifact was moved to {aside} and is made again: {why}")

    def _set_aside(self, path: Path) -> Path:
        trash = path.parent / _TRASH
        trash.mkdir(exist_ok=True)
        aside = trash / f"{path.name}-{unique()}"
        os.rename(path, aside)
        return aside

    # Places

    def _path(self, stage: str, digest: str) -> Path:
        return self.root / stage / digest[:SHORT]

    def _scratch(self, recipe: Recipe) -> Path:
        return self.root / ".scratch" / recipe.stage / recipe.digest[:SHORT]

    def _lock(self, stage: str, name: str) -> DigestLock:
        return DigestLock(self.root / ".locks" / f"{stage}-{name}.lock")

    def _newest_path(self, stage: str) -> Path:
        return self.root / ".newest" / _user() / f"{stage}.json"

    def _record_newest(self, artifact: Artifact, progress: Progress) -> None:
        path = self._newest_path(artifact.stage)
        record = {"stage": artifact.stage, "digest": artifact.digest}
        if (read_json(path) or {}).get("digest") == artifact.digest:
            return
        try:
            write_json(path, record)
        except StoreError as error:
            # A store that can only be read still answers; only leaving inputs out will not work.
            progress.warn(f"the next command will not find this {artifact.stage} by itself: {error}")

    def _tag(self) -> None:
        tag = self.root / "CACHEDIR.TAG"
        if not tag.exists():
            write_text(tag, _CACHEDIR_TAG)


def open_store(root: str | Path | Store | None = None) -> Store:
    """The store at `root`, else at $DANCEGEN_STORE, else in the person's cache directory.

    A Store is returned as it is. Raises InputError where the root is not a directory; one that does not exist yet is
    made when something is.
    """
    if isinstance(root, Store):
        return root
    if root is None:
        root = os.environ.get("DANCEGEN_STORE") or None
    if root is None:
        from platformdirs import user_cache_dir

        root = user_cache_dir("dancegen", appauthor=False)
    path = Path(root).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise InputError(f"the store {path} is a file; --store needs a directory")
    return Store(path)


def as_cached(artifact: Artifact, cached: bool) -> Artifact:
    """The same artifact, marked as answered from the store or not, for a stage that is a chain of others."""
    return replace(artifact, cached=cached)


def _is_artifact_name(path: Path) -> bool:
    return len(path.name) == SHORT and bool(_HEX.match(path.name)) and path.is_dir()


def _user() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user need not have a name
        name = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "user"
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
