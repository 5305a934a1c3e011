"""What a person can choose about a painted film, whichever backend paints it.

A backend's settings are a subclass: it adds its own options, and gives shared ones defaults of its own with
`redeclared`. None always leaves the choice to the backend.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any

from dancegen.errors import InputError
from dancegen.options.declare import Role, choice, lasting, option, redeclared_of, stretch, switch, within
from dancegen.options.shared import NO_DETECTOR, Detecting, Networked, Parallel

LOOK, MODELS, WORK = "Painting (with --prompt)", "Models of a painted film", "How a film is painted"
"""Panels of the help."""
VRAM = ("auto", "8", "12", "16", "24")
USUAL = "usual"
FAST = (USUAL, "lcm", "lightning", "self-forcing", "lightx2v")
"""What --fast may name; without a name it is an engine's usual way."""
FOLLOW, WHOLE = "follow", "whole"
"""Framings: near the dancer, or with room for all of their way."""
_REACH = "reach"


class Reach(Enum):
    """What an option acts on, where it is less than the painting of every segment."""

    FILM = "which frames and poses a segment has, and how much of each text; or how segments are put together"
    SECOND_PASS = "the second pass alone"


def acting_on(reach: Reach, declaration: Any) -> Any:
    """An option that stays out of the recipe of a segment: it acts only through what the recipe says of its frames."""
    return field(default=declaration.default, metadata={**declaration.metadata, _REACH: reach})


def redeclared(name: str, default: Any, **changes: Any) -> Any:
    """A shared option with a backend's own default, or other changes to its declaration."""
    return redeclared_of(FilmOptions, name, default, **changes)


def names_reaching(settings: FilmOptions, *reaches: Reach) -> set[str]:
    """The names of the options that act on nothing else."""
    return {each.name for each in fields(settings) if each.metadata.get(_REACH) in reaches}


@dataclass(frozen=True, kw_only=True)
class FilmOptions(Detecting, Networked, Parallel):
    """What any backend takes."""

    negative_prompt: str | None = option(
        None, help="What must not be in the picture; else the engine's own list.", metavar="TEXT", panel=LOOK
    )
    image: str | Path | None = option(
        None, help="A portrait; the dancer takes its looks.", metavar="IMAGE", panel=LOOK, role=Role.INPUT
    )
    align: bool = acting_on(Reach.FILM, option(False, help="Give the dancer the portrait's proportions.", panel=LOOK))
    framing: str | None = acting_on(
        Reach.FILM,
        option(
            None, help="follow keeps the dancer large, whole shows all of their way; else a video's own, or follow.",
            metavar="NAME", panel=LOOK, parse=choice(FOLLOW, WHOLE), names=(FOLLOW, WHOLE),
        ),
    )  # fmt: skip
    steps: int | None = option(
        None,
        help="Denoising steps: 20; 6 with --fast, 4 with --fast lightning. wan-vace: 30; 4 with --fast.",
        metavar="N",
        panel=LOOK,
        parse=within(1, 200),
    )
    guidance: float | None = option(
        None, help="How closely to follow the prompt: 7.5, wan-vace 5; with --fast 1.5, Lightning and wan-vace 1.",
        metavar="X", panel=LOOK, parse=within(1.0, 30.0),
    )  # fmt: skip
    fast: bool | str | None = option(
        None, help="Paint in a few steps, with a model made for that; wan-vace's for the 1.3B is non-commercial.",
        metavar=f"[{'|'.join(FAST[1:])}]", panel=LOOK, parse=switch(*FAST),
    )  # fmt: skip
    control_scale: float | None = option(
        None, help="How much the poses weigh; 1 is usual.", metavar="X", panel=LOOK, parse=within(0.0, 2.0)
    )
    blend_s: float = acting_on(
        Reach.FILM,
        option(
            1.0, help="Seconds from one prompt to the next.", metavar="S", panel=LOOK, flag="--blend",
            parse=lasting(0.0, 60.0),
        ),
    )  # fmt: skip
    preview: tuple[float, float] | None = acting_on(
        Reach.FILM,
        option(
            None, help="Paint only the first S seconds of the film, or those FROM-TO.", metavar="SPAN", panel=LOOK,
            parse=stretch,
        ),
    )  # fmt: skip
    seeds: int | None = acting_on(
        Reach.FILM,
        option(
            None, help="A draft: paint the first moments with N seeds, beside each other.", metavar="N", panel=LOOK,
            parse=within(2, 16),
        ),
    )  # fmt: skip
    base: str | None = option(
        None, help="The model that paints: Stable Diffusion 1.5 or made from it; for wan-vace, a Wan VACE.",
        metavar="MODEL", panel=MODELS, role=Role.INPUT,
    )  # fmt: skip
    lora: tuple[str, ...] = option(
        (), help="A LoRA, with its weight; repeatable.", metavar="MODEL[=X]", panel=MODELS, role=Role.INPUT
    )
    sampler: str | None = option(
        None,
        help="The sampler: dpm++, lcm or euler; for wan-vace unipc or euler.",
        metavar="NAME",
        panel=WORK,
        names=("dpm++", "lcm", "euler", "unipc"),
    )
    segment: int | None = acting_on(
        Reach.FILM, option(None, help="Painted frames a segment, at most: 128; wan-vace 81.", metavar="N", panel=WORK)
    )
    overlap: int | None = acting_on(
        Reach.FILM,
        option(None, help="Frames that neighbouring segments share: 8; wan-vace 10.", metavar="N", panel=WORK),
    )
    vram: str = option(
        "auto", help="GB of GPU memory to plan for: auto, 8, 12, 16, 24.", metavar="GB", panel=WORK,
        role=Role.HARMLESS, parse=choice(*VRAM),
    )  # fmt: skip
    offline: bool = redeclared_of(Networked, "offline", False, panel=WORK)
    backend: str | None = redeclared_of(
        Parallel, "backend", help="Paint segments in parallel: dask, ray or loky.", panel=WORK
    )
    scheduler: str | None = redeclared_of(Parallel, "scheduler", panel=WORK)
    workers: int | None = redeclared_of(
        Parallel, "workers", help="Processes that paint; one a GPU if left out, else one a machine.", panel=WORK
    )
    detector: str | Path | None = acting_on(Reach.FILM, redeclared_of(Detecting, "detector", panel=WORK))

    def person_detector(self) -> str | Path | None:
        """What looks at the portrait, if anything does: see `dancegen.detectors.registry`."""
        from dancegen.detectors.registry import usual_detector

        if self.detector is None:
            return usual_detector()
        return None if str(self.detector) == NO_DETECTOR else self.detector

    def check(self) -> None:
        """Raises InputError for options that make no sense together, whichever backend paints."""
        self.check_workers()
        if self.align and self.image is None:
            raise InputError("--align takes the proportions of a portrait: give it with --image")
        if self.align and self.person_detector() is None:
            raise InputError(
                "--align needs to see the portrait's limbs: pip install 'dancegen[blazepose]', or give OpenPose "
                "weights with --detector"
            )


def named_way(fast: bool | str | None, engine: str, *ways: str) -> str | None:
    """What --fast names, of an engine's own ways, the first one where it names none; None where it is off.

    Raises InputError for a way of another engine.
    """
    if not fast:
        return None
    if fast in (True, USUAL):
        return ways[0]
    if fast not in ways:
        raise InputError(f"--fast {fast}: the engine {engine} has {' and '.join(ways)}, and no {fast}")
    return str(fast)


def check_within(flag: str, value: float, low: float, high: float) -> None:
    """InputError for a value out of a range that other options decide."""
    if not low <= value <= high:
        raise InputError(f"{flag} {value:g}: choose {low:g} to {high:g}")
