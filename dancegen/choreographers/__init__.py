"""Song to dance: families of choreographers behind a small protocol and a registry.

    chosen = choose_model("diffusion", store, dataset)   # ChosenModel: version, inputs of the recipe
    chosen.check(controls)                               # InputError for controls that the family does not know
    dancer = chosen.load(device)                         # a Choreographer: the weights are read once for many songs
    for piece in choreograph(dancer, song, controls, seed=0, fps=30.0, size=(512, 512), progress=progress):
        ...                                              # PoseSequence after PoseSequence, as long as the song

`choreograph` takes both kinds: a PlaneChoreographer gives keypoints itself, `choreograph(song, controls, *, seed, fps,
size, progress) -> Iterator[PoseSequence]`; a BodyChoreographer gives a body in space, `dance(song, controls, *, seed,
progress) -> BodyMotion`, which `filmed(motion, song, camera, *, fps, size)` shows as keypoints.

A new family is a folder with its config, data, model, training and choreographer, and one line in `registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.assets import asset
from dancegen.choreographers.baselines.family import BASELINE, BASELINES, Baselines, is_baseline
from dancegen.choreographers.config import read_settings
from dancegen.choreographers.controls import DanceControls
from dancegen.choreographers.family import (
    CONFIG,
    WEIGHTS,
    BodyChoreographer,
    Choreographer,
    Family,
    GenreChoreographer,
    PlaneChoreographer,
)
from dancegen.choreographers.registry import FAMILIES
from dancegen.devices import choose_device
from dancegen.errors import InputError, ModelError, NotFoundError, choose_one, nearest
from dancegen.progress import SILENT, Progress
from dancegen.store import Artifact, Input, Store

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.genres import Genre
    from dancegen.motion.body import Body, BodyMotion
    from dancegen.pose.sequence import PoseSequence

__all__ = [
    "BASELINE", "BASELINES", "BUNDLED", "DEFAULT_MODEL", "BodyChoreographer", "Choreographer", "ChosenModel",
    "DanceControls", "GenreChoreographer", "PlaneChoreographer", "choose_device", "choose_model", "choreograph",
    "family_of", "filmed", "find_model", "is_baseline", "known_genres", "load_choreographer",
]  # fmt: skip

BUNDLED = tuple(name for name, family in FAMILIES.items() if family.bundled)
"""Families of which a model comes along, under the family's name."""
DEFAULT_MODEL = BUNDLED[0]
CHUNK_S = 10.0
"""Seconds of a filmed dance that `filmed` yields at a time."""
_ROLES = {"weights": WEIGHTS, "config": CONFIG}


@dataclass(frozen=True)
class ChosenModel:
    """A model that a person named: its family, what of it enters a recipe, and how to load it onto a device."""

    family: Family
    inputs: tuple[Input, ...]
    folder: Path | None
    """Where the model lies; None for a baseline."""
    _load: Callable[[str], Choreographer] = field(repr=False)

    @property
    def version(self) -> int:
        """Of the dances of its family, for the recipe."""
        return self.family.version

    def check(self, controls: DanceControls) -> None:
        """Raises InputError, naming the flags, for controls that it cannot follow."""
        self.family.check(controls, self.folder)

    def body(self) -> Body:
        """The body that it moves. Raises InputError where it moves none, ModelError where it cannot be read."""
        if self.folder is None:
            raise InputError(f"{self.family.who} moves no body in space; --model diffusion does")
        return self.family.body(self.folder)

    def load(self, device: str = "auto") -> Choreographer:
        """The choreographer with its weights on a device, which are read once however often this is called.

        Raises ModelError where it cannot be rebuilt, InputError for a device that is not there.
        """
        return self._load(device)


def choose_model(reference: str | Path, store: Store, dataset: Callable[[], Artifact]) -> ChosenModel:
    """The model, or the baseline, that a person means. `dataset` finds the pose dataset that baselines dance with.

    Raises ModelError as `find_model` does, InputError for a baseline without a dataset.
    """
    if not is_baseline(reference):
        folder = find_model(reference, store)
        inputs = tuple(Input.file(role, folder / name) for role, name in _ROLES.items())
        return ChosenModel(family_of(folder), inputs, folder, cache(lambda device: load_choreographer(folder, device)))
    name, family = str(reference), Baselines()
    if name not in BASELINES:
        raise ModelError(f"--model {name}: there is no such baseline; {choose_one(name, BASELINES)}")
    try:
        poses = dataset()
    except NotFoundError as error:
        raise InputError(f"{name} dances with the clips of a pose dataset: {error}") from error
    inputs = (Input.weights("model", name, str(family.version)), Input.artifact("dataset", poses))
    return ChosenModel(family, inputs, None, cache(lambda device: family.dancer(name, poses.path)))


def find_model(reference: str | Path, store: Store) -> Path:
    """The directory of the model a person means: a bundled one's name, a path, or a training's digest.

    Raises ModelError where there is none.
    """
    if str(reference) in BUNDLED and not Path(reference).is_dir():
        return asset(f"models/{reference}")
    if Path(reference).is_dir():
        return store.checked_path(reference)
    try:
        return store.find(reference, "train").path
    except NotFoundError:
        known, meant = ", ".join(BUNDLED), nearest(str(reference), BUNDLED)
        raise ModelError(
            f"--model {reference}: neither a bundled model ({known}), nor a model's directory, nor a training's digest"
            f"{f'; did you mean {meant}?' if meant else ''}"
        ) from None


def family_of(folder: Path) -> Family:
    """The family of the model in `folder`. Raises ModelError where there is no model of a family that is known."""
    name = read_settings(folder / CONFIG).get("family")
    if not isinstance(name, str) or name not in FAMILIES:
        raise ModelError(f"{folder} is a model of family {name!r}, which this dancegen does not know")
    return FAMILIES[name]


def known_genres(reference: str | Path, store: Store) -> tuple[Family, Path | None, tuple[Genre, ...]]:
    """What the model that a person means can be asked to dance, with its family and where it lies; None: a baseline.

    Raises ModelError as `find_model` does.
    """
    if is_baseline(reference):
        return Baselines(), None, ()
    folder = find_model(reference, store)
    family = family_of(folder)
    return family, folder, family.genres(folder)


def load_choreographer(folder: Path, device: str = "auto") -> Choreographer:
    """The choreographer whose model lies in `folder`. Raises ModelError where it cannot be rebuilt."""
    return family_of(folder).load(folder, choose_device(device))


def choreograph(
    dancer: Choreographer,
    song: SongFeatures,
    controls: DanceControls | None = None,
    *,
    seed: int = 0,
    fps: float = 30.0,
    size: tuple[int, int] = (512, 512),
    progress: Progress = SILENT,
) -> Iterator[PoseSequence]:
    """Consecutive pieces of one choreography of round(song.seconds * fps) frames, in pixels of `size`.

    Raises InputError for controls that this model cannot follow.
    """
    controls = controls or DanceControls()
    if not isinstance(dancer, BodyChoreographer):
        return dancer.choreograph(song, controls, seed=seed, fps=fps, size=size, progress=progress)
    return filmed(dancer.dance(song, controls, seed=seed, progress=progress), song, controls.camera, fps=fps, size=size)


def filmed(
    motion: BodyMotion, song: SongFeatures, camera: str, *, fps: float = 30.0, size: tuple[int, int] = (512, 512)
) -> Iterator[PoseSequence]:
    """A dance of a body at another rate, as a camera sees it, piece by piece."""
    from dancegen.audio.beats import bar_lines
    from dancegen.motion.cameras import film

    frames = max(1, round(song.seconds * fps))
    seen = film(
        motion.resample(fps, frames).motion(), camera, size=size, bars_s=bar_lines(song.beats, song.mel),
        start_s=song.start_s, lasting=True,
    )  # fmt: skip
    cuts = [] if seen.cuts is None else seen.cuts.tolist()
    edges = [edge + (edge in cuts) for edge in range(0, frames, max(1, round(CHUNK_S * fps)))]  # a piece keeps its cuts
    for first, last in pairwise([*edges, frames]):
        yield seen.slice(first, last)
