"""Song to poses: families of choreographers behind one small protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dancegen.assets import asset
from dancegen.devices import choose_device
from dancegen.errors import InputError, ModelError, NotFoundError
from dancegen.progress import SILENT, Progress
from dancegen.store import Artifact, Input, Store

if TYPE_CHECKING:
    from dancegen.audio import SongFeatures
    from dancegen.choreographers.steering import Steering
    from dancegen.motion.body import BodyMotion
    from dancegen.pose.sequence import PoseSequence

BUNDLED = ("diffusion", "gan")
DEFAULT_MODEL = BUNDLED[0]
BASELINE = "baseline:"
BASELINES = tuple(BASELINE + kind for kind in ("freeze", "random", "shuffle", "copy"))


def is_baseline(name: str | Path) -> bool:
    """Whether a model's name, or a row's, is a baseline's."""
    return str(name).startswith(BASELINE)


class Choreographer(Protocol):
    """Turns a song into poses of any length, chunk after chunk, the same ones for the same seed."""

    def generate(
        self, song: SongFeatures, *, seed: int = 0, fps: float = 30.0, size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:  # fmt: skip
        """Consecutive pieces of one choreography, `fps` frames a second, in pixels of `size`, as long as the song."""


@runtime_checkable
class BodyChoreographer(Choreographer, Protocol):
    """One that moves a body in three dimensions, which is filmed afterwards, and can be exported and edited."""

    def dance(self, song: SongFeatures, *, seed: int = 0, progress: Progress = SILENT) -> BodyMotion:
        """One choreography as long as the song."""

    def filmed(
        self, motion: BodyMotion, song: SongFeatures, *, fps: float = 30.0, size: tuple[int, int] = (512, 512)
    ) -> Iterator[PoseSequence]:
        """Its consecutive pieces as the camera sees them, as `generate` gives them."""


@dataclass(frozen=True)
class ChosenModel:
    """A model that a person named: what of it enters a recipe, and how to load it onto a device."""

    inputs: tuple[Input, ...]
    load: Callable[..., Choreographer]
    """With a device and, where there is any, a Steering."""


def choose_model(reference: str | Path, store: Store, dataset: Callable[[], Artifact]) -> ChosenModel:
    """The model, or the baseline, that a person means. `dataset` finds the pose dataset that baselines dance with.

    Raises ModelError as `find_model` does, InputError for a baseline without a dataset.
    """
    if not is_baseline(reference):
        folder = find_model(reference, store)
        files = {"weights": "model.safetensors", "config": "config.json"}
        inputs = tuple(Input.file(role, folder / name) for role, name in files.items())
        return ChosenModel(inputs, lambda device, steering=None: load_choreographer(folder, device, steering))
    if str(reference) not in BASELINES:
        raise ModelError(f"--model {reference}: there is no such baseline; there are {', '.join(BASELINES)}")
    from dancegen.choreographers.baselines import VERSION, Baseline

    try:
        poses = dataset()
    except NotFoundError as error:
        raise InputError(f"{reference} dances with the clips of a pose dataset: {error}") from error
    inputs = (Input.weights("model", str(reference), str(VERSION)), Input.artifact("dataset", poses))

    def load(device: str, steering: Steering | None = None) -> Choreographer:
        _refuse(steering, str(reference))
        return Baseline(str(reference).removeprefix(BASELINE), poses.path)

    return ChosenModel(inputs, load)


def find_model(reference: str | Path, store: Store) -> Path:
    """The directory of the model a person means: a bundled one's name, a path, or a training's digest.

    Raises ModelError where there is none.
    """
    if str(reference) in BUNDLED and not Path(reference).is_dir():
        return asset(f"models/{reference}")
    if Path(reference).is_dir():
        return Path(reference)
    try:
        return store.find(reference, "train").path
    except NotFoundError:
        known = ", ".join(BUNDLED)
        raise ModelError(
            f"--model {reference}: neither a bundled model ({known}), nor a model's directory, nor a training's digest"
        ) from None


def load_choreographer(folder: Path, device: str = "auto", steering: Steering | None = None) -> Choreographer:
    """The choreographer whose model lies in `folder`. ModelError where it cannot be rebuilt.

    InputError where the steering asks for what this family cannot do.
    """
    try:
        family = json.loads((folder / "config.json").read_text()).get("family")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder} is not a model: its config.json cannot be read ({error})") from None
    if family == "diffusion":
        from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer

        return DiffusionChoreographer(folder, choose_device(device), steering)
    if family != "gan":
        raise ModelError(f"{folder} is a model of family {family!r}, which this dancegen does not know")
    from dancegen.choreographers.gan.choreographer import GanChoreographer

    _refuse(steering, "the GAN")
    return GanChoreographer(folder, choose_device(device))


def _refuse(steering: Steering | None, who: str) -> None:
    """InputError where a choreographer in the plane is asked for what only one in joint space can do."""
    if steering is not None and steering.asked:
        wished = ", ".join(f"--{name.replace('_', '-')}" for name in steering.asked)
        raise InputError(f"{wished}: {who} dances in the plane and cannot do that; --model diffusion can")
