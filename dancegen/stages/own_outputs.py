"""What dancegen made itself, which nobody means who names a folder of recordings or songs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from dancegen.errors import DancegenError, StoreError
from dancegen.store import MANIFEST, Manifest, OtherSchema
from dancegen.video.info import VIDEO_SUFFIXES, film_digest, probe_video


def is_own(path: Path) -> bool:
    """Whether dancegen made this: an artifact's directory, the BVH file of a dance, or its film."""
    if path.is_dir():
        return is_artifact(path)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        try:
            return film_digest(probe_video(path)) is not None
        except DancegenError:
            return False
    if path.suffix.lower() != ".bvh":
        return False
    from dancegen.motion.export.bvh import is_own_bvh

    return is_own_bvh(path)


def is_artifact(directory: Path) -> bool:
    """Whether a directory has the manifest of an artifact, of this dancegen or another."""
    if not (directory / MANIFEST).is_file():
        return False
    try:
        Manifest.read(directory)
    except OtherSchema:
        return True
    except StoreError:
        return False
    return True


def files_below(folder: Path) -> Iterator[Path]:
    """The files in a folder and below it, without those of artifacts."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not is_artifact(Path(place, name)))
        yield from (path for path in (Path(place, name) for name in sorted(names)) if path.is_file())
