"""Finding and fetching models: on this machine's disk, in the hub's cache, on the hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dancegen.errors import ModelError
from dancegen.progress import SILENT, Progress
from dancegen.store import Input, file_digest, hash_value
from dancegen.weights import CONFIG, SUFFIXES, Located, ModelRef, network

_HUB_TIMEOUT_S = 20


def locate(ref: ModelRef, *, offline: bool) -> Located:
    """Find a model's files: local ones, then the hub's cache, then, unless `offline`, the hub itself.

    Nothing is downloaded. Raises ModelError, with what to do, where the model cannot be had.
    """
    if ref.path is not None:
        return _local(ref, ref.path)
    cached = _cached(ref)
    if cached is not None:
        return cached
    if offline:
        raise missing(ref, "it is not in the hub's cache, and --offline asks nobody else")
    return _remote(ref)


def locate_or_note(ref: ModelRef, *, offline: bool) -> Located:
    """As `locate`; a model of the hub that cannot be had is noted as missing, with the reason, for a plan to say."""
    try:
        return locate(ref, offline=offline)
    except ModelError as error:
        if ref.path is not None:
            raise
        ref.hub()  # what can only be a path is no model that could be fetched later
        why = "it is not in the hub's cache, and --offline asks nobody else" if offline else str(error)
        return Located(ref, None, (), None, ref.gigabytes or 0.0, missing=why)


def fetch(located: Located) -> Located:
    """The same model with its files here; downloads them into the hub's cache, with progress. Raises ModelError."""
    return located if located.here else replace(located, folder=_download(located, located.files))


def fetch_configs(located: Located) -> Located:
    """The same model with its configurations here: a few kilobytes are downloaded if need be. Raises ModelError."""
    names = [name for name in located.files if name.endswith(CONFIG)]
    if located.here or not names:
        return located
    return replace(located, config_folder=_download(located, names))


def at_hand(located: Located) -> Located:
    """The same model on this machine, which need not be the one it was located on: the very commit, fetched if need be.

    Raises ModelError.
    """
    if located.revision is None or (located.folder is not None and located.folder.is_dir()):
        return located
    return fetch(locate(replace(located.ref, text=located.name), offline=False))


def model_input(model: Located, progress: Progress = SILENT) -> Input:
    """A model as a recipe's input: the hub's commit, or the bytes of its local files. Raises ModelError."""
    role = model.ref.role
    if model.revision is not None:
        return Input.weights(role, model.hub_id, model.revision)
    digests = []
    with progress.task(f"Reading {model.name}", len(model.files)) as advance:
        for name in model.files:
            shown = PurePosixPath(name).name if len(model.files) == 1 else name
            digests.append([shown, _hash(model.directory / name)])
            advance(1)
    return Input(role, "weights", model.name, hash_value(digests))


def missing(ref: ModelRef, why: str, gigabytes: float | None = None) -> ModelError:
    """The error of a model that cannot be had: its name and size, how to get it, and what works without it."""
    known = gigabytes or ref.gigabytes
    size = f" (about {known:.2g} GB)" if known else ""
    hub = ref.hub()
    command = f"hf download {hub['repo']}" + (f" --revision {hub['revision']}" if hub["revision"] else "")
    return ModelError(
        f"the model {ref.text}{size} for {ref.option} is not here: {why}. Get it on a machine with network with: "
        f"{command}; or give a local one with {ref.option} PATH. {ref.without}"
    )


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Without the libraries' own bars and advice: what a person should know, dancegen says itself."""
    import diffusers.utils.logging as diffusers_logging
    import transformers.utils.logging as transformers_logging

    before = [(log, log.get_verbosity()) for log in (diffusers_logging, transformers_logging)]
    for log, _ in before:
        log.set_verbosity_error()
        log.disable_progress_bar()
    try:
        yield
    finally:
        for log, level in before:
            log.set_verbosity(level)
            log.enable_progress_bar()


def _download(located: Located, names: Iterable[str]) -> Path:
    from huggingface_hub import snapshot_download

    hub = located.ref.hub()
    try:
        # By the name that was given and not by commit: the cache then knows, also offline, what that name stands for.
        return Path(snapshot_download(hub["repo"], revision=hub["revision"], allow_patterns=list(names)))
    except Exception as error:  # the hub's client and its transports raise many kinds
        raise missing(located.ref, f"the download failed ({_first_line(error)})", located.gigabytes) from error


def _local(ref: ModelRef, path: Path) -> Located:
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise ModelError(f"{ref.option} {path}: give a directory, or a checkpoint ({', '.join(SUFFIXES)})")
        files = (path.name, *(name for folder in ref.layout.beside for name in _beside(ref, path, folder)))
        return Located(ref, path.parent, files, None, _size(path.parent, files))
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    files = ref.needed(names)
    if not files:
        raise ModelError(f"{ref.option} {path} holds no {ref.holds}")
    return Located(ref, path, files, None, _size(path, files))


def _beside(ref: ModelRef, path: Path, folder: str) -> list[str]:
    """The files of a network that lies in a folder beside a checkpoint."""
    there = path.parent / folder
    names = [f"{folder}/{file.name}" for file in there.iterdir()] if there.is_dir() else []
    found = network(names, f"{folder}/")
    if not found:
        raise ModelError(f"{ref.option} {path} needs its {folder.replace('_', ' ')} beside it, in a folder {folder}")
    return found


def _cached(ref: ModelRef) -> Located | None:
    """The model in the hub's cache, if all that it takes is there."""
    folder = _snapshot(ref)
    if folder is None:
        return None
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    files = ref.needed(names)
    return Located(ref, folder, files, folder.name, _size(folder, files)) if files else None


def _snapshot(ref: ModelRef) -> Path | None:
    """The cache's folder of a repository at a revision, in the cache's published layout.

    snapshot_download itself would call one incomplete that holds only what a model takes.
    """
    from huggingface_hub.constants import HF_HUB_CACHE

    hub = ref.hub()
    revision = hub["revision"] or "main"
    repository = Path(HF_HUB_CACHE) / f"models--{hub['repo'].replace('/', '--')}"
    name = repository / "refs" / revision
    commit = name.read_text().strip() if name.is_file() else revision
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def _remote(ref: ModelRef) -> Located:
    """The model on the hub: which commit, which files, how large."""
    from huggingface_hub import HfApi

    hub = ref.hub()
    try:
        info = HfApi().model_info(
            hub["repo"], revision=hub["revision"], files_metadata=True, timeout=_HUB_TIMEOUT_S
        )  # fmt: skip
    except Exception as error:  # the hub's client and its transports raise many kinds
        raise missing(ref, f"the hub could not be asked for it ({_first_line(error)})") from error
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    files = ref.needed(sorted(sizes))
    if not files:
        raise ModelError(f"{ref.option} {ref.text} holds no {ref.holds}")
    return Located(ref, None, files, info.sha, sum(sizes[name] for name in files) / 1e9)


def _size(folder: Path, files: Iterable[str]) -> float:
    return sum((folder / name).stat().st_size for name in files) / 1e9


def _hash(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def _first_line(error: BaseException) -> str:
    lines: Iterator[str] = (line.strip() for line in str(error).splitlines() if line.strip())
    return next(lines, type(error).__name__)
