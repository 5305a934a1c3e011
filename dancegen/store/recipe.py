"""What makes an artifact: a stage, its version, its parameters, and the content of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dancegen.errors import InputError
from dancegen.store.digests import file_digests
from dancegen.store.hashing import encode, hash_value

SCHEMA = 2
"""Version of the store's own rules. It enters every digest: a store never reads what other rules made."""

SHORT = 16
"""Hex digits of a digest that name an artifact's directory."""


class Made(Protocol):
    """What identifies an artifact: its stage, how it was made (SHA-256 hex), and what it holds (SHA-256 hex)."""

    @property
    def stage(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def content(self) -> str: ...


@dataclass(frozen=True)
class Input:
    """One thing a stage reads. `role` and `digest` identify it; `kind` and `name` are only for people."""

    role: str
    kind: str
    name: str
    digest: str

    @classmethod
    def file(cls, role: str, path: str | Path) -> Input:
        """A file, by its bytes. Raises InputError where it is missing, a directory or unreadable."""
        path = Path(path)
        return cls(role, "file", path.name, _digests([path], role)[0])

    @classmethod
    def directory(cls, role: str, path: str | Path, pattern: str = "**/*") -> Input:
        """The files of a directory that match, by their relative paths and bytes; hidden ones are left out.

        Raises InputError where there is no such directory or nothing in it matches.
        """
        root = Path(path)
        if not root.is_dir():
            raise InputError(f"the {role} {root} is not a directory")
        names = sorted(file.relative_to(root).as_posix() for file in root.glob(pattern) if file.is_file())
        names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        if not names:
            raise InputError(f"the {role} {root} holds no files that match {pattern}")
        digests = _digests([root / name for name in names], role)
        content = hash_value([list(pair) for pair in zip(names, digests, strict=True)])
        return cls(role, "directory", root.resolve().name, content)

    @classmethod
    def artifact(cls, role: str, artifact: Made) -> Input:
        """An artifact, by its content: what it holds, not how it was made."""
        return cls(role, "artifact", f"{artifact.stage}/{artifact.digest[:SHORT]}", artifact.content)

    @classmethod
    def weights(cls, role: str, name: str, revision: str) -> Input:
        """Published weights, by name and revision, so the digest is known before they are downloaded."""
        return cls(role, "weights", f"{name}@{revision}", hash_value(["weights", name, revision]))


@dataclass(frozen=True)
class Recipe:
    """Everything that can change a result, and nothing else.

    `version` is the stage's own: raise it whenever the same parameters would now give another result. Device, number
    of workers, verbosity and output path do not belong into `params`.
    """

    stage: str
    version: int
    params: Mapping[str, object] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 hex that names the result. Raises InputError for a NaN among the parameters."""
        encode(dict(self.params), self.stage)  # first by itself, so that a complaint names the parameter alone
        inputs = [[item.role, item.digest] for item in self.inputs]
        return hash_value([SCHEMA, self.stage, self.version, dict(self.params), inputs])


def _digests(paths: list[Path], role: str) -> list[str]:
    for path in paths:
        if path.is_dir():
            raise InputError(f"the {role} {path} is a directory; a file is needed")
        if not path.exists():
            raise InputError(f"the {role} {path} does not exist")
    try:
        return file_digests(paths)
    except OSError as error:
        raise InputError(
            f"the {role} {error.filename or paths[0]} cannot be read: {error.strerror or error}"
        ) from error
