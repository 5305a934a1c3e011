"""Options that several verbs have, each declared once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dancegen.audio import BEAT_THIS, BUILT_IN
from dancegen.errors import InputError
from dancegen.options.declare import (
    COMMON,
    Options,
    Role,
    choice,
    lasting,
    moment,
    option,
    pixels,
    redeclared_of,
    within,
)

NO_DETECTOR = "none"
DETECTORS = ("vitpose", "blazepose", "dwpose", "openpose")
DETECTING = "Poses of video"
"""The panel of the help with what looks for people."""
SOLID = "For --style mannequin"
"""The panel of the help with what draws a body in space."""
CAMERAS = ("front", "side", "orbit", "follow", "cuts")
WORKER_BACKENDS = ("dask", "ray", "loky")


@dataclass(frozen=True, kw_only=True)
class Seeded(Options):
    """Options of a verb that uses random numbers."""

    seed: int = option(
        0, help="The same seed gives the same result.", metavar="N", panel=COMMON, parse=within(0, 2**63 - 1)
    )


@dataclass(frozen=True, kw_only=True)
class Parallel(Options):
    """Options of a verb that several processes work on."""

    workers: int | None = option(
        None, help="Processes at work; all cores if left out.", metavar="N", role=Role.HARMLESS
    )
    backend: str | None = option(
        None, help="What starts the processes: loky (this machine), dask or ray.", metavar="NAME",
        role=Role.HARMLESS, parse=choice(*WORKER_BACKENDS),
    )  # fmt: skip
    scheduler: str | None = option(
        None, help="The address of Dask's scheduler or Ray's head.", metavar="ADDRESS", role=Role.HARMLESS
    )

    def check_workers(self) -> None:
        """Raises InputError for options of workers that make no sense together."""
        if self.backend == "dask" and self.scheduler is None:
            raise InputError("--backend dask needs --scheduler ADDRESS, the Dask scheduler's")
        if self.scheduler is not None and self.backend not in ("dask", "ray"):
            raise InputError(f"--scheduler {self.scheduler}: say whose it is with --backend dask or --backend ray")


@dataclass(frozen=True, kw_only=True)
class Span(Options):
    """Options of a verb that takes a part of a song, or of a video."""

    start: float = option(0.0, help="Where in the song to begin: seconds, or 1:30.", metavar="S", parse=moment)
    seconds: float | None = option(None, help="How long to dance; else to the end.", metavar="S", parse=moment)


@dataclass(frozen=True, kw_only=True)
class Canvas(Options):
    """Options of a verb that makes poses in pixels."""

    canvas: tuple[int, int] = option(
        "512x512", help="Canvas of the poses in pixels, whatever the video's size.", metavar="WxH", parse=pixels
    )


@dataclass(frozen=True, kw_only=True)
class Filming(Options):
    """Options of a verb that shows a dance in space through a camera."""

    camera: str | None = option(
        None, help="front, side, orbit, follow or cuts; else that of the dance.", metavar="NAME", panel=SOLID,
        role=Role.DERIVED, through="filmed_by", parse=choice(*CAMERAS),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Characters(Options):
    """Options of a verb whose dance somebody's own character can do."""

    retarget: str | Path | None = option(
        None, help="Let your own character dance: a rigged .glb, .vrm or .bvh, in its rest pose.", metavar="CHARACTER",
        role=Role.INPUT,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PoseFiles(Options):
    """Options of a verb that takes poses from files, which say less than an artifact does."""

    json_fps: float | None = option(
        None, help="Frames a second of OpenPose JSON, which states none; else 30.", metavar="FPS",
        role=Role.DERIVED, through="poses", parse=within(1.0, 120.0, "frames a second"),
    )  # fmt: skip
    json_canvas: tuple[int, int] | None = option(
        None, help="Canvas of OpenPose JSON that states none; else what holds the poses.", metavar="WxH",
        role=Role.DERIVED, through="poses", parse=pixels,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Detecting(Options):
    """Options of a verb that looks for people in pictures."""

    detector: str | Path | None = option(
        None, help="Finds people: auto, vitpose, blazepose, dwpose, openpose (non-commercial), none, or weights.",
        metavar="DETECTOR", role=Role.INPUT, names=("auto", *DETECTORS, NO_DETECTOR),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Networked(Options):
    """Options of a verb that may need models from the hub."""

    offline: bool = option(False, help="Never ask the network for models.", role=Role.HARMLESS)


@dataclass(frozen=True, kw_only=True)
class Listening(Networked):
    """Options of a verb that may track the beats of a song."""

    beat_tracker: str | Path = option(
        BUILT_IN, help="Hears beats and bars: built-in, beat-this (a neural network), or weights of the latter.",
        metavar="TRACKER", role=Role.INPUT, names=(BUILT_IN, BEAT_THIS),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Extracting(Detecting, Networked):
    """Options of a verb that makes poses of video."""

    detector: str | Path | None = redeclared_of(Detecting, "detector", "auto", panel=DETECTING)
    hands: bool = option(False, help="Look for hands too (dwpose, openpose).", panel=DETECTING)
    face: bool = option(False, help="Look for faces too (dwpose, openpose).", panel=DETECTING)
    offline: bool = redeclared_of(Networked, "offline", False, panel=DETECTING)


CLEANING = "Cleaning"
"""The panel of the help with what is done to poses from video."""


@dataclass(frozen=True, kw_only=True)
class Cleaning(Options):
    """Options of a verb that turns what a detector saw into clean poses (`pose.cleaning`)."""

    max_gap: float = option(
        0.5, help="Gaps up to this long are filled, longer ones split a clip.", metavar="S", panel=CLEANING,
        parse=lasting(0.0, 10.0),
    )  # fmt: skip
    smooth: float = option(
        0.08, help="Smooth joints over so many seconds; 0 leaves them.", metavar="S", panel=CLEANING,
        parse=lasting(0.0, 2.0),
    )  # fmt: skip
    min_seconds: float = option(
        2.0, help="Drop shorter pieces.", metavar="S", panel=CLEANING, parse=lasting(0.0, 3600.0)
    )
    min_quality: float = option(
        0.25, help="Drop pieces of a lower quality.", metavar="0..1", panel=CLEANING, parse=within(0.0, 1.0)
    )
    no_cuts: bool = option(False, help="Do not split where the camera cuts.", panel=CLEANING)
    no_swaps: bool = option(False, help="Leave left and right as the detector saw them.", panel=CLEANING)
    no_outliers: bool = option(False, help="Leave joints that jump, or are seen twice, as they are.", panel=CLEANING)


SHARED = frozenset(
    each.name
    for kind in (Seeded, Parallel, Canvas, PoseFiles, Listening, Extracting, Cleaning)
    for each in fields(kind)
)
"""The names of all of them."""
