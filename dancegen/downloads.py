"""Files of the hub of models on their way into its cache: large ones go on where they broke off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlparse

from dancegen.errors import InputError, ModelError
from dancegen.progress import SILENT, Advance, Progress
from dancegen.text import read_json
from dancegen.web import Source, fetch

RESUMED_FROM = 1_000_000
"""Bytes of a file from which on it is worth going on where its download broke off."""
_AT_ONCE = 4
_SHA256 = 64
"""Letters of the name of a large file in the cache: the digest of its bytes."""


def cache_of(repository: str) -> Path:
    """The folder of a repository in the hub's cache."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"


def listed_in_cache(repository: str, commit: str) -> tuple[str, ...]:
    """All files of a repository at a commit, as far as the cache knows them without asking; else none."""
    path = cache_of(repository) / "trees" / f"{commit}.json"
    if not path.is_file():
        return ()
    try:
        return tuple(sorted(read_json(path, "list of a repository's files")["files"]))
    except (InputError, KeyError, TypeError):
        return ()


def download(
    repository: str, revision: str | None, commit: str | None, names: list[str], sizes: Mapping[str, int],
    progress: Progress = SILENT,
) -> Path:  # fmt: skip
    """Some files of a repository, brought into the hub's cache: the folder that they are in.

    revision: as a person named it: the cache then knows, also offline, what that stands for. commit: what it stood for
    when the hub was asked, of which the files are. sizes: bytes of those that are known.

    Raises ModelError for files that did not come, and whatever the hub's client and its transports raise.
    """
    from huggingface_hub import snapshot_download

    large = [name for name in names if sizes.get(name, 0) >= RESUMED_FROM and commit is not None]
    if large:
        with (
            progress.task(f"Downloading {repository}", sum(sizes[name] for name in large)) as advance,
            ThreadPoolExecutor(_AT_ONCE, "download") as pool,
        ):
            for _ in pool.map(lambda name: _bring(repository, str(commit), name, advance), large):
                pass
    folder = Path(snapshot_download(repository, revision=revision, allow_patterns=names))
    if commit is not None and folder.name != commit:  # the revision has moved on since
        folder = Path(snapshot_download(repository, revision=commit, allow_patterns=names))
    absent = [name for name in names if not (folder / name).is_file()]
    if absent:
        raise ModelError(f"{', '.join(absent[:3])} did not come")
    return folder


def in_words(error: BaseException, repository: str, what: str) -> str:
    """Why the hub did not give something; what: what did not go well, where the error says too little by itself."""
    from huggingface_hub import errors
    from huggingface_hub.constants import ENDPOINT

    page = f"{ENDPOINT}/{repository}"
    for each in _chain(error):
        if isinstance(each, errors.GatedRepoError):
            return f"it is gated: accept its terms at {page}, then log in here with: hf auth login"
        if isinstance(each, errors.RepositoryNotFoundError):
            return f"the hub knows no {repository}, or it is private: look at {page}, or log in with: hf auth login"
        if isinstance(each, errors.RevisionNotFoundError):
            return f"{repository} has no such revision: look at {page}/tree/main"
        response: Any = getattr(each, "response", None)
        status = each.code if isinstance(each, HTTPError) else getattr(response, "status_code", 0)
        if status >= 500:
            return f"{what} (the hub has a fault of its own, HTTP {status}: try again later)"
        if status == 429:
            return f"{what} (the hub wants fewer questions for a while, HTTP 429: try again later)"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{what} ({lines[0] if lines else type(error).__name__})"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from: the hub's client wraps what a server said."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _bring(repository: str, commit: str, name: str, advance: Advance) -> None:
    """A large file into the cache, from where an earlier download of it broke off.

    The hub's own client begins such a file again in every process. What arrives is checked by its digest, which is its
    name in the cache; the client finds it there.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    cached = cache_of(repository)
    if (cached / "snapshots" / commit / name).exists():
        return
    url = hf_hub_url(repository, name, revision=commit)
    found = get_hf_file_metadata(url)
    if found.etag is None or len(found.etag) != _SHA256:
        return
    headers = build_hf_headers()
    if urlparse(found.location).netloc != urlparse(url).netloc:
        headers.pop("authorization", None)  # who stores the bytes need not know who asks
    blob, locks = cached / "blobs" / found.etag, cached.parent / ".locks" / cached.name  # the client's own
    source = Source(found.location, name, headers, found.size, found.etag)
    fetch(source, blob, blob.with_name(f"{found.etag}.partial"), locks / f"{found.etag}.lock", advance)
