"""What a painted video says about itself: its recipe, and the command that makes it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from dancegen.codecs import USUAL
from dancegen.detectors.registry import AUTO
from dancegen.options.declare import flag_of
from dancegen.options.shared import NO_DETECTOR
from dancegen.stages.drawn_video import rate_in_words
from dancegen.store import SHORT, Recipe

if TYPE_CHECKING:
    import numpy as np

    from dancegen.detectors.registry import DetectorSpec
    from dancegen.renderers.film.settings import FilmOptions
    from dancegen.store import Artifact


class AskedFilm(Protocol):
    """A film as far as its command and its drafts need to know it: see `film.FilmJob`."""

    @property
    def poses(self) -> Artifact: ...
    @property
    def request(self) -> Any: ...
    @property
    def settings(self) -> FilmOptions: ...
    @property
    def fps(self) -> float: ...
    @cached_property
    def detector(self) -> DetectorSpec | None: ...
    @cached_property
    def keys(self) -> np.ndarray: ...
    @cached_property
    def part(self) -> tuple[int, int]: ...
    @property
    def shown_frames(self) -> int: ...
    def all_frames(self, painted: Sequence[Artifact]) -> Iterator[np.ndarray]: ...


def tags_of(job: AskedFilm, recipe: Recipe) -> dict[str, str]:
    """What the video says about itself: enough to make it again."""
    models = ", ".join(f"{item.role} {item.name}" for item in recipe.inputs if item.kind == "weights")
    return {
        "digest": recipe.digest,
        "command": shlex.join(_command(job)),
        "seed": str(job.request.options.seed),
        "prompt": job.request.options.prompt or "",
        "models": models,
    }


def _command(job: AskedFilm) -> list[str]:
    """The command that makes the film, on any machine."""
    request, settings = job.request, job.settings
    width, height = request.size
    words = ["dancegen", "render", job.poses.digest[:SHORT], "--prompt", request.options.prompt or ""]
    words += ["--engine", request.backend.name, "--seed", str(request.options.seed)]
    words += ["--size", f"{width}x{height}", "--fps", rate_in_words(job.fps)]
    words += ["--codec", request.options.codec] if request.options.codec != USUAL else []
    words += ["--frames"] if request.options.frames else []
    detector = None
    if settings.image is not None:
        detector = job.detector.name if settings.detector == AUTO and job.detector else settings.person_detector()
        detector = str(detector or NO_DETECTOR)
    asked = replace(request.asked, offline=False, backend=None, scheduler=None, workers=None, detector=detector)
    for field in fields(asked):
        if field.name in asked.given():
            words += _command_words(flag_of(field), getattr(asked, field.name))
    return words


def _command_words(flag: str, value: object) -> list[str]:
    """An option as a person writes it."""
    if isinstance(value, tuple) and value and all(isinstance(each, float) for each in value):
        return [flag, "-".join(f"{each:g}" for each in value)]  # from one to the other
    if isinstance(value, tuple):
        return [word for each in value for word in (flag, str(each))]
    return [flag] if value is True else [flag, f"{value:g}" if isinstance(value, float) else str(value)]
