"""What comes from elsewhere becomes an artifact of a store: only if every byte is what its manifest says.

A manifest from elsewhere is a claim. Its digest must follow from its recipe, so that nothing can pose as the result of
a step that it did not come from; its content must follow from its files, and those from their bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO

from dancegen.errors import InputError
from dancegen.progress import SILENT, Advance, Progress
from dancegen.store.artifact import Artifact, content_of
from dancegen.store.atomic import sync_directory, sync_file, write_text, writing
from dancegen.store.making import fresh, publish
from dancegen.store.manifest import MANIFEST, FileEntry, Manifest
from dancegen.store.recipe import Recipe
from dancegen.store.store import Store

Opener = Callable[[FileEntry], IO[bytes]]
"""From a payload file to its bytes, wherever they are."""

_BLOCK = 1 << 20
_STAGE = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")


def admit(store: Store, manifest: Manifest, opened: Opener, source: str, progress: Progress = SILENT) -> Artifact:
    """Copy an artifact from elsewhere into the store and publish it whole; `cached` where it was there already.

    opened: gives each file of the manifest. source: where all of it comes from, for messages. Raises InputError where
    anything is not what the manifest says, and StoreError where the store cannot be written; nothing is admitted then.
    """
    check_manifest(manifest, source)
    places = store.places
    final = places.artifact(manifest.stage, manifest.digest)
    with places.lock(manifest.stage, final.name).hold(f"{manifest.stage} {final.name}", progress):
        if (there := store.sound(manifest.stage, manifest.digest)) is not None:
            return there
        places.tag()
        with fresh(places.making(final)) as workplace:
            with progress.task(
                f"reading {manifest.stage} {final.name}", sum(e.size for e in manifest.files)
            ) as advance:
                for entry in manifest.files:
                    with closing(opened(entry)) as file:
                        _copy(file, workplace / entry.path, entry, source, advance)
            for folder in {(workplace / entry.path).parent for entry in manifest.files}:
                sync_directory(folder)
            write_text(workplace / MANIFEST, manifest.to_json())
            publish(places, workplace, final)
    return Artifact(final, manifest, cached=False)


def check_manifest(manifest: Manifest, source: str) -> None:
    """InputError where a manifest contradicts itself, or names what a store cannot hold."""
    recipe = Recipe(manifest.stage, manifest.stage_version, manifest.params, manifest.inputs)
    names = [entry.path for entry in manifest.files]
    folded = [name.casefold() for name in names]
    if not _STAGE.match(manifest.stage):
        raise InputError(f"{source}: {manifest.stage!r} is no name of a stage")
    if not names or len(set(folded)) < len(folded):
        raise InputError(f"{source}: its manifest names no files, or two that some systems cannot tell apart")
    if any(entry.size < 0 for entry in manifest.files):
        raise InputError(f"{source}: its manifest names a file of less than no bytes")
    if recipe.digest != manifest.digest:
        raise InputError(f"{source}: its digest does not follow from its recipe; it was changed since it was made")
    if content_of(manifest.files) != manifest.content:
        raise InputError(f"{source}: its content does not follow from its files; it was changed since it was made")


def _copy(file: IO[bytes], target: Path, entry: FileEntry, source: str, advance: Advance) -> None:
    """Copy as many bytes as there should be, and not one more, and compare their hash."""
    digest, left = hashlib.sha256(), entry.size
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as copy:
            while block := file.read(min(_BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                copy.write(block)
                advance(len(block))
        sync_file(target)
    if left or digest.hexdigest() != entry.sha256:
        raise InputError(f"{source}: {entry.path} is not the file that was made; nothing was imported")
