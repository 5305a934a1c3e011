"""An artifact's manifest.json: what made it, what it holds, and how to tell whether it is whole."""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath
from platform import python_version
from typing import Any

from dancegen.errors import StoreError
from dancegen.store.hashing import hash_value
from dancegen.store.recipe import SCHEMA, Input

MANIFEST = "manifest.json"

# A file too many, a tired network disk: it is not the artifact's fault, and making it again would not help.
_KEPT_OUT = {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT}

_REPORTED = ("dancegen", "torch", "numpy", "scipy", "safetensors", "diffusers", "controlnet-aux", "av")


class Unusable(StoreError):
    """An artifact that cannot be used as it is; the message says why."""


class Damage(Unusable):
    """It is not what its manifest says, or its manifest says nothing sensible."""


class Unreadable(Unusable):
    """It may be whole, but this person or this process is not let at it."""


class OtherSchema(Unusable):
    """Whole, but made by an earlier or a newer dancegen, whose rules were others."""


@dataclass(frozen=True)
class FileEntry:
    """One payload file: its path below the artifact's directory (with slashes), size in bytes, SHA-256 hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """`digest` says how it was made, `content` what came out; `created` is UTC in ISO 8601."""

    stage: str
    stage_version: int
    digest: str
    content: str
    params: dict[str, Any]
    inputs: tuple[Input, ...]
    files: tuple[FileEntry, ...]
    created: str
    duration_s: float
    versions: dict[str, str]
    summary: dict[str, Any]
    schema: int = SCHEMA

    def to_json(self) -> str:
        """The file's text: indented, keys in the order of `to_dict`."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """The manifest as JSON holds it: keys in the order above, `schema` first and a checksum of them all last."""
        said = {"schema": self.schema} | asdict(self)
        return said | {"checksum": hash_value(said)}

    @classmethod
    def read(cls, directory: Path) -> Manifest:
        """Parse the manifest of an artifact's directory.

        Raises Damage where it is missing or not one of ours, OtherSchema where another dancegen's rules were others,
        Unreadable where this person may not read it.
        """
        path = directory / MANIFEST
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise Damage(f"{path} is missing") from error
        except (OSError, ValueError) as error:
            raise cannot_read(path, error) from error
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: Path) -> Manifest:
        """The manifest in a text that was read from `path`. Raises Damage and OtherSchema as `read` does."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise cannot_read(path, error) from error
        try:
            if data["schema"] != SCHEMA:
                raise _other_schema(path.parent, data["schema"])
            checksum = data.pop("checksum", None)  # the earliest manifests have none
            if checksum is not None and checksum != hash_value(data):
                raise ValueError("its own checksum contradicts it")
            return cls._parse(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Damage(f"{path} is not a dancegen manifest: {error}") from error

    @classmethod
    def _parse(cls, data: dict) -> Manifest:
        files = tuple(
            FileEntry(safe_name(item["path"]), int(item["size"]), str(item["sha256"])) for item in data["files"]
        )
        return cls(
            stage=_text(data["stage"]),
            stage_version=int(data["stage_version"]),
            digest=_text(data["digest"]),
            content=_text(data["content"]),
            params=dict(data["params"]),
            inputs=tuple(Input(**{key: _text(value) for key, value in item.items()}) for item in data["inputs"]),
            files=files,
            created=_text(data["created"]),
            duration_s=float(data["duration_s"]),
            versions=dict(data["versions"]),
            summary=dict(data["summary"]),
        )


def cannot_read(path: Path, error: Exception) -> Unusable:
    """What a failure to read a stored file means: damage, or that this person is not let at it."""
    if isinstance(error, OSError) and error.errno in _KEPT_OUT:
        reason = error.strerror or str(error)
        return Unreadable(f"{path} cannot be read: {reason}; ask its owner to let you, or choose another --store")
    return Damage(f"{path} cannot be read: {error}")


def plain(value: Any) -> Any:
    """The nearest thing JSON can hold: a long run must not fail at its last line over a summary's number type.

    NumPy scalars and arrays become numbers and lists, NaN and infinities None, anything unknown its text.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    to_list = getattr(value, "tolist", None)  # NumPy and torch, without importing either
    return str(value) if to_list is None else plain(to_list())


def versions() -> dict[str, str]:
    """Versions of what may have shaped a result, read from the packages' records: nothing heavy is imported."""
    found = {"python": python_version()}
    for name in _REPORTED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    if "dancegen" not in found:  # run from a checkout that was never installed
        from dancegen import __version__

        found["dancegen"] = __version__
    return found


def _other_schema(directory: Path, schema: object) -> Exception:
    if not isinstance(schema, int):
        return ValueError(f"its schema is {schema!r}")
    if schema < SCHEMA:
        advice = f"an earlier dancegen (schema {schema}, this one uses {SCHEMA}): make it again"
    else:
        advice = f"a newer dancegen (schema {schema}, this one knows {SCHEMA}): update dancegen to use it"
    return OtherSchema(f"{directory} was made by {advice}")


def safe_name(path: str) -> str:
    """A payload file's path again, or ValueError where it would leave the artifact's directory or mean two things."""
    pure = PurePosixPath(_text(path))
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or ":" in path or "\0" in path:
        raise ValueError(f"the file path {path!r} leaves the artifact's directory")
    if pure.as_posix() != path or path in (".", MANIFEST):
        raise ValueError(f"the file path {path!r} is not a plain relative path")
    return path


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be text")
    return value
