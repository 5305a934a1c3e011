"""Where a model's files are: on the hub, in its cache, in a directory, or in one checkpoint file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dancegen.errors import ModelError
from dancegen.progress import SILENT, Progress
from dancegen.renderers.animatediff.settings import (
    BASE,
    CONTROLNET,
    IP_ADAPTER,
    LCM_ADAPTER,
    LCM_LORA,
    MOTION_ADAPTER,
    TEMPORALNET,
    VAE,
    Settings,
    weighted,
)
from dancegen.store import Input, hash_file, hash_value

TOKENIZER = "openai/clip-vit-large-patch14"
IMAGE_ENCODER = "image_encoder"
_HUB = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/(?P<file>[^@\s]+))?(?:@(?P<revision>[\w./-]+))?")
_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_GIGABYTES = {
    BASE: 3.9, VAE: 0.33, MOTION_ADAPTER: 1.8, CONTROLNET: 1.4, TEMPORALNET: 1.4, IP_ADAPTER: 2.6, LCM_ADAPTER: 1.8,
    LCM_LORA: 0.13, TOKENIZER: 0.002,
}  # fmt: skip
"""About how large a default is: told where the hub cannot be asked."""


@dataclass(frozen=True)
class ModelRef:
    """What a person named: a path, or `owner/name`, `owner/name/path/of/a/file`, each with an optional `@revision`."""

    role: str
    text: str

    @property
    def path(self) -> Path | None:
        """The file or directory of that name, if there is one."""
        path = Path(self.text).expanduser()
        return path.resolve() if path.exists() else None

    @property
    def option(self) -> str:
        """The option it was given with."""
        return f"--{self.role}"

    def hub(self) -> re.Match:
        """Its parts `repo`, `file` and `revision`. Raises ModelError for what can only be a path that is not there."""
        found = _HUB.fullmatch(self.text)
        if found is None or self.text.startswith((".", "/", "~")):
            raise ModelError(f"{self.option} {self.text}: there is no such file or directory")
        return found


@dataclass(frozen=True)
class Located:
    """A model's files. `folder` is None as long as they must be downloaded; `files` are relative to it.

    revision: the hub's commit; None for local files. gigabytes: of all files.
    """

    ref: ModelRef
    folder: Path | None
    files: tuple[str, ...]
    revision: str | None
    gigabytes: float

    @property
    def here(self) -> bool:
        return self.folder is not None

    @property
    def name(self) -> str:
        """As it is told to people, and reproducible: the hub's id with its commit, or a local name."""
        if self.revision is None:
            return self.ref.path.name if self.ref.path else self.ref.text
        base = self.ref.text.split("@")[0]
        return f"{base}@{self.revision}"

    def input(self, progress: Progress = SILENT) -> Input:
        """The model as a recipe's input: the hub's commit, or the bytes of the local files."""
        if self.revision is not None:
            return Input.weights(self.ref.role, self.ref.text.split("@")[0], self.revision)
        assert self.folder is not None
        with progress.task(f"Reading {self.name}", len(self.files)) as advance:
            digests = []
            for name in self.files:
                digests.append([PurePosixPath(name).name if len(self.files) == 1 else name, _hash(self.folder / name)])
                advance(1)
        return Input(self.ref.role, "weights", self.name, hash_value(digests))


def references(settings: Settings) -> list[ModelRef]:
    """Every model that a film of these settings needs."""
    refs = [
        ModelRef("base", settings.base),
        ModelRef("vae", settings.vae),
        ModelRef("motion-adapter", settings.motion_adapter),
        ModelRef("controlnet", settings.controlnet),
    ]
    if settings.image is not None:
        refs.append(ModelRef("ip-adapter", settings.ip_adapter))
    if settings.temporal:
        refs.append(ModelRef("temporalnet", settings.temporalnet))
    refs += [ModelRef("lora", weighted(text)[0]) for text in settings.lora]
    refs += [ModelRef("motion-lora", weighted(text)[0]) for text in settings.motion_lora]
    if _is_single_file(refs[0]):
        refs.append(_tokenizer(refs[0]))
    return refs


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


def fetch(located: Located) -> Located:
    """The same model with its files here; downloads them into the hub's cache, with progress. Raises ModelError."""
    if located.here:
        return located
    from huggingface_hub import snapshot_download

    repo = located.ref.hub()["repo"]
    try:
        # By the name that was given and not by commit: the cache then knows, also offline, what that name stands for.
        revision = located.ref.hub()["revision"]
        folder = snapshot_download(repo, revision=revision, allow_patterns=list(located.files))
    except Exception as error:  # the hub's client and its transports raise many kinds
        raise missing(located.ref, f"the download failed ({_first_line(error)})", located.gigabytes) from error
    return Located(located.ref, Path(folder), located.files, located.revision, located.gigabytes)


def at_hand(located: Located) -> Located:
    """The same model on this machine, which need not be the one it was located on: the very commit, fetched if need be.

    Raises ModelError.
    """
    if located.revision is None or (located.folder is not None and located.folder.is_dir()):
        return located
    return fetch(locate(ModelRef(located.ref.role, located.name), offline=False))


def missing(ref: ModelRef, why: str, gigabytes: float | None = None) -> ModelError:
    """The error of a model that cannot be had: its name and size, how to get it, and what works without it."""
    known = gigabytes if gigabytes else _GIGABYTES.get(ref.text.split("@")[0])
    size = f" (about {known:.2g} GB)" if known else ""
    hub = ref.hub()
    command = f"hf download {hub['repo']}" + (f" --revision {hub['revision']}" if hub["revision"] else "")
    return ModelError(
        f"the model {ref.text}{size} for {ref.option} is not here: {why}. Get it on a machine with network with: "
        f"{command}; or give a local one with {ref.option} PATH. Without any model, leave out --prompt: the skeleton "
        "engine renders the dance"
    )


def _local(ref: ModelRef, path: Path) -> Located:
    if path.is_file():
        if path.suffix.lower() not in _SUFFIXES:
            raise ModelError(f"{ref.option} {path}: give a directory, or a checkpoint ({', '.join(_SUFFIXES)})")
        beside = _image_encoder_of(path) if ref.role == "ip-adapter" else []
        files = (path.name, *beside)
        return Located(ref, path.parent, files, None, _size(path.parent, files))
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    files = needed(ref, names)
    if not files:
        raise ModelError(f"{ref.option} {path} holds no {_holds(ref.role)} as diffusers saves it")
    return Located(ref, path, files, None, _size(path, files))


def _cached(ref: ModelRef) -> Located | None:
    """The model in the hub's cache, if all that its role needs is there."""
    folder = _snapshot(ref)
    if folder is None:
        return None
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    files = needed(ref, names)
    if not files:
        return None
    return Located(ref, folder, files, folder.name, _size(folder, files))


def _snapshot(ref: ModelRef) -> Path | None:
    """The cache's folder of a repository at a revision, in the cache's published layout.

    snapshot_download itself would call one incomplete that holds only what a role needs.
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
        info = HfApi().model_info(hub["repo"], revision=hub["revision"], files_metadata=True, timeout=20)
    except Exception as error:  # the hub's client and its transports raise many kinds
        raise missing(ref, f"the hub could not be asked for it ({_first_line(error)})") from error
    sizes = {sibling.rfilename: sibling.size or 0 for sibling in info.siblings}
    files = needed(ref, sorted(sizes))
    if not files:
        raise ModelError(f"{ref.option} {ref.text} holds no {_holds(ref.role)} as diffusers saves it")
    return Located(ref, None, files, info.sha, sum(sizes[name] for name in files) / 1e9)


def needed(ref: ModelRef, names: Iterable[str]) -> tuple[str, ...]:
    """Which of a repository's files a role needs, sorted; none where any part is missing."""
    names, parts = list(names), []
    hub_file = None if ref.path is not None else ref.hub()["file"]
    if hub_file is not None:
        parts.append([hub_file] if hub_file in names else [])
        if ref.role == "ip-adapter":
            parts.append(_network(names, f"{PurePosixPath(hub_file).parent}/{IMAGE_ENCODER}/"))
    elif ref.role == "base":
        tokenizer = [f"tokenizer/{name}" for name in _TOKENIZER_FILES if f"tokenizer/{name}" in names]
        parts += [_network(names, "text_encoder/"), tokenizer, _network(names, "unet/")]
    elif ref.role == "tokenizer":
        parts.append([name for name in _TOKENIZER_FILES if name in names])
    elif ref.role == "vae":
        parts.append(_network(names, "") or _network(names, "vae/"))
    elif ref.role == "ip-adapter":
        parts += [_single(names), _network(names, f"{IMAGE_ENCODER}/")]
    elif ref.role.endswith("lora"):
        parts.append(_single(names))
    else:
        parts.append(_network(names, ""))
    return tuple(sorted(name for part in parts for name in part)) if all(parts) else ()


def _network(names: list[str], prefix: str) -> list[str]:
    """A network as diffusers and transformers save it: its configuration, and one set of weights, the safest first."""
    inside = [name for name in names if name.startswith(prefix) and "/" not in name[len(prefix) :]]
    if f"{prefix}config.json" not in inside:
        return []
    for pattern in (
        r"(diffusion_pytorch_)?model(-\d+-of-\d+)?\.safetensors", r"(diffusion_pytorch_)?model\.fp16\.safetensors",
        r"(diffusion_pytorch_model|pytorch_model)\.bin",
    ):  # fmt: skip
        weights = [name for name in inside if re.fullmatch(pattern, name[len(prefix) :])]
        if weights:
            index = [name for name in inside if name.endswith(".safetensors.index.json")] if len(weights) > 1 else []
            return [f"{prefix}config.json", *weights, *index]
    return []


def _single(names: list[str]) -> list[str]:
    """The one weights file at the top of a directory."""
    found = [name for name in names if "/" not in name and name.endswith(".safetensors")]
    return found if len(found) == 1 else []


def _image_encoder_of(path: Path) -> list[str]:
    folder = path.parent / IMAGE_ENCODER
    names = [f"{IMAGE_ENCODER}/{file.name}" for file in folder.iterdir()] if folder.is_dir() else []
    found = _network(names, f"{IMAGE_ENCODER}/")
    if not found:
        raise ModelError(f"--ip-adapter {path} needs its image encoder beside it, in a folder {IMAGE_ENCODER}")
    return found


def _tokenizer(base: ModelRef) -> ModelRef:
    """The tokenizer of a base that is one checkpoint file, which holds none: beside it, or the one of CLIP."""
    beside = None if base.path is None else base.path.parent / "tokenizer"
    return ModelRef("tokenizer", TOKENIZER if beside is None or not beside.is_dir() else str(beside))


def _is_single_file(base: ModelRef) -> bool:
    if base.path is not None:
        return base.path.is_file()
    return base.hub()["file"] is not None


def _holds(role: str) -> str:
    return {"base": "Stable Diffusion (text_encoder, tokenizer and unet)", "ip-adapter": "IP-Adapter"}.get(role, role)


def _size(folder: Path, files: Iterable[str]) -> float:
    return sum((folder / name).stat().st_size for name in files) / 1e9


def _hash(path: Path) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}") from error


def _first_line(error: BaseException) -> str:
    lines: Iterator[str] = (line.strip() for line in str(error).splitlines() if line.strip())
    return next(lines, type(error).__name__)
