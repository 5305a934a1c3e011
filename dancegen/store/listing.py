"""What a store holds, listed fast: of a manifest that has not changed since it was last read, only its date is read."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dancegen.store.artifact import Artifact
from dancegen.store.manifest import MANIFEST, Unusable
from dancegen.store.memory import FileMemory, default_path, identity
from dancegen.store.recipe import SHORT, Input

_TABLE = "manifests"


@dataclass(frozen=True)
class Listed:
    """An artifact as a list shows it. size: bytes of its payload. used_s: when it was last made or answered with, in
    seconds since 1970. The rest is as in its manifest."""

    directory: str
    stage: str
    digest: str
    content: str
    created: str
    duration_s: float
    size: int
    used_s: float
    inputs: tuple[Input, ...]
    summary: dict[str, Any] = field(compare=False)
    files: tuple[tuple[str, int, str], ...] = field(compare=False, repr=False)
    """Path, bytes and SHA-256 hex of each."""

    @property
    def path(self) -> Path:
        return Path(self.directory)

    @property
    def short(self) -> str:
        """The digits that name its directory."""
        return self.digest[:SHORT]

    @property
    def label(self) -> str:
        """As an input that is an artifact is named: stage/16 hex."""
        return f"{self.stage}/{self.short}"


@dataclass(frozen=True)
class Listing:
    """Artifacts, oldest first, and every directory that holds none that can be used, with the reason."""

    artifacts: tuple[Listed, ...]
    unusable: tuple[tuple[Path, Unusable], ...] = ()

    @cached_property
    def by_content(self) -> dict[str, list[Listed]]:
        """By what they hold: several may hold the same, made from different recipes."""
        found: dict[str, list[Listed]] = {}
        for each in self.artifacts:
            found.setdefault(each.content, []).append(each)
        return found

    @cached_property
    def users(self) -> dict[str, list[Listed]]:
        """By content, the artifacts that were made from an artifact of that content."""
        found: dict[str, list[Listed]] = {}
        for each in self.artifacts:
            for content in dict.fromkeys(item.digest for item in each.inputs if item.kind == "artifact"):
                found.setdefault(content, []).append(each)
        return found

    def source(self, item: Input) -> Listed | None:
        """The artifact that an input is: of several that hold the same the one it names, else the newest."""
        same = self.by_content.get(item.digest, []) if item.kind == "artifact" else []
        same = [each for each in same if item.name.startswith(f"{each.stage}/")] or same
        return next((each for each in same if each.label == item.name), same[-1] if same else None)

    def holding(self, sha256: str) -> tuple[Listed, str] | None:
        """The newest artifact that has a file of this SHA-256 hex, and the file's path in it."""
        for each in reversed(self.artifacts):
            for name, _, known in each.files:
                if known == sha256:
                    return each, name
        return None

    @property
    def stages(self) -> list[str]:
        return sorted({each.stage for each in self.artifacts})


def listing_of(paths: Iterable[Path]) -> Listing:
    """The artifacts in these directories. Of their files the sizes are compared, not the bytes."""
    memory = FileMemory(default_path(), _TABLE)
    directories = [str(path) for path in paths]
    manifests = {directory: info for directory in directories if (info := _stat(f"{directory}/{MANIFEST}"))}
    known = memory.recall(list(manifests.values()))
    listed: list[Listed] = []
    unusable: list[tuple[Path, Unusable]] = []
    learnt: list[tuple[str | Path, os.stat_result, str]] = []
    for directory in directories:
        info = manifests.get(directory)
        said = known.get(identity(info)) if info is not None else None
        if said is not None and (found := _recalled(directory, said)) is not None:
            listed.append(found)
            continue
        path = Path(directory)
        try:
            artifact = Artifact.read(path)
        except Unusable as reason:
            unusable.append((path, reason))
            continue
        listed.append(listed_of(artifact))
        if info is not None:
            learnt.append((path / MANIFEST, info, _said(artifact)))
    memory.remember(learnt)
    return Listing(tuple(sorted(listed, key=lambda each: (each.created, each.stage, each.digest))), tuple(unusable))


def listed_of(artifact: Artifact) -> Listed:
    """An artifact as a list shows it."""
    return Listed(
        directory=str(artifact.path), stage=artifact.stage, digest=artifact.digest, content=artifact.content,
        created=artifact.created, duration_s=artifact.duration_s, size=artifact.size,
        used_s=_used_s(str(artifact.path)), inputs=artifact.inputs, summary=artifact.summary,
        files=tuple((entry.path, entry.size, entry.sha256) for entry in artifact.files),
    )  # fmt: skip


def _said(artifact: Artifact) -> str:
    """What is remembered of a manifest, as JSON."""
    files = [[entry.path, entry.size, entry.sha256] for entry in artifact.files]
    inputs = [[item.role, item.kind, item.name, item.digest] for item in artifact.inputs]
    facts = [artifact.stage, artifact.digest, artifact.content, artifact.created, artifact.duration_s, artifact.size]
    return json.dumps([facts, inputs, files, artifact.summary], ensure_ascii=False)


def _recalled(directory: str, said: str) -> Listed | None:
    """The artifact of a directory whose manifest is known; None where a file of it is not as it should be."""
    facts, inputs, files, summary = json.loads(said)
    if not _all_there(directory, files):
        return None
    stage, digest, content, created, duration_s, size = facts
    items = tuple(Input(*item) for item in inputs)
    return Listed(
        directory, stage, digest, content, created, duration_s, size, _used_s(directory), items, summary, files
    )  # fmt: skip


def _all_there(directory: str, files: Iterable[tuple[str, int, str]]) -> bool:
    for name, size, _ in files:
        info = _stat(f"{directory}/{name}")
        if info is None or info.st_size != size or not stat.S_ISREG(info.st_mode):
            return False
    return True


def _used_s(directory: str) -> float:
    info = _stat(directory)
    return 0.0 if info is None else info.st_mtime


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None
