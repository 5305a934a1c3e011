"""Finding and fetching models: on this machine's disk, in the hub's cache, on the hub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from dancegen.downloads import cache_of, download, in_words, listed_in_cache
from dancegen.errors import Cancelled, ModelError
from dancegen.files import Shapes
from dancegen.progress import SILENT, Progress
from dancegen.store import Input, file_digest, hash_value
from dancegen.weights import CONFIG, SUFFIXES, Located, ModelRef, are_half, network

_HUB_TIMEOUT_S = 20
_LARGE = (*SUFFIXES, ".index.json")
"""Of which a cache may hold another set than the hub's first choice, such as the one in full precision."""


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


def fetch(located: Located, progress: Progress = SILENT) -> Located:
    """The same model with its files here; downloads them into the hub's cache, with progress. Raises ModelError."""
    return located if located.here else replace(located, folder=_download(located, located.files, progress))


def fetch_configs(located: Located) -> Located:
    """The same model with all that says what it is made for: its configurations, and lists of checkpoints' tensors.

    A few kilobytes are downloaded if need be. Raises ModelError.
    """
    if located.here or located.missing or located.config_folder is not None or located.lists:
        return located
    names = [name for name in located.files if name.endswith(CONFIG)]
    lists = {name: _tensor_list(located, name) for name in located.checkpoints if name.endswith(".safetensors")}
    return replace(located, config_folder=_download(located, names) if names else None, lists=lists)


def look_at(located: Located, *, note_missing: bool) -> Located:
    """As `fetch_configs`; note_missing: what does not come is left unknown, for a plan."""
    try:
        return fetch_configs(located)
    except ModelError:
        if not note_missing:
            raise
        return located


def at_hand(located: Located) -> Located:
    """The same model on this machine, which need not be the one it was located on: the very files, fetched if need be.

    Raises ModelError.
    """
    if located.revision is None or (located.folder is not None and located.folder.is_dir()):
        return located
    folder = cache_of(located.ref.hub()["repo"]) / "snapshots" / located.revision
    if all((folder / name).is_file() for name in located.files):
        return replace(located, folder=folder)
    return fetch(replace(located, folder=None, ref=replace(located.ref, text=located.name)))


def model_input(model: Located, progress: Progress = SILENT) -> Input:
    """A model as a recipe's input: the hub's commit, or the bytes of its local files. Raises ModelError.

    Its weights in full and in half precision are two.
    """
    role = model.ref.role
    if model.revision is not None:
        found = Input.weights(role, model.hub_id, model.revision)
        return replace(found, digest=hash_value([found.digest, "fp16"])) if are_half(model.files) else found
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


def _download(located: Located, names: Iterable[str], progress: Progress = SILENT) -> Path:
    hub = located.ref.hub()
    try:
        return download(hub["repo"], hub["revision"], located.revision, list(names), located.sizes, progress)
    except Cancelled:
        raise
    except Exception as error:  # the hub's client and its transports raise many kinds
        why = in_words(error, hub["repo"], "the download failed")
        raise missing(located.ref, f"{why}; what has come is kept: run it again to go on", located.gigabytes) from error


def _tensor_list(located: Located, name: str) -> Shapes:
    """The shapes of the tensors in a safetensors file on the hub, from its first bytes."""
    from huggingface_hub import HfApi

    hub = located.ref.hub()
    try:
        listed = HfApi().parse_safetensors_file_metadata(
            hub["repo"], name, revision=located.revision, timeout=_HUB_TIMEOUT_S
        )  # fmt: skip
    except Exception as error:  # the hub's client and its transports raise many kinds
        raise missing(located.ref, in_words(error, hub["repo"], f"{name} could not be looked at")) from error
    return {tensor: tuple(info.shape) for tensor, info in listed.tensors.items()}


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
    found = network(names, f"{folder}/", half=ref.layout.half)
    if not found:
        raise ModelError(f"{ref.option} {path} needs its {folder.replace('_', ' ')} beside it, in a folder {folder}")
    return found


def _cached(ref: ModelRef) -> Located | None:
    """The model in the hub's cache, if all that it takes is there."""
    folder = _snapshot(ref)
    if folder is None:
        return None
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    files = ref.needed(sorted(names))
    if not files or any(not name.endswith(_LARGE) and name not in names for name in _wanted(ref, folder)):
        return None
    return Located(ref, folder, files, folder.name, _size(folder, files))


def _wanted(ref: ModelRef, folder: Path) -> tuple[str, ...]:
    """What the model takes of the whole repository: a download that broke off may have left out some.

    The cache knows what is in the repository if the hub's client is new enough; else nothing.
    """
    return ref.needed(listed_in_cache(ref.hub()["repo"], folder.name))


def _snapshot(ref: ModelRef) -> Path | None:
    """The cache's folder of a repository at a revision, in the cache's published layout.

    snapshot_download itself would call one incomplete that holds only what a model takes.
    """
    hub = ref.hub()
    revision = hub["revision"] or "main"
    repository = cache_of(hub["repo"])
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
        raise missing(ref, in_words(error, hub["repo"], "the hub could not be asked for it")) from error
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings or ()}
    files = ref.needed(sorted(sizes))
    if not files:
        raise ModelError(_holds_none(ref, sizes))
    return Located(ref, None, files, info.sha, sum(sizes[name] for name in files) / 1e9, sizes=_of(files, sizes))


def _holds_none(ref: ModelRef, names: Iterable[str]) -> str:
    """What to say of a repository without what is needed: which checkpoints it has, of which one may be meant."""
    checkpoints = sorted(name for name in names if name.endswith(SUFFIXES) and name.count("/") < 2)
    said = f"{ref.option} {ref.text} holds no {ref.holds}"
    if ref.hub()["file"] is not None or not checkpoints:
        return said
    some = ", ".join(checkpoints[:6]) + (" and others" if len(checkpoints) > 6 else "")
    return f"{said}. It holds {some}: name one as {ref.hub()['repo']}/{checkpoints[0]}"


def _of(files: Iterable[str], sizes: Mapping[str, int]) -> dict[str, int]:
    return {name: sizes[name] for name in files}


def _size(folder: Path, files: Iterable[str]) -> float:
    return sum((folder / name).stat().st_size for name in files) / 1e9


def _hash(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error
