"""Models: what a person named, which files it takes, and where they are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from dancegen.errors import InputError, ModelError
from dancegen.text import read_json

if TYPE_CHECKING:
    from dancegen.files import Shapes

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
"""Of a checkpoint that is one file."""
CONFIG = "config.json"
_HUB = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:/(?P<file>[^@\s]+))?(?:@(?P<revision>[\w./-]+))?")
_WEIGHTS = re.compile(
    r"(?P<stem>diffusion_pytorch_model|model|pytorch_model)(?P<half>\.fp16)?"
    r"(?:-(?P<part>\d+)-of-(?P<parts>\d+))?(?P<half_too>\.fp16)?\.(?P<suffix>safetensors|bin)"
)
"""A network's weights as diffusers and transformers save them: whole or in parts, in full or in half precision."""
HALF = ".fp16"


@dataclass(frozen=True)
class Layout:
    """Which files of a repository, or of a directory, make a model.

    networks: each by the folders it may lie in, like `unet/`, or "" for the top. extras: files that are taken where
    they are there, and one of which must be. single: one weights file at the top. beside: folders of networks that
    belong to a single file, and lie beside it. named: files of these names, all of which must be there. half: weights
    in half precision are taken where they are there: they are half as large. holds: what that is, in words.
    """

    networks: tuple[tuple[str, ...], ...] = ()
    extras: tuple[str, ...] = ()
    single: bool = False
    beside: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    half: bool = False
    holds: str = ""

    def files(self, names: Iterable[str], file: str | None = None) -> tuple[str, ...]:
        """Of a repository's files those that are needed, sorted; none where any part is missing.

        file: the checkpoint in it that was named, instead of all of it.
        """
        names, parts = list(names), []
        if file is not None:
            parts.append([file] if file in names else [])
        else:
            for folders in self.networks:
                found = (network(names, folder, half=self.half) for folder in folders)
                parts.append(next((each for each in found if each), []))
            if self.extras:
                parts.append([name for name in self.extras if name in names])
            parts += [[name] if name in names else [] for name in self.named]
            if self.single:
                parts.append(_single(names))
        above = PurePosixPath(file or "").parent.as_posix()
        root = "" if above == "." else f"{above}/"
        parts += [network(names, f"{root}{folder}/", half=self.half) for folder in self.beside]
        return tuple(sorted(name for part in parts for name in part)) if all(parts) else ()


NETWORK = Layout(networks=(("",),))
"""One network, as diffusers saves it."""
SINGLE_FILE = Layout(single=True)
"""One weights file, such as a LoRA."""


@dataclass(frozen=True)
class ModelRef:
    """What a person named: a path, or `owner/name`, `owner/name/path/of/a/file`, each with an optional `@revision`.

    role: the option it was given with, with dashes. weight: how much of it is taken, of a LoRA. gigabytes: about how
    large it is, told where the hub cannot be asked. without: what to do where it cannot be had.
    """

    role: str
    text: str
    layout: Layout = NETWORK
    weight: float = 1.0
    gigabytes: float | None = None
    without: str = "Without any model, leave out --prompt: the skeleton engine renders the dance"

    @property
    def path(self) -> Path | None:
        """The file or directory of that name, if there is one."""
        path = Path(self.text).expanduser()
        return path.resolve() if path.exists() else None

    @property
    def option(self) -> str:
        """The flag it was given with."""
        return f"--{self.role}"

    @property
    def holds(self) -> str:
        """What it is, in words."""
        return self.layout.holds or f"{self.role} as diffusers saves it"

    @property
    def is_file(self) -> bool:
        """Whether it is one file and not a directory or repository."""
        return self.path.is_file() if self.path is not None else self.hub()["file"] is not None

    def hub(self) -> re.Match[str]:
        """Its parts `repo`, `file` and `revision`. Raises ModelError for what can only be a path that is not there."""
        found = _HUB.fullmatch(self.text)
        if found is None or self.text.startswith((".", "/", "~")):
            raise ModelError(f"{self.option} {self.text}: there is no such file or directory")
        return found

    def needed(self, names: Iterable[str]) -> tuple[str, ...]:
        """Which of a repository's files it takes, sorted; none where any part is missing."""
        return self.layout.files(names, None if self.path is not None else self.hub()["file"])


@dataclass(frozen=True)
class Located:
    """A model's files. `folder` is None as long as they must be downloaded; `files` are relative to it.

    revision: the hub's commit; None for local files. gigabytes: of all files. config_folder: where its configurations
    are, if they alone were downloaded. missing: why it cannot be had, of a model that a dry run goes on without. sizes:
    bytes of its files, as far as the hub said. lists: of checkpoints that are on the hub, their tensors' shapes.
    """

    ref: ModelRef
    folder: Path | None
    files: tuple[str, ...]
    revision: str | None
    gigabytes: float
    config_folder: Path | None = None
    missing: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    lists: Mapping[str, Shapes] = field(default_factory=dict)

    @property
    def here(self) -> bool:
        """Whether its files are on this machine."""
        return self.folder is not None

    @property
    def name(self) -> str:
        """As it is told to people, and reproducible: the hub's id with its commit, or a local name."""
        if self.revision is None:
            return self.ref.path.name if self.ref.path else self.ref.text
        return f"{self.hub_id}@{self.revision}"

    @property
    def hub_id(self) -> str:
        """The hub's id, without a revision."""
        return self.ref.text.split("@")[0]

    @property
    def directory(self) -> Path:
        """Where its files are. Raises ModelError while they are not here."""
        if self.folder is None:
            raise ModelError(f"the model {self.ref.text} for {self.ref.option} is not here yet")
        return self.folder

    @property
    def configs(self) -> dict[str, dict[str, Any]]:
        """What its configurations say, by file; nothing, where they are not here. Raises ModelError."""
        folder = self.folder or self.config_folder
        if folder is None:
            return {}
        names = [name for name in self.files if PurePosixPath(name).name == CONFIG]
        return {name: _read_json(folder / name, self.ref) for name in names}

    @property
    def checkpoints(self) -> list[str]:
        """Its files of weights that no configuration stands beside: those of a model that is one file."""
        folders = {PurePosixPath(name).parent for name in self.files if PurePosixPath(name).name == CONFIG}
        weights = [name for name in self.files if name.endswith(SUFFIXES)]
        return [name for name in weights if PurePosixPath(name).parent not in folders]

    def shapes(self) -> Shapes:
        """The shapes of its checkpoint's tensors by name, which are read without the tensors; none where unknown.

        Raises ModelError.
        """
        from dancegen.files import tensor_shapes

        found: dict[str, tuple[int, ...]] = {}
        for name in self.checkpoints:
            found |= tensor_shapes(self.folder / name) if self.folder is not None else self.lists.get(name, {})
        return found


@dataclass(frozen=True)
class Models:
    """A film's models by role; there may be several of one, such as LoRAs, in the order they were given."""

    located: tuple[Located, ...]

    def one(self, role: str) -> Located:
        """The model of a role."""
        return next(model for model in self.located if model.ref.role == role)

    def all(self, role: str) -> list[Located]:
        """All models of a role."""
        return [model for model in self.located if model.ref.role == role]

    @property
    def download_gb(self) -> float:
        """Gigabytes of those that are not here."""
        return sum(model.gigabytes for model in self.located if not model.here)

    def lines(self) -> list[str]:
        """What would be downloaded, and what cannot be, for people."""
        absent = [model for model in self.located if not model.here]
        return [
            f"missing: {model.name}, about {model.gigabytes:.2g} GB: {model.missing}" if model.missing
            else f"to download: {model.name}, {model.gigabytes:.2g} GB, from the hub"
            for model in absent
        ]  # fmt: skip

    def to_dict(self) -> dict[str, object]:
        """The same for scripts."""
        return {
            "models": [
                {"role": m.ref.role, "name": m.name, "gigabytes": round(m.gigabytes, 4), "here": m.here}
                for m in self.located
            ],
            "download_gb": round(self.download_gb, 3),
        }


def weighted(text: str, flag: str = "--lora") -> tuple[str, float]:
    """A LoRA's model and weight from MODEL or MODEL=0.8. Raises InputError."""
    model, sign, weight = text.rpartition("=")
    if not sign or Path(text).exists():
        return text, 1.0
    try:
        return model, float(weight)
    except ValueError:
        raise InputError(f"{flag} {text}: {weight} is no number; write MODEL=0.8") from None


def network(names: Sequence[str], prefix: str, *, half: bool = False) -> list[str]:
    """A network as diffusers and transformers save it: its configuration and one set of weights, if all is there.

    Files without pickles come first. half: see Layout.
    """
    inside = [name for name in names if name.startswith(prefix) and "/" not in name[len(prefix) :]]
    if f"{prefix}{CONFIG}" not in inside:
        return []
    for suffix in ("safetensors", "bin"):
        for in_half in (half, not half):
            weights = _weights([name[len(prefix) :] for name in inside], suffix, in_half)
            if weights:
                return [f"{prefix}{name}" for name in (CONFIG, *weights)]
    return []


def are_half(names: Iterable[str]) -> bool:
    """Whether a set of weights is the one in half precision."""
    return any(HALF in PurePosixPath(name).name for name in names)


def _weights(names: Sequence[str], suffix: str, half: bool) -> list[str]:
    """One file, or all parts of several and what says which part is where; nothing where any is missing."""
    found = [(match, name) for name in names if (match := _WEIGHTS.fullmatch(name)) and match["suffix"] == suffix]
    found = [(match, name) for match, name in found if bool(match["half"] or match["half_too"]) == half]
    for match, name in found:
        if match["part"] is None:
            return [name]
    index = [name for name in names if f".{suffix}.index" in name and name.endswith(".json") and (HALF in name) == half]
    for stem, count in sorted({(match["stem"], match["parts"]) for match, _ in found}):
        parts = [name for match, name in found if (match["stem"], match["parts"]) == (stem, count)]
        own = [name for name in index if name.startswith(f"{stem}.")]
        if len(parts) == int(count) and own:
            return [*parts, *own]
    return []


def _single(names: Sequence[str]) -> list[str]:
    """The one weights file at the top of a directory."""
    found = [name for name in names if "/" not in name and name.endswith(".safetensors")]
    return found if len(found) == 1 else []


def _read_json(path: Path, ref: ModelRef) -> dict[str, Any]:
    said = read_json(path, f"configuration of {ref.option} {ref.text}", ModelError)
    if not isinstance(said, dict):
        raise ModelError(f"{ref.option} {ref.text}: {path.name} is no configuration")
    return said
