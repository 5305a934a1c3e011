"""Files fetched over HTTP, whole or not at all: they go on where an earlier download of them broke off.

Whoever fetches a file does it here: models of a hub (`downloads`), and what makers publish on their own pages.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from dancegen.errors import ModelError
from dancegen.progress import SILENT, Advance, Progress
from dancegen.store import file_digest

TIMEOUT_S = 20
"""Without a single byte."""
_BLOCK = 2**18
_PARTIAL = 206
_NOTHING_LEFT = 416


@dataclass(frozen=True)
class Source:
    """Where a file lies. headers: to ask with. size, digest: its bytes and their SHA-256, where they are known.

    name: as a person knows it.
    """

    url: str
    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    size: int | None = None
    digest: str | None = None


def download(
    url: str, target: Path, advice: str, progress: Progress = SILENT, *, about: int | None = None
) -> None:  # fmt: skip
    """Write what lies at `url` to `target`: whole, or not at all; what has come is kept beside it for the next time.

    advice: what to do where it cannot be had, the end of the message. about: how many bytes it has, for a person who
    waits. Raises ModelError.
    """
    part = target.with_name(f".{target.name}.partial")
    lock = target.with_name(f".{target.name}.lock")
    try:
        with progress.task(f"Downloading {target.name}", about) as advance:
            fetch(Source(url, target.name), target, part, lock, advance)
        with suppress(OSError):  # somebody waits for it, on a system that then does not let go of it
            lock.unlink(missing_ok=True)  # whoever still comes to hold it finds the file there
    except (OSError, ValueError, HTTPException) as error:  # those of urllib are OSErrors
        reason = str(error).removeprefix("<urlopen error ").removesuffix(">").strip()
        kept = "; what has come is kept: run it again to go on" if part.is_file() and part.stat().st_size else ""
        if not kept:
            part.unlink(missing_ok=True)
        raise ModelError(f"{url} could not be downloaded ({reason}{kept}). {advice}") from error


def fetch(source: Source, target: Path, part: Path, lock: Path, advance: Advance = lambda amount: None) -> None:
    """The file at `target`, if it is not there yet; `part` holds its first bytes until all are there.

    lock: a file that makes other processes wait who fetch the same. advance: called with bytes, those found in `part`
    included. A connection that breaks off is opened again as long as each brings some bytes more.

    Raises ModelError where the bytes are not those of the digest, and OSError, ValueError and HTTPException as urllib
    does.
    """
    from huggingface_hub.utils import WeakFileLock

    for folder in {target.parent, part.parent, lock.parent}:
        folder.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if target.exists():
            return
        _complete(source, part, advance)
        if source.digest is not None and file_digest(part) != source.digest:
            part.unlink()
            raise ModelError(f"{source.name} arrived damaged")
        os.replace(part, target)
        _mark_of(part).unlink(missing_ok=True)


def _complete(source: Source, part: Path, advance: Advance) -> None:
    """All bytes in a file that may hold the first of them."""
    told = 0

    def tell(have: int) -> None:
        """Never twice of the same bytes, where they had to come again."""
        nonlocal told
        advance(max(0, have - told))
        told = max(told, have)

    with open(part, "ab") as file:
        if source.size is not None and file.tell() > source.size:
            _empty(file)
        while source.size is None or file.tell() < source.size:
            before, fault = file.tell(), None
            tell(before)
            try:
                length = _go_on(source, file, _mark_of(part), tell)
            except HTTPError as error:
                if error.code != _NOTHING_LEFT or before == 0:
                    raise
                _empty(file)  # it is not the file that it was
                continue
            except (OSError, HTTPException) as error:
                length, fault = None, error
            if fault is None and (length is None or file.tell() >= length):
                break
            if file.tell() <= before:
                raise fault or OSError(f"{file.tell()} of {length} bytes came")
    if source.size is not None and part.stat().st_size != source.size:
        raise OSError(f"{part.stat().st_size} bytes came, and {source.size} were expected")


def _go_on(source: Source, file: BinaryIO, mark: Path, tell: Callable[[int], None]) -> int | None:
    """Write what one answer gives behind what is in a file; the bytes that it should have then, where that is said.

    mark: a file that holds the version of what has come, by which the server knows whether it still is the same; what
    has a digest needs none.
    """
    headers, have = dict(source.headers), file.tell()
    known = mark.read_text("utf-8") if have and mark.is_file() else ""
    if have and (known or source.digest is not None):
        headers |= {"Range": f"bytes={have}-", **({"If-Range": known} if source.digest is None else {})}
    with urlopen(Request(source.url, headers=headers), timeout=TIMEOUT_S, context=_certificates()) as answer:
        if answer.status != _PARTIAL:
            _empty(file)
            have = 0
        length = answer.headers.get("Content-Length")
        expected = None if length is None else have + int(length)
        version = answer.headers.get("ETag") or ""
        if source.digest is None and version and not version.startswith("W/"):
            mark.write_text(version, "utf-8")
        while block := answer.read(_BLOCK):
            file.write(block)
            tell(file.tell())
    return expected


def _mark_of(part: Path) -> Path:
    return part.with_suffix(".version")


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


@cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust: what the machine says, and the list that the hub's client brings, where a Python has none."""
    context = ssl.create_default_context()
    with suppress(ImportError, OSError):
        import certifi

        context.load_verify_locations(certifi.where())
    return context
