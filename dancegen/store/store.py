"""The artifact store: an artifact is read from disk or, where it is missing, made once and published whole.

A store may lie on others that are only read: a laboratory's under one's own. `places` says what lies where in each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.formatting import address
from dancegen.progress import SILENT, Progress
from dancegen.store import housekeeping
from dancegen.store.artifact import Artifact
from dancegen.store.atomic import read_json, remove_tree, write_json, writing
from dancegen.store.exchange import bring_back
from dancegen.store.listing import Listing, listing_of
from dancegen.store.lookup import by_digest, by_path, steps_back
from dancegen.store.making import Build, make
from dancegen.store.manifest import Damage, Unreadable, Unusable
from dancegen.store.marks import Marks
from dancegen.store.places import NAME, Places
from dancegen.store.recipe import SHORT, Recipe

ENVIRONMENT = "DANCEGEN_STORE"
"""Directories, separated as in PATH: the first is written to, the others are only read."""

Roots = str | Path | Sequence[str | Path]


@dataclass(frozen=True)
class Store:
    """A directory of artifacts, over others that are only read. Nothing is written before something is made."""

    root: Path
    below: tuple[Path, ...] = ()

    @property
    def roots(self) -> tuple[Path, ...]:
        """Every directory that is looked into; the first is the one that is written to."""
        return (self.root, *self.below)

    @property
    def places(self) -> Places:
        """Of the root."""
        return Places(self.root)

    @property
    def marks(self) -> Marks:
        """Names and pins."""
        return Marks(self.roots)

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
        for one artifact compute it once. What is answered from the store was compared with its hashes. `force` makes
        it anew and keeps the old one until the new one is there. `standalone` records it as the newest of its stage,
        also when it is answered from the store: False for what is made on the way to something else. Raises StoreError
        where the store cannot be read or written, and whatever `build` raises.
        """
        artifact = None if force else self.answer(recipe, progress)
        if artifact is None:
            artifact = self._make(recipe, build, force, progress)
            housekeeping.sweep_daily(self.root)
        else:
            self.places.mark_used(artifact.path)
        if standalone:
            self._record_newest(artifact, progress)
        return artifact

    def answer(self, recipe: Recipe, progress: Progress = SILENT) -> Artifact | None:
        """The artifact of a recipe where it is there, compared with its hashes; nothing is made. Raises Unreadable."""
        return self.sound(recipe.stage, recipe.digest) or self._sound_below(recipe, progress)

    def scratch(self, recipe: Recipe) -> Path:
        """A directory for what a build keeps to resume after a kill; it is removed when the artifact is published."""
        path = self.places.scratch(recipe.stage, recipe.digest)
        with writing(path):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def find(self, reference: str | Path, stage: str | None = None) -> Artifact:
        """The artifact a person means, to be used: its directory's path, its digest or the beginning of it, its name,
        `stage@latest`, or `stage~1` for the one made before that.

        Every file was compared with its hash; what is damaged is moved aside. Raises InputError where several begin
        so, or it is of another stage, StoreError where it was changed since it was made or cannot be read, and
        NotFoundError where there is none.
        """
        path, artifact = self._look_up(reference, stage)
        return self._checked(path, artifact)

    def checked_path(self, path: str | Path) -> Path:
        """The path of a file or directory that a person names; where it lies in an artifact of this store, every file
        of that was compared with its hash. Raises StoreError as `find` does."""
        path = Path(path)
        place = self._place_of(path)
        if place is not None:
            self._checked(place, _read(place))
        return path

    def look_up(self, reference: str | Path, stage: str | None = None) -> Artifact:
        """The artifact a person means, to be shown: as `find`, but only sizes are looked at and nothing is moved."""
        path, artifact = self._look_up(reference, stage)
        if isinstance(artifact, Unusable):
            raise StoreError(f"{artifact}; make it again with: {_command(path)}") from artifact
        return artifact

    def newest(self, stage: str) -> Artifact:
        """The artifact of a stage that this person's commands made, or were answered with, last.

        Where there is none, the one last made in the stores that are only read. It is as fit to be used as what `find`
        gives. Raises NotFoundError, with the command that makes one, where there is none.
        """
        path = self._newest_path(stage)
        if path is None:
            raise NotFoundError(f"no {stage} artifact in {self.root} yet; make one with: dancegen {stage}")
        try:
            return self._checked(path, _read(path))
        except StoreError as error:
            raise NotFoundError(f"the newest {stage} artifact cannot be used: {error}") from error

    def file_of(self, stage: str, digest: str, name: str) -> Path:
        """The path of a file that an artifact's manifest names, asked for from outside. digest: SHORT digits, or more.

        Raises NotFoundError, or StoreError where the artifact cannot be used, for anything else: a path in the place of
        a digest, `..`, an absolute path, a link in the artifact.
        """
        stages = {each for root in self.roots for each in Places(root, read_only=True).stages()}
        if stage not in stages or len(digest) < SHORT or not set(digest) <= set("0123456789abcdef"):
            raise NotFoundError(f"there is no artifact {stage}/{digest}")
        artifact = self.look_up(digest, stage)
        path = artifact.file(name)
        if path.resolve(strict=True) != artifact.path.resolve() / name:
            raise NotFoundError(f"{name} lies outside the artifact")
        return path

    def artifacts(self, stage: str | None = None) -> list[Artifact]:
        """Every whole artifact, of one stage or all, oldest first; sizes were compared, not bytes."""
        found = [entry for _, entry in self._entries(stage) if isinstance(entry, Artifact)]
        return sorted(found, key=lambda artifact: (artifact.created, artifact.stage, artifact.digest))

    def listing(self, stage: str | None = None) -> Listing:
        """Every artifact, of one stage or all, as a list shows it: fast, also of ten thousand."""
        return listing_of(self.directories(stage))

    def unusable(self, stage: str | None = None) -> list[tuple[Path, Unusable]]:
        """Every artifact's directory that cannot be used, with the reason: Damage, OtherSchema or Unreadable."""
        return [(path, entry) for path, entry in self._entries(stage) if isinstance(entry, Unusable)]

    def damaged(self, stage: str | None = None) -> list[tuple[Path, Damage]]:
        """Every artifact's directory that is damaged, with what is wrong with it."""
        return [(path, entry) for path, entry in self._entries(stage) if isinstance(entry, Damage)]

    def directories(self, stage: str | None = None) -> list[Path]:
        """Every artifact's directory, whole or not, of one stage or all; one in the root hides the same one below."""
        found: dict[tuple[str, str], Path] = {}
        for places in (self.places, *self._below()):
            for path in places.artifacts(stage):
                found.setdefault((path.parent.name, path.name), path)
        return list(found.values())

    def _entries(self, stage: str | None) -> Iterator[tuple[Path, Artifact | Unusable]]:
        for path in self.directories(stage):
            yield path, _read(path)

    # Making

    def _make(self, recipe: Recipe, build: Build, force: bool, progress: Progress) -> Artifact:
        places = self.places
        places.tag()
        final = places.artifact(recipe.stage, recipe.digest)
        with places.lock(recipe.stage, final.name).hold(f"{recipe.stage} {final.name}", progress):
            with writing(final):
                bring_back(final)
            # Whoever held the lock before may have made it while this process waited.
            if not force and (artifact := self.sound(recipe.stage, recipe.digest)) is not None:
                return artifact
            if force:
                remove_tree(places.scratch(recipe.stage, recipe.digest))
            else:
                self._set_damaged_aside(final, progress)
            housekeeping.sweep_workplaces(places, recipe.stage, mine=final.name)
            artifact = make(places, recipe, build)
            remove_tree(places.scratch(recipe.stage, recipe.digest))
        return artifact

    def _set_damaged_aside(self, final: Path, progress: Progress) -> None:
        """Called under the lock, once the artifact is known not to be sound."""
        if not os.path.lexists(final):
            return
        artifact = _read(final, check=True)
        why = str(artifact) if isinstance(artifact, Unusable) else f"{final} was made from another recipe"
        with writing(final):
            aside = self.places.set_aside(final)
        progress.warn(f"a damaged artifact was moved to {aside} and is made again: {why}")

    # Reading

    def sound(self, stage: str, digest: str) -> Artifact | None:
        """The artifact of a whole digest in the root if it is there and every byte is right. Raises Unreadable."""
        artifact = _read(self.places.artifact(stage, digest), check=True)
        if isinstance(artifact, Unreadable):
            raise artifact
        return artifact if isinstance(artifact, Artifact) and artifact.digest == digest else None

    def _sound_below(self, recipe: Recipe, progress: Progress) -> Artifact | None:
        """The recipe's artifact in the stores that are only read; one that cannot be used there is said."""
        for places in self._below():
            path = places.artifact(recipe.stage, recipe.digest)
            if not path.exists():
                continue
            artifact = _read(path, check=True)
            if isinstance(artifact, Artifact) and artifact.digest == recipe.digest:
                return artifact
            why = str(artifact) if isinstance(artifact, Unusable) else f"{path} was made from another recipe"
            progress.warn(f"an artifact in a store that is only read cannot be used and is made again: {why}")
        return None

    def _look_up(self, reference: str | Path, stage: str | None) -> tuple[Path, Artifact | Unusable]:
        called = self._called(str(reference))
        place = Path(reference).resolve()
        path = place if self._place_of(place) == place else by_path(reference, otherwise=called is not None)
        by_name = path is None and called is None
        if path is None:
            path = called or by_digest(str(reference), stage, self.directories)
        artifact = _read(path)
        if isinstance(artifact, Artifact):
            if by_name and not artifact.digest.startswith(str(reference).lower()):
                raise NotFoundError(f"no artifact begins with {reference}; {artifact.digest} comes nearest")
            if stage is not None and artifact.stage != stage:
                raise InputError(f"{reference} is a {artifact.stage} artifact; a {stage} artifact is needed here")
        return path, artifact

    def _called(self, reference: str) -> Path | None:
        """The directory of the artifact that has a name, or is so many steps before the newest of its stage."""
        place, back = self.marks.find(reference), steps_back(reference)
        if place is not None:
            paths = [places.artifact(*place) for places in (self.places, *self._below())]
            return next((path for path in paths if path.exists()), paths[0])
        return None if back is None else self._before_newest(*back)

    def _before_newest(self, stage: str, back: int) -> Path:
        """Raises NotFoundError where there are not so many."""
        newest = self._newest_path(stage)
        if newest is not None and back == 0:
            return newest
        made = [each.path for each in self.listing(stage).artifacts]
        last = made.index(newest) if newest in made else len(made) - 1
        if back > last:
            held = f"{len(made)} of that stage" if made else "none of that stage"
            raise NotFoundError(f"{stage}~{back}: no artifact was made so long before; there are {held} in {self.root}")
        return made[last - back]

    def _newest_path(self, stage: str) -> Path | None:
        layers = (self.places, *self._below())
        for recorded in layers:
            digest = str((read_json(recorded.newest(stage)) or {}).get("digest", ""))
            if digest:
                paths = [places.artifact(stage, digest) for places in layers]
                self.places.restore(paths[0])
                return next((path for path in paths if path.exists()), paths[0])
        made = [_read(path) for places in self._below() for path in places.artifacts(stage)]
        whole = [artifact for artifact in made if isinstance(artifact, Artifact)]
        return max(whole, key=lambda artifact: artifact.created).path if whole else None

    def _checked(self, path: Path, artifact: Artifact | Unusable) -> Artifact:
        """The artifact, once its every file was compared with its hash. What is damaged is moved aside, and said."""
        found = _compared(artifact)
        if isinstance(found, Artifact):
            self.places.mark_used(path)
            return found
        if path.parent.parent not in self.roots:  # anybody may have edited it
            raise InputError(f"{found}; make it again, or use the one in the store by its digest") from found
        moved = self._moved_aside(path) if isinstance(found, Damage) and path.parent.parent == self.root else ""
        raise StoreError(f"{found}{moved}; make it again with: {_command(path)}") from found

    def _moved_aside(self, path: Path) -> str:
        """Move what is damaged into the trash and say where; nothing is moved or said where somebody is at work."""
        try:
            with self.places.lock(path.parent.name, path.name).attempt() as free:
                if free and isinstance(_read(path, check=True), Damage):
                    return f"; it was moved to {self.places.set_aside(path)}"
        except (OSError, StoreError):  # a store that can only be read
            return ""
        return ""

    # Places

    def _place_of(self, path: Path) -> Path | None:
        """The artifact's directory of this store that a path is, or lies in."""
        place = path.resolve()
        found = (each for each in (place, *place.parents) if each.parent.parent in self.roots and NAME.match(each.name))
        return next((each for each in found if each.is_dir()), None)

    def _below(self) -> tuple[Places, ...]:
        return tuple(Places(root, read_only=True) for root in self.below)

    def _record_newest(self, artifact: Artifact, progress: Progress) -> None:
        path = self.places.newest(artifact.stage)
        record = {"stage": artifact.stage, "digest": artifact.digest}
        if (read_json(path) or {}).get("digest") == artifact.digest:
            return
        try:
            write_json(path, record)
        except StoreError as error:
            # A store that can only be read still answers; only leaving inputs out will not work.
            progress.warn(f"the next command will not find this {artifact.stage} by itself: {error}")


def open_store(roots: Roots | Store | None = None) -> Store:
    """The store at `roots`, else at $DANCEGEN_STORE, else in the person's cache directory.

    Of several directories the first is written to, the others are only read. A Store is returned as it is. Raises
    InputError where one is not a directory; a first one that does not exist yet is made when something is.
    """
    if isinstance(roots, Store):
        return roots
    if isinstance(roots, str | Path):
        roots = [roots]
    named = os.environ.get(ENVIRONMENT, "")
    for root in roots or [named]:
        if found := address(root):
            raise InputError(f"the store {found} is an address; a store is a directory on this machine")
    if not roots:
        roots = [root for root in named.split(os.pathsep) if root]
    if not roots:
        from platformdirs import user_cache_dir

        roots = [user_cache_dir("dancegen", appauthor=False)]
    paths = list(dict.fromkeys(Path(root).expanduser().resolve() for root in roots))
    for path in paths:
        if path.exists() and not path.is_dir():
            raise InputError(f"the store {path} is a file; --store needs a directory")
    for path in paths[1:]:
        if not path.exists():
            raise InputError(f"the store {path} does not exist; only the first --store is made when it is missing")
    return Store(paths[0], tuple(paths[1:]))


def as_cached(artifact: Artifact, cached: bool) -> Artifact:
    """The same artifact, marked as answered from the store or not, for a stage that is a chain of others."""
    return replace(artifact, cached=cached)


def _read(path: Path, *, check: bool = False) -> Artifact | Unusable:
    """The artifact in a directory, or why it cannot be used; `check` compares every file with its hash."""
    try:
        artifact = Artifact.read(path)
    except Unusable as reason:
        return reason
    return _compared(artifact) if check else artifact


def _compared(artifact: Artifact | Unusable) -> Artifact | Unusable:
    if isinstance(artifact, Artifact):
        try:
            artifact.check()
        except Unusable as reason:
            return reason
    return artifact


def _command(path: Path) -> str:
    """The command that makes again what was in an artifact's directory."""
    return f"dancegen {path.parent.name}"
