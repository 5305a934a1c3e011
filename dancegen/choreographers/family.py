"""What a family of choreographers is: how it is configured, trained, stored, loaded, and what it dances.

Two kinds of choreographers: in the plane (keypoints in pixels come out) and in space (a body's joint rotations come
out, which cameras film afterwards). Both dance songs of any length, and the same dance for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from dancegen.choreographers.config import Config
from dancegen.errors import InputError, ModelError
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.controls import DanceControls
    from dancegen.choreographers.genres import Genre, GenreSpan
    from dancegen.choreographers.training.processes import Processes
    from dancegen.motion.body import Body, BodyMotion
    from dancegen.pose.sequence import PoseSequence

WEIGHTS, CONFIG = "model.safetensors", "config.json"
"""The files of a model that dance; its config.json names its family."""


@runtime_checkable
class PlaneChoreographer(Protocol):
    """One that dances in the plane of a canvas."""

    def choreograph(
        self,
        song: SongFeatures,
        controls: DanceControls,
        *,
        seed: int = 0,
        fps: float = 30.0,
        size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:
        """Consecutive pieces of one choreography, `fps` frames a second, in pixels of `size`, as long as the song."""
        ...


@runtime_checkable
class BodyChoreographer(Protocol):
    """One that moves a body in space: its dances can be filmed by any camera, exported and edited."""

    def dance(
        self, song: SongFeatures, controls: DanceControls, *, seed: int = 0, progress: Progress = SILENT
    ) -> BodyMotion:
        """One choreography as long as the song."""
        ...


@runtime_checkable
class GenreChoreographer(Protocol):
    """A BodyChoreographer that knows genres."""

    def genres(self, song: SongFeatures, controls: DanceControls, *, seed: int = 0) -> tuple[GenreSpan, ...]:
        """What it dances to the song from when until when."""
        ...


Choreographer = PlaneChoreographer | BodyChoreographer


@dataclass(frozen=True)
class TrainingJob:
    """All that a training needs beside its settings.

    dataset: the directory of the dataset. folder: what outlives an interruption: checkpoint, `best/`, history, samples.
    init: the model to start from. weights: files of other networks, by the option that names them. wandb: a project of
    Weights & Biases that the figures are logged to.
    """

    dataset: Path
    folder: Path
    processes: Processes
    init: Path | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    seed: int = 0
    wandb: str | None = None
    progress: Progress = SILENT


class Family:
    """A kind of choreographer. A subclass declares and does what its networks need, and imports them when used.

    name: as --family, config.json and, of the bundled model, --model have it. who: as an error calls it. version: of
    the dances (generate-poses); raise it when the same model, song and seed give another dance. training_version: of
    the training (train). learns_from: the stage whose datasets it learns from; None: it does not learn. bundled: a
    model of it comes along. in_space: it moves a body, and not keypoints. presets: what --preset can name. controls:
    what of DanceControls it knows. init_files: what a training that starts from a model reads of it.
    """

    name: ClassVar[str]
    who: ClassVar[str]
    version: ClassVar[int]
    training_version: ClassVar[int] = 1
    learns_from: ClassVar[str | None] = None
    bundled: ClassVar[bool] = False
    in_space: ClassVar[bool] = False
    presets: ClassVar[tuple[str, ...]] = ()
    controls: ClassVar[frozenset[str]] = frozenset()
    init_files: ClassVar[tuple[str, ...]] = (WEIGHTS, CONFIG)

    def configure(
        self, preset: str, flags: Mapping[str, Any], settings: tuple[str, ...] = (), init: Path | None = None
    ) -> Config:
        """The settings of a training: a preset, changed by flags (by the option's name, None: not given) and by
        settings like `loss.l1=40`. With `init` the architecture is that of this model.

        Raises InputError for settings that fit nothing or that the family does not have, ModelError for no model.
        """
        raise InputError(f"--family {self.name}: {self.who} does not learn")

    def weights(self, config: Any, flags: Mapping[str, Any]) -> dict[str, Path]:
        """Files of other networks that the training needs, by the option that names them. Raises InputError."""
        return {}

    def train(self, config: Any, job: TrainingJob) -> dict[str, float]:
        """Train to the end; leaves the best model in `job.folder/best` and returns its figures.

        Ctrl-C and Cancelled end it after the step at hand; the same job then goes on from there. Raises InputError
        where the family does not learn.
        """
        raise InputError(f"--family {self.name}: {self.who} does not learn")

    def load(self, folder: Path, device: str) -> Choreographer:
        """The choreographer whose model lies in `folder`. Raises ModelError where it cannot be rebuilt."""
        raise ModelError(f"{folder} cannot be loaded: {self.who} has no models")

    def genres(self, folder: Path) -> tuple[Genre, ...]:
        """What the model in `folder` can be asked to dance; nothing where it knows no genres. Raises ModelError."""
        return ()

    def body(self, folder: Path) -> Body:
        """The body that the model in `folder` moves. Raises InputError where it moves none, ModelError."""
        raise InputError(f"{self.who} dances in the plane and moves no body in space; --model diffusion does")

    def check(self, controls: DanceControls, folder: Path | None = None) -> None:
        """Raises InputError, naming the flags, for controls that the family, or a model of it, cannot follow."""
        self.check_names(controls.given)

    def check_names(self, names: Iterable[str]) -> None:
        """Raises InputError, naming the flags, for controls that the family does not know, whatever their values."""
        if unknown := [name for name in names if name not in self.controls]:
            flags = ", ".join(f"--{name.replace('_', '-')}" for name in unknown)
            raise InputError(f"{flags}: {self.who} dances in the plane and cannot do that; --model diffusion can")
