"""An artifact is built in a directory of its own and published whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from dancegen.store.artifact import Artifact
from dancegen.store.atomic import building, remove_tree, sync_directory, write_text, writing
from dancegen.store.exchange import put
from dancegen.store.manifest import MANIFEST, Manifest, plain, versions
from dancegen.store.places import Places
from dancegen.store.publish import seal
from dancegen.store.recipe import Recipe

Build = Callable[[Path], Mapping[str, object] | None]


def make(places: Places, recipe: Recipe, build: Build) -> Artifact:
    """Build a recipe's artifact and publish it in the place of what is there; that one goes into the trash.

    Call it under the recipe's lock. A kill at any moment leaves the old artifact or the new one. Raises StoreError,
    and whatever `build` raises; the store is then as it was.
    """
    final = places.artifact(recipe.stage, recipe.digest)
    with fresh(places.making(final)) as workplace:
        started = time.monotonic()
        with building(workplace):
            summary = build(workplace) or {}
        manifest = _manifest(recipe, workplace, summary, time.monotonic() - started)
        write_text(workplace / MANIFEST, manifest.to_json())
        publish(places, workplace, final)
    return Artifact(final, manifest, cached=False)


def publish(places: Places, finished: Path, final: Path) -> None:
    """Put a finished artifact's directory, flushed to the disk, into its place; what was there goes into the trash.

    Call it under the artifact's lock. Raises StoreError, with the old one in its place.
    """
    with writing(final):
        old = put(finished, final)
        sync_directory(final.parent)
    if old is not None:
        with suppress(OSError):  # the new one is there: an old one that cannot be kept fails nothing
            places.set_aside(old)


@contextmanager
def fresh(path: Path) -> Iterator[Path]:
    """A new, empty directory, gone afterwards unless it was published. Raises StoreError."""
    with writing(path):
        path.mkdir(parents=True)
    try:
        yield path
    finally:
        remove_tree(path)


def _manifest(recipe: Recipe, directory: Path, summary: Mapping, duration_s: float) -> Manifest:
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
