"""What a person may wish of a dance, beside its song and seed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.motion.cameras import CAMERAS

if TYPE_CHECKING:
    from dancegen.motion.body import BodyMotion

LIMBS = ("legs", "arms", "trunk")


@dataclass(frozen=True)
class Steering:
    """Wishes that only a choreographer in joint space can grant; the defaults ask for nothing.

    guidance: how much more than without music (classifier-free guidance); None: the model's own. stage: width and depth
    in metres. style: one the model knows. energy: 0 calm, 0.5 as usual, 1 wild. start_pose, end_pose: their first
    frames begin and end the dance. dance: one to be edited, of which the spans `keep` (seconds of the song) and the
    limbs `keep_joints`, with what they hang on, stay. repeat_sections: a section of the song that returns brings its
    moves back. retime: steps are moved onto the beats afterwards, and the dance is slowed on them.
    """

    camera: str = "front"
    guidance: float | None = None
    stage: tuple[float, float] | None = (3.0, 3.0)
    style: str | None = None
    energy: float = 0.5
    start_pose: BodyMotion | None = None
    end_pose: BodyMotion | None = None
    dance: BodyMotion | None = None
    keep: tuple[tuple[float, float], ...] = ()
    keep_joints: tuple[str, ...] = ()
    repeat_sections: bool = False
    retime: bool = False

    def __post_init__(self) -> None:
        if self.camera not in CAMERAS:
            raise InputError(f"--camera {self.camera}: choose one of {', '.join(CAMERAS)}")
        if self.guidance is not None and not 0 <= self.guidance <= 20:
            raise InputError(f"--guidance {self.guidance:g}: choose 0 (the music is not heard) to 20; 2 is usual")
        if self.stage is not None and not all(1 <= side <= 100 for side in self.stage):
            raise InputError(f"--stage {self.stage[0]:g}x{self.stage[1]:g}: choose 1 to 100 metres a side")
        if not 0 <= self.energy <= 1:
            raise InputError(f"--energy {self.energy:g}: choose 0 (calm) to 1 (wild); 0.5 is usual")
        for limb in self.keep_joints:
            if limb not in LIMBS:
                raise InputError(f"--keep-joints {limb}: choose from {', '.join(LIMBS)}")
        if (self.keep or self.keep_joints) and self.dance is None:
            raise InputError("--keep and --keep-joints need the dance to keep from: give it with --edit")
        if self.dance is not None and not (self.keep or self.keep_joints):
            raise InputError("--edit gives a dance: say what to keep of it with --keep or --keep-joints")

    @property
    def deviation(self) -> float:
        """The energy as standard deviations from the usual."""
        from statistics import NormalDist

        return NormalDist().inv_cdf(min(max(self.energy, 0.02), 0.98))

    @property
    def asked(self) -> tuple[str, ...]:
        """The names of what differs from the defaults."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) != field.default)

    @property
    def settings(self) -> dict:
        """What differs from the defaults, as a recipe writes it; dances to start from and to edit are its inputs."""
        asked = {name: getattr(self, name) for name in self.asked if name not in ("start_pose", "end_pose", "dance")}
        return {name: _plain(value) for name, value in asked.items()}


def _plain(value):
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def parse_stage(text: str) -> tuple[float, float]:
    """Width and depth in metres from "3x4". Raises InputError."""
    width, by, depth = text.lower().partition("x")
    try:
        return (float(width), float(depth)) if by else (float(width), float(width))
    except ValueError:
        raise InputError(f"--stage {text}: write width and depth in metres, like 3x3") from None


def parse_span(text: str) -> tuple[float, float]:
    """Seconds of the song from "12.0-20.5". Raises InputError."""
    first, dash, last = text.partition("-")
    try:
        span = float(first), float(last)
    except ValueError:
        span = (1.0, 0.0)
    if not dash or not 0 <= span[0] < span[1] < float("inf"):
        raise InputError(f"--keep {text}: write from and to in seconds of the song, like 12.0-20.5")
    return span
