"""What is known of a painted film before there are poses: its engine, its settings, its models."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from dancegen.errors import InputError
from dancegen.options.dance import RenderOptions, SkeletonOptions
from dancegen.options.declare import flag_of
from dancegen.renderers.film.backend import FilmBackend
from dancegen.renderers.film.prompts import PromptSchedule
from dancegen.renderers.film.registry import engines_with, find_backend
from dancegen.renderers.film.settings import FilmOptions
from dancegen.stages.drawn_video import shaped_like
from dancegen.weights import Models

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class FilmRequest:
    """A film that is asked for, as far as it is known before there are poses: checked, and every model located.

    asked: the backend's settings as a person gave them; settings: with everything filled in. schedule: the prompt.
    portrait: (H, W, 3) uint8 of whom the dancer is to look like, or None. pictures: more of them, see
    `FilmBackend.pictures`.
    """

    options: RenderOptions
    backend: FilmBackend[Any]
    asked: FilmOptions
    settings: FilmOptions
    size: tuple[int, int]
    schedule: PromptSchedule
    models: Models
    portrait: np.ndarray | None
    pictures: tuple[np.ndarray, ...] = ()


def request_film(
    options: RenderOptions, *, note_missing: bool = False, shown: tuple[int, int] | None = None
) -> FilmRequest:  # fmt: skip
    """Everything about a film that can be checked before there are poses, and where each model is.

    note_missing: models of the hub that cannot be had now are noted as such, and no error. shown: (width, height) of
    the video that the dance was seen in, whose proportions the film has unless a person says otherwise.

    Raises InputError for a prompt, a size or a setting that cannot be, ModelError for a model that cannot be had, or
    models that do not fit together.
    """
    from dancegen.hub import locate, locate_or_note, look_at
    from dancegen.renderers.film.portrait import load_portrait

    backend = find_backend(options.engine)
    asked = _settings_of(backend, options)
    settings = backend.complete(asked)
    schedule = PromptSchedule.parse(options.prompt or "", settings.blend_s)
    portrait = None if settings.image is None else load_portrait(settings.image)
    more = backend.pictures(settings)
    pictures = tuple(load_portrait(path, f"--{name}") for name, paths in more.items() for path in paths)
    size = _size(backend, options.size, backend.grid(settings).side, shown)
    find = locate_or_note if note_missing else locate
    found = [find(ref, offline=settings.offline) for ref in backend.references(settings)]
    models = Models(tuple(look_at(model, note_missing=note_missing) for model in found))
    backend.check(models, settings)
    settings = backend.fitted(asked, models, size)
    return FilmRequest(options, backend, asked, settings, size, schedule, models, portrait, pictures)


def _settings_of(backend: FilmBackend[Any], options: RenderOptions) -> FilmOptions:
    """The backend's settings, as far as a person gave them. InputError for an option that it does not have."""
    given = set(options.given())
    own = {field.name for field in fields(backend.settings)} - set(backend.lacks)
    shared = {field.name for field in fields(RenderOptions)} - {"style"}
    for field in fields(options):
        if field.name in given - own - shared:
            raise InputError(f"{flag_of(field)}: the engine {backend.name} has no such option{_who_has(field.name)}")
    return backend.settings(**{name: getattr(options, name) for name in given & own})


def _who_has(name: str) -> str:
    """Which engines have an option, in words."""
    found = engines_with(name)
    if name in {field.name for field in fields(SkeletonOptions)}:
        found.insert(0, "skeleton")
    return f"; {' and '.join(found)} {'have' if len(found) > 1 else 'has'} it" if found else ""


def _size(
    backend: FilmBackend[Any], size: tuple[int, int] | None, side: int, shown: tuple[int, int] | None
) -> tuple[int, int]:  # fmt: skip
    """(width, height) of a film. Raises InputError."""
    if size is None and shown is not None:
        return shaped_like(shown, backend.size, side)
    width, height = backend.size if size is None else size
    if width % side or height % side:
        raise InputError(
            f"--size {width}x{height}: the engine {backend.name} needs sides that are multiples of {side}"
        )  # fmt: skip
    return width, height
