"""Options that several verbs have, each declared once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from dancegen.options.declare import COMMON, Options, Role, option, pixels, within

NO_DETECTOR = "none"


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


@dataclass(frozen=True, kw_only=True)
class Canvas(Options):
    """Options of a verb that makes poses in pixels."""

    canvas: tuple[int, int] = option(
        "512x512", help="Canvas of the poses in pixels, whatever the video's size.", metavar="WxH", parse=pixels
    )


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
        None, help="Finds people in pictures: blazepose, OpenPose weights (non-commercial use), or none.",
        metavar="DETECTOR", role=Role.INPUT, names=("blazepose", NO_DETECTOR),
    )  # fmt: skip


SHARED = frozenset(each.name for kind in (Seeded, Parallel, Canvas, PoseFiles, Detecting) for each in fields(kind))
"""The names of all of them."""
