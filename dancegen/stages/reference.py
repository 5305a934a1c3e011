"""How a stage finds what it is given: a path, a digest, or nothing for the newest of the stage before."""

from __future__ import annotations

from pathlib import Path

from dancegen.progress import SILENT, Progress
from dancegen.store import SHORT, Artifact, Store


def resolve(reference: str | Path | Artifact | None, stage: str, store: Store, progress: Progress = SILENT) -> Artifact:
    """The artifact of `stage` a person means; None is the newest one, and which that is gets said.

    Raises NotFoundError or InputError as Store.find and Store.newest do.
    """
    if isinstance(reference, Artifact):
        return store.find(reference.path, stage)
    if reference is not None:
        return store.find(reference, stage)
    artifact = store.newest(stage)
    progress.say(f"using the newest {stage}: {artifact.digest[:SHORT]}, made {artifact.created[:16].replace('T', ' ')}")
    return artifact
