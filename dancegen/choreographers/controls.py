"""What can be asked of a dance beside its song and seed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from dancegen.errors import InputError

if TYPE_CHECKING:
    from dancegen.choreographers.genres import GenreSpan
    from dancegen.motion.body import BodyMotion

LIMBS = ("legs", "arms", "trunk")


@dataclass(frozen=True)
class DanceControls:
    """What a dance is held to, under the names of the options of generate-poses; the defaults ask for nothing.

    camera: how the dance is filmed. music_guidance: the weight of classifier-free guidance by the music; None: the
    model's own. floor: width and depth in metres; None: endless. genre: one the model knows. energy: 0 calm, 0.5 usual,
    1 wild. start_pose, end_pose: their first frames begin and end the dance. edit: a dance to be edited, of which the
    spans `keep` (seconds of the song) and the limbs `keep_joints`, with what they hang on, stay. pass_pose: (second of
    the song, pose) each, which the dance passes through. retime_span: (from, to, rate), where `edit` is danced at so
    many times its speed. Where one of these two changes `edit`, and nothing is said of what stays, all the rest does.
    repeat_sections: a section of the song that returns brings its moves back. retime: steps are moved, by at most
    0.12 s, onto the beats they were meant for. edited_genres: what `edit` dances when, which goes on where no genre is
    named.
    """

    camera: str = "front"
    music_guidance: float | None = None
    floor: tuple[float, float] | None = (3.0, 3.0)
    genre: str | None = None
    energy: float = 0.5
    start_pose: BodyMotion | None = None
    end_pose: BodyMotion | None = None
    edit: BodyMotion | None = None
    keep: tuple[tuple[float, float], ...] = ()
    keep_joints: tuple[str, ...] = ()
    pass_pose: tuple[tuple[float, BodyMotion], ...] = ()
    retime_span: tuple[tuple[float, float, float], ...] = ()
    repeat_sections: bool = False
    retime: bool = True
    edited_genres: tuple[GenreSpan, ...] = ()

    def __post_init__(self) -> None:
        from dancegen.motion.cameras import CAMERAS

        if self.camera not in CAMERAS:
            raise InputError(f"--camera {self.camera}: choose one of {', '.join(CAMERAS)}")
        if self.music_guidance is not None and not 0 <= self.music_guidance <= 20:
            raise InputError(
                f"--music-guidance {self.music_guidance:g}: choose 0 (without the music) to 20; 2 is usual"
            )
        if self.floor is not None and not all(1 <= side <= 100 for side in self.floor):
            raise InputError(f"--floor {self.floor[0]:g}x{self.floor[1]:g}: choose 1 to 100 metres a side")
        if not 0 <= self.energy <= 1:
            raise InputError(f"--energy {self.energy:g}: choose 0 (calm) to 1 (wild); 0.5 is usual")
        for limb in self.keep_joints:
            if limb not in LIMBS:
                raise InputError(f"--keep-joints {limb}: choose from {', '.join(LIMBS)}")
        if (self.keep or self.keep_joints) and self.edit is None:
            raise InputError("--keep and --keep-joints need the dance to keep from: give it with --edit")
        if self.retime_span and self.edit is None:
            raise InputError("--retime-span needs the dance to retime: give it with --edit")
        if self.edit is not None and not (self.keep or self.keep_joints or self.pass_pose or self.retime_span):
            raise InputError(
                "--edit gives a dance: say what to keep of it with --keep or --keep-joints, or what to change with "
                "--pass-pose or --retime-span"
            )

    @classmethod
    def names(cls) -> frozenset[str]:
        """All controls there are."""
        return frozenset(each.name for each in fields(cls))

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the controls that differ from the defaults."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != each.default)

    @property
    def deviation(self) -> float:
        """The energy as standard deviations from the usual."""
        from statistics import NormalDist

        return NormalDist().inv_cdf(min(max(self.energy, 0.02), 0.98))
