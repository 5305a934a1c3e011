"""Artifacts to and from a place elsewhere: a folder, an object store, another machine, whatever fsspec reaches.

It is laid out there as in a store, `<stage>/<16 hex>/`, and the manifest comes last: what has none is not there yet. So
an interrupted transfer shows nothing half, and goes on where it was when it is started again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from dancegen.errors import DancegenError, InputError, NotFoundError, StoreError
from dancegen.progress import SILENT, Advance, Progress
from dancegen.store.admission import admit, check_manifest
from dancegen.store.artifact import Artifact
from dancegen.store.manifest import MANIFEST, FileEntry, Manifest, Unusable
from dancegen.store.recipe import SHORT
from dancegen.store.store import Store

LARGEST_MANIFEST = 64 << 20
_BLOCK = 1 << 20
_SECRETS = re.compile(r"//[^/@]*@|\?.*")
"""What of an address may be a password or a token: the part before @, and what follows a question mark."""
_PLACE = re.compile(rf"[a-z][a-z0-9-]*/[0-9a-f]{{{SHORT}}}\Z")
_INSTALL = {"s3": "dancegen[s3]", "s3a": "dancegen[s3]", "gs": "dancegen[gs]", "gcs": "dancegen[gs]",
            "ssh": "dancegen[sftp]", "sftp": "dancegen[sftp]", "abfs": "adlfs", "az": "adlfs",
            "http": "aiohttp", "https": "aiohttp"}  # fmt: skip


@dataclass(frozen=True)
class Moved:
    """What a transfer did with one artifact. moved: whether it was copied; else it was there already, or `kept`: the
    place has another result of the same recipe, which is left as it is."""

    stage: str
    digest: str
    size: int
    moved: bool
    kept: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For scripts, which rely on its keys."""
        return {"stage": self.stage, "digest": self.digest, "size": self.size, "moved": self.moved, "kept": self.kept}


def push(store: Store, address: str, references: Iterable[str] = (), *, with_inputs: bool = False,
         progress: Progress = SILENT) -> list[Moved]:  # fmt: skip
    """Copy artifacts to an address: those that are named, else all. with_inputs: and what they were made from.

    Every file is compared with its hash before it is sent, and is read back there. Raises InputError for an address
    that cannot be used, NotFoundError as Store.find, and StoreError where the transfer fails.
    """
    remote = Remote.at(address)
    names = list(references)
    chosen = [store.find(name) for name in names] if names else store.artifacts()
    if with_inputs:
        chosen = _with_inputs(chosen, {each.content: each for each in store.artifacts()}.get)
    return [_push(artifact, remote, progress) for artifact in chosen]


def pull(store: Store, address: str, references: Iterable[str] = (), *, with_inputs: bool = False,
         progress: Progress = SILENT) -> list[Moved]:  # fmt: skip
    """Copy artifacts from an address: those whose digests, or stages, are named, else all. See `push`.

    Each is published in the store as a whole, once every byte was compared with its hash. Raises InputError for what is
    not what its manifest says, NotFoundError for what is not there, and StoreError where the transfer fails.
    """
    remote = Remote.at(address)
    wanted = remote.find(references)
    if with_inputs:
        wanted = _with_inputs(wanted, {each.content: each for each in remote.manifests.values()}.get)
    moved = []
    for manifest in wanted:
        with remote.at_work():
            artifact = admit(store, manifest, lambda entry, of=manifest: remote.open(of, entry), remote.shown, progress)
        kept = artifact.cached and artifact.content != manifest.content
        moved.append(Moved(manifest.stage, manifest.digest, artifact.size, not artifact.cached, kept))
    return moved


@dataclass(frozen=True)
class Remote:
    """A place elsewhere. shown: its address without anything secret."""

    system: Any
    root: str
    shown: str

    @classmethod
    def at(cls, address: str) -> Remote:
        """The place at an address. Raises InputError where nothing here can reach it."""
        from fsspec.core import url_to_fs

        shown = _SECRETS.sub(lambda found: "//" if found[0].startswith("//") else "", address)
        scheme = address.partition("://")[0]
        try:
            system, root = url_to_fs(address)
        except ImportError as error:
            package = _INSTALL.get(scheme)
            advice = f"install what reaches it: pip install '{package}'" if package else "a package for it is missing"
            raise InputError(f"{shown} cannot be reached: {advice}") from error
        except Exception as error:  # each kind of place has errors of its own
            raise InputError(f"{shown} cannot be reached: {_worded(error, address, shown)}") from error
        return cls(system, root.rstrip("/"), shown)

    @cached_property
    def manifests(self) -> dict[str, Manifest]:
        """By stage and first digits, every artifact that is whole there; what makes no sense is passed over."""
        found = {}
        with self.at_work():
            if hasattr(self.system, "invalidate_cache"):
                self.system.invalidate_cache()
            paths = self.system.glob(f"{self.root}/*/*/{MANIFEST}")
            for path in sorted(paths):
                place = "/".join(str(path).split("/")[-3:-1])
                if _PLACE.match(place) and (manifest := self._read(place)) is not None:
                    found[place] = manifest
        return found

    def find(self, references: Iterable[str]) -> list[Manifest]:
        """Those that are named by digits of their digest or by their stage; all without names. Raises NotFoundError."""
        names = list(references)
        if not names:
            return list(self.manifests.values())
        found: dict[str, Manifest] = {}
        for name in names:
            digits = name.rpartition("/")[2].lower()
            matching = {
                place: each for place, each in self.manifests.items()
                if each.stage == name or (len(digits) >= 4 and each.digest.startswith(digits))
            }  # fmt: skip
            if not matching:
                raise NotFoundError(f"{self.shown} has no artifact that begins with {name}, and no stage of that name")
            found |= matching
        return list(found.values())

    def get(self, artifact: Artifact) -> Manifest | None:
        """What is there in an artifact's place."""
        with self.at_work():
            place = _place(artifact.manifest)
            return self._read(place) if self.system.exists(f"{self.root}/{place}/{MANIFEST}") else None

    def open(self, manifest: Manifest, entry: FileEntry) -> IO[bytes]:
        """A file of an artifact."""
        return self.system.open(f"{self.root}/{_place(manifest)}/{entry.path}", "rb")

    def has(self, manifest: Manifest, entry: FileEntry) -> bool:
        """Whether a file is there with the bytes that it should have: it is read for that."""
        path = f"{self.root}/{_place(manifest)}/{entry.path}"
        if not self.system.exists(path) or self.system.size(path) != entry.size:
            return False
        digest = hashlib.sha256()
        with self.system.open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest() == entry.sha256

    def write(self, manifest: Manifest, name: str, blocks: Iterable[bytes]) -> None:
        """Write a file of an artifact."""
        path = f"{self.root}/{_place(manifest)}/{name}"
        self.system.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self.system.open(path, "wb") as file:
            for block in blocks:
                file.write(block)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Around anything that asks the place: what goes wrong there becomes a StoreError that names it."""
        try:
            yield
        except DancegenError:
            raise
        except Exception as error:  # each kind of place has errors of its own
            raise StoreError(
                f"{self.shown}: {_worded(error, self.root, self.shown)}; what was copied stays, and the same command "
                "goes on from there"
            ) from error

    def _read(self, place: str) -> Manifest | None:
        path = f"{self.root}/{place}/{MANIFEST}"
        with self.system.open(path, "rb") as file:
            text = file.read(LARGEST_MANIFEST)
        try:
            manifest = Manifest.parse(text.decode("utf-8"), Path(self.shown, place, MANIFEST))
            check_manifest(manifest, self.shown)
        except (Unusable, InputError, UnicodeDecodeError):
            return None
        return manifest if _place(manifest) == place else None


def _push(artifact: Artifact, remote: Remote, progress: Progress) -> Moved:
    manifest = artifact.manifest
    there = remote.get(artifact)
    if there is not None:
        return Moved(artifact.stage, artifact.digest, artifact.size, False, there.content != artifact.content)
    artifact.check()
    label = f"sending {artifact.stage} {artifact.digest[:SHORT]}"
    with remote.at_work(), progress.task(label, artifact.size) as advance:
        for entry in artifact.files:
            if remote.has(manifest, entry):  # an earlier run came so far
                advance(entry.size)
                continue
            remote.write(manifest, entry.path, _blocks(artifact, entry, advance))
            if not remote.has(manifest, entry):
                raise StoreError(f"{remote.shown}: {entry.path} came out otherwise there than it was sent; try again")
        remote.write(manifest, MANIFEST, [manifest.to_json().encode()])
    return Moved(artifact.stage, artifact.digest, artifact.size, True)


def _blocks(artifact: Artifact, entry: FileEntry, advance: Advance) -> Iterator[bytes]:
    with open(artifact.path / entry.path, "rb") as file:
        while block := file.read(_BLOCK):
            yield block
            advance(len(block))


def _with_inputs(chosen: Iterable[Any], of: Callable[[str], Any]) -> list[Any]:
    """The artifacts after all that they were made from. of: what holds a content, or None."""
    found: dict[str, Any] = {}
    waiting = list(chosen)
    while waiting:
        each = waiting.pop()
        if each.content not in found:
            found[each.content] = each
            made_from = (of(item.digest) for item in each.inputs if item.kind == "artifact")
            waiting += [other for other in made_from if other is not None]
    return list(reversed(found.values()))


def _place(manifest: Manifest) -> str:
    return f"{manifest.stage}/{manifest.digest[:SHORT]}"


def _worded(error: Exception, address: str, shown: str) -> str:
    """The error's first line, with nothing secret of the address in it."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return _SECRETS.sub("//", text.replace(address, shown))
