"""Files of artifacts for somebody who names them from outside: no name leads out of its artifact."""

from __future__ import annotations

from pathlib import Path

from dancegen.errors import NotFoundError
from dancegen.store.places import Places
from dancegen.store.recipe import SHORT
from dancegen.store.store import Store

HEX = frozenset("0123456789abcdef")


def file_of(store: Store, stage: str, digest: str, name: str) -> Path:
    """The path of a file that an artifact's manifest names. digest: SHORT digits of it, or more.

    Raises NotFoundError, or StoreError where the artifact cannot be used, for anything else: a path in the place of a
    digest, `..`, an absolute path, a link in the artifact.
    """
    stages = {each for root in store.roots for each in Places(root, read_only=True).stages()}
    if stage not in stages or len(digest) < SHORT or not HEX.issuperset(digest):
        raise NotFoundError(f"there is no artifact {stage}/{digest}")
    artifact = store.look_up(digest, stage)
    path = artifact.file(name)
    if path.resolve(strict=True) != artifact.path.resolve() / name:
        raise NotFoundError(f"{name} lies outside the artifact")
    return path
