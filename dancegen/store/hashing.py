"""Hashes of files and of plain values: the same content gives the same hex on every machine and Python."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path

from dancegen.errors import InputError

_BLOCK = 1 << 20


def hash_file(path: str | Path) -> str:
    """SHA-256 hex of a file's bytes, read in blocks. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def hash_value(value: object) -> str:
    """SHA-256 hex of the canonical encoding of a plain value."""
    return hashlib.sha256(encode(value)).hexdigest()


def encode(value: object, where: str = "value") -> bytes:
    """The canonical, type-tagged bytes of None, bool, int, float, str, and lists and mappings of them.

    Every item says its type and its length, so that 1, 1.0, "1" and True differ, and so do ["ab"] and ["a", "b"].
    The order of a mapping's keys does not matter; a tuple equals the list it becomes in JSON. Raises InputError for
    NaN and infinities, TypeError for anything else; `where` names the culprit.
    """
    # bool before int: True is an int to isinstance, and must not be the same as 1.
    if value is None:
        return b"n;"
    if isinstance(value, bool):
        return b"b1;" if value else b"b0;"
    if isinstance(value, int):
        return b"i%d;" % value
    if isinstance(value, float):
        return _encode_float(float(value), where)
    if isinstance(value, str):
        return _tagged(b"s", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, Mapping):
        return _encode_mapping(value, where)
    if isinstance(value, list | tuple):
        items = [encode(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return b"l%d:" % len(items) + b"".join(items)
    if isinstance(value, os.PathLike):
        raise TypeError(f"{where} is a path; a path never identifies a result, make its content an Input instead")
    raise TypeError(f"{where} is a {type(value).__name__}; only plain values can be part of a recipe")


def _encode_float(value: float, where: str) -> bytes:
    if not math.isfinite(value):
        raise InputError(f"{where} is {value}; it must be a finite number")
    return b"f%s;" % value.hex().encode()


def _encode_mapping(value: Mapping, where: str) -> bytes:
    for key in value:
        if not isinstance(key, str):
            raise TypeError(f"{where} has the key {key!r}; keys must be strings")
    pairs = [encode(key) + encode(value[key], f"{where}.{key}") for key in sorted(value)]
    return b"m%d:" % len(pairs) + b"".join(pairs)


def _tagged(tag: bytes, data: bytes) -> bytes:
    return tag + b"%d:" % len(data) + data
