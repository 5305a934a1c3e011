"""What a film backend is: it says what it can paint and what that takes, and paints scenes.

A backend is a module with a `BACKEND`, an instance of a subclass of `FilmBackend`, and one line in `registry.BACKENDS`.
It knows nothing of the store: the stages ask it for its part of a recipe, keep what it paints, and resume.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from dancegen.errors import ModelError
from dancegen.progress import Advance
from dancegen.renderers.film.settings import FilmOptions

if TYPE_CHECKING:
    import numpy as np

    from dancegen.renderers.film.faces import Faces
    from dancegen.renderers.film.finite import NotFinite
    from dancegen.renderers.film.pulse import Pulse
    from dancegen.renderers.film.segments import Segment
    from dancegen.renderers.film.tiers import Tier
    from dancegen.weights import ModelRef, Models

Write = Callable[[int, "np.ndarray"], None]
"""Takes a painted frame, (H, W, 3) uint8 RGB, and its place in the scene."""


NO_STRENGTHS: Mapping[str, float] = MappingProxyType({})
"""Nothing goes with the song."""


@dataclass(frozen=True)
class Grid:
    """Which frames a backend paints, and how many at once.

    rate: painted frames a second; the others are interpolated. on_beats: they are key frames, one on every beat of the
    song and the others evenly between; else all are even. longest: frames of a segment, at most. overlap: frames that a
    segment shares with the one before. shortest: a segment with fewer begins earlier. A segment has step * n + rest
    frames, such as 4 * n + 1; where it has fewer its last pose is held. side: both sides of a frame, in pixels, are
    multiples of it.
    """

    rate: float
    longest: int
    overlap: int
    on_beats: bool = True
    shortest: int = 1
    step: int = 1
    rest: int = 0
    side: int = 8

    def up(self, frames: int) -> int:
        """The next allowed number of frames."""
        return frames + (self.rest - frames) % self.step

    def down(self, frames: int) -> int:
        """The largest allowed number of frames that is not over this one."""
        return frames - (frames - self.rest) % self.step


@dataclass(frozen=True)
class Scene:
    """What a segment is painted from.

    first: the number of its first frame among all painted frames of the film. poses: (F, H, W, 3) uint8 RGB, drawn for
    ControlNet. texts: the prompt's texts. weights: (F, texts) float32, how much of each a frame has. seed: the film's.
    portrait: (N, S, S, 3) uint8 RGB of the person to look like, see `portrait.squares`, or (N, H, W, 3) where the
    backend sees pictures whole, see `portrait.on_white`, or None. depth: (F, H, W, 3)
    uint8, near bright, where the backend asked for it. strengths: (F,) float32, by how much a strength is multiplied,
    by the pulse's target. larger: the same scene in the size in which it is shown, where that is another. faces: where
    they are in finished frames, and face_poses: (F, S, S, 3) uint8, the poses in their squares; both where the backend
    asked for them. told: what the painter of the segment before said of it, of a chained backend.
    """

    first: int
    poses: np.ndarray
    texts: tuple[str, ...]
    weights: np.ndarray
    seed: int = 0
    portrait: np.ndarray | None = None
    depth: np.ndarray | None = None
    strengths: Mapping[str, np.ndarray] = field(default_factory=dict)
    larger: Scene | None = None
    faces: Faces | None = None
    face_poses: np.ndarray | None = None
    told: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.poses)


class Painter(Protocol):
    """A backend's networks, loaded. One thread at a time may use it."""

    def film(
        self,
        scene: Scene,
        write: Write,
        *,
        resume: Path | None = None,
        advance: Advance = lambda steps: None,
        before: np.ndarray | None = None,
    ) -> Mapping[str, Any] | None:
        """Paint a scene and give each of its frames to `write`; returns what the next segment's scene is `told`, plain
        values as JSON has them, or None.

        resume: a directory of the scene's own. What the painter keeps there while it works is there again after a kill,
        and leads to the same frames. advance: called at each finished step, those found in `resume` included; what it
        raises, such as Cancelled, ends the painting. before: (N, H, W, 3) uint8 RGB, for a chained backend: the first N
        frames of the scene as they were painted in the one before; None after a cut. Raises NotFinite rather than give
        a frame that is none.
        """

    def use(self, tier: Tier) -> None:
        """From now on keep within the memory of another tier."""

    def widen(self, fault: NotFinite) -> str:
        """From now on compute in numbers of a wider range; returns how, in words. Raises DancegenError where it cannot.

        A scene that is then filmed again begins anew, if the fault was not in decoding alone.
        """
        ...

    def tokens_over(self, text: str) -> int:
        """How many tokens of a text do not fit into what the text encoder reads."""
        ...


class FramePainter(Protocol):
    """Paints frames again, one after the other, each seeing the one before: a second pass over a film."""

    thrifty: bool

    def save_memory(self) -> None:
        """From now on keep within as little memory as can be; sets `thrifty`."""

    def widen(self, fault: NotFinite) -> str:
        """As `Painter.widen`."""
        ...

    def paint(
        self, frame: np.ndarray, pose: np.ndarray, before: np.ndarray, texts: Sequence[str], weights: np.ndarray, *,
        seed: int, strengths: Mapping[str, float] = NO_STRENGTHS,
    ) -> np.ndarray:  # fmt: skip
        """A frame again; frame, pose, before and the result are (H, W, 3) uint8 RGB, weights (texts,).

        seed: the film's. strengths: by how much a strength is multiplied in this frame, by the pulse's target. From
        the same of all these, frames come out the same: what is still stays still. Raises NotFinite.
        """
        ...


class Costs(Protocol):
    """What a backend's networks take for one film, counted before any weights are loaded."""

    @property
    def dtype(self) -> str:
        """What they compute in, like `float16`."""
        ...

    @property
    def about(self) -> str:
        """What of the settings decides the memory, in words."""
        ...

    @property
    def then(self) -> str:
        """What follows the painting, in words, or nothing."""
        ...

    @property
    def figures(self) -> Mapping[str, object]:
        """Both for scripts."""
        ...

    def peak(self, tier: Tier) -> float:
        """Bytes on the device at the worst moment."""
        ...

    def operations(self, segments: Sequence[Segment]) -> float:
        """Floating-point operations of painting all segments of a film."""
        ...


Chosen = TypeVar("Chosen", bound=FilmOptions)
"""A backend's own class of settings."""


class FilmBackend(ABC, Generic[Chosen]):
    """One way to paint films.

    name: as --engine takes it. version: to be raised whenever the same settings would now paint other frames. settings:
    the class of its options. size: (width, height) in pixels of a film where none is asked for. chained: a segment
    begins with the last frames of the one before, which is then an input of its recipe, except after a cut. lacks:
    names of FilmOptions that it cannot obey. saves_memory: what to try where memory is too small.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    settings: type[Chosen]
    size: ClassVar[tuple[int, int]]
    chained: ClassVar[bool] = False
    lacks: ClassVar[tuple[str, ...]] = ()
    saves_memory: ClassVar[str] = "a smaller --size, or --device cpu"

    # What is known before there are weights

    @abstractmethod
    def complete(self, asked: Chosen) -> Chosen:
        """The settings with everything filled in that was left to the backend. Raises InputError."""

    def fitted(self, asked: Chosen, models: Models, size: tuple[int, int]) -> Chosen:
        """The same, where it depends on the memory that is named with --vram. Raises InputError."""
        return self.complete(asked)

    @abstractmethod
    def grid(self, settings: Chosen) -> Grid:
        """Which frames are painted, and how many at once."""

    def references(self, settings: Chosen) -> list[ModelRef]:
        """Every model that a film of these settings needs; the role of each is the name of its option."""
        return []

    def unused(self, settings: Chosen) -> tuple[str, ...]:
        """Names of options that change nothing beside the others: they stay out of the recipe."""
        return ()

    def shown_size(self, settings: Chosen, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of finished frames, where scenes are first painted in `size`.

        Where it is another, scenes have a `larger` one beside them.
        """
        return size

    def refines_faces(self, settings: Chosen) -> bool:
        """Whether scenes need `faces` and `face_poses`."""
        return False

    def sees_head(self, settings: Chosen) -> bool:
        """Whether the head of a portrait is to be a picture of its own."""
        return False

    def sees_whole(self, settings: Chosen) -> bool:
        """Whether a portrait is shown as it is, on white in the film's size, and `pictures` after it."""
        return False

    def pictures(self, settings: Chosen) -> Mapping[str, tuple[str, ...]]:
        """Paths of more pictures that scenes show, by the option that names them."""
        return {}

    def sees_depth(self, settings: Chosen) -> bool:
        """Whether scenes need `depth`, which takes joints in space."""
        return False

    def pulses(self, settings: Chosen) -> tuple[Pulse, ...]:
        """Which strengths of scenes go with the song."""
        return ()

    def recipe_params(self, settings: Chosen) -> Mapping[str, object]:
        """Parameters of the recipe that DERIVED options act through."""
        return {}

    def steps(self, settings: Chosen) -> int:
        """How often a painter calls `advance` for a scene."""
        return settings.steps or 1

    def check(self, models: Models, settings: Chosen) -> None:
        """Raises ModelError where models do not fit together, as far as their configurations are here.

        Before anything large is downloaded, and again before anything is painted.
        """
        return None

    @abstractmethod
    def costs(self, models: Models, settings: Chosen, size: tuple[int, int], device: str) -> Costs:
        """What painting takes; nothing is loaded."""

    @abstractmethod
    def thrift(self, tier: Tier) -> str:
        """How memory is saved on a tier, in words."""

    # Painting

    @abstractmethod
    def load(self, models: Models, settings: Chosen, device: str, tier: Tier) -> Painter:
        """The networks on a device. Raises ModelError."""

    def prepare(self, painter: Any, texts: Sequence[str]) -> None:
        """Let a painter read all the prompts of a film before any of it is painted. Raises ModelError."""
        return None

    def has_second_pass(self, settings: Chosen) -> bool:
        """Whether each frame is painted again with an eye on the one before."""
        return False

    def load_second_pass(
        self, models: Models, settings: Chosen, device: str, tier: Tier, portrait: np.ndarray | None
    ) -> FramePainter:
        """The networks of the second pass. Raises ModelError, also where the backend has none."""
        raise ModelError(f"--engine {self.name} has no second pass")
