"""Files that are downloaded from their makers' own pages. (Models of the hub are fetched by `hub`.)"""

from __future__ import annotations

import os
import tempfile
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from dancegen.errors import ModelError
from dancegen.progress import SILENT, Progress

TIMEOUT_S = 20
"""Without a single byte."""
_BLOCK = 2**18


def download(url: str, target: Path, advice: str, progress: Progress = SILENT) -> None:
    """Write what lies at `url` to `target`: whole, or not at all.

    advice: what to do where it cannot be had, the end of the message. Raises ModelError.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}-", delete=False) as file,
            _removed_on_error(Path(file.name)),
        ):
            with urlopen(url, timeout=TIMEOUT_S) as answer:
                length = int(answer.headers.get("Content-Length") or 0)
                received = 0
                with progress.task(f"Downloading {target.name}", length or None) as advance:
                    while block := answer.read(_BLOCK):
                        file.write(block)
                        received += len(block)
                        advance(len(block))
            if length and received != length:
                raise OSError(f"{received} of {length} bytes came")
            file.flush()
            os.replace(file.name, target)
    except (OSError, ValueError, HTTPException) as error:  # those of urllib are OSErrors
        reason = str(error).removeprefix("<urlopen error ").removesuffix(">").strip()
        raise ModelError(f"{url} could not be downloaded ({reason}). {advice}") from error


class _removed_on_error:
    """Around the writing of a file that nobody needs in part."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._path.unlink(missing_ok=True)
