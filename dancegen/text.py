"""Text files from outside: whatever encoding an editor or an exporter wrote them in, and no more than fits in memory.

Every reader of text that a person brings uses these two: BVH, ASF and AMC files, lists of beats, JSON.
"""

from __future__ import annotations

import codecs
import json
import os
from pathlib import Path
from typing import Any

from dancegen.errors import InputError, reading
from dancegen.formatting import byte_size

LARGEST_JSON = 64 * 2**20
"""Bytes of a JSON file that somebody brings; parsed it takes some ten times as much."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_PROBE = 4096
"""Bytes at the start of a file in which zeros tell an encoding that has no mark."""
_MOSTLY = 0.9


def read_text(path: str | Path, what: str, kind: type[InputError] = InputError, most_bytes: int = LARGEST_JSON) -> str:
    """The text of a file: UTF-8, 16 or 32, with a byte order mark or without; bytes that are none of it become U+FFFD.

    NULs and the end-of-file character of DOS (Ctrl-Z) at the end are left out. what: what the file is taken for, for
    messages. Raises `kind` where the file cannot be read or has more than `most_bytes`.
    """
    with reading(path, what, kind):
        size = os.stat(path).st_size
        if size > most_bytes:
            raise kind(f"{path} has {byte_size(size)}, more than the {byte_size(most_bytes)} that are read of a {what}")
        return decode(Path(path).read_bytes())


def read_json(path: str | Path, what: str, kind: type[InputError] = InputError, most_bytes: int = LARGEST_JSON) -> Any:
    """What a JSON file holds; see `read_text`. Raises `kind` where it is no JSON."""
    text = read_text(path, what, kind, most_bytes)
    with reading(path, what, kind):
        try:
            return json.loads(text)
        except ValueError as error:
            raise kind(f"{path} is not a {what}: it is no JSON ({error})") from error


def decode(data: bytes) -> str:
    """The text in these bytes; see `read_text`."""
    return data.decode(_encoding(data), errors="replace").rstrip("\0\x1a")


def _encoding(data: bytes) -> str:
    marked = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    return marked or _unmarked(data[:_PROBE]) or "utf-8"


def _unmarked(start: bytes) -> str | None:
    """UTF-16 or 32 by the zeros between the letters of what is mostly English and numbers; None where it is neither."""
    zeros = [_share_of_zeros(start[place::4]) for place in range(4)]
    if min(zeros[1:]) > _MOSTLY and zeros[0] < 1 - _MOSTLY:
        return "utf-32-le"
    if min(zeros[:3]) > _MOSTLY and zeros[3] < 1 - _MOSTLY:
        return "utf-32-be"
    even, odd = _share_of_zeros(start[::2]), _share_of_zeros(start[1::2])
    if odd > _MOSTLY and even < 1 - _MOSTLY:
        return "utf-16-le"
    if even > _MOSTLY and odd < 1 - _MOSTLY:
        return "utf-16-be"
    return None


def _share_of_zeros(data: bytes) -> float:
    return data.count(0) / len(data) if data else 0.0
