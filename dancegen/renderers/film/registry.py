"""The film backends there are. A new one is a module with a `BACKEND`, and one line here."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dancegen.errors import InputError
from dancegen.renderers.film.settings import FilmOptions

if TYPE_CHECKING:
    from dancegen.options.declare import Options
    from dancegen.renderers.film.backend import FilmBackend

BACKENDS = {
    "animatediff": "dancegen.renderers.animatediff.backend",
    "wan-vace": "dancegen.renderers.wan_vace.backend",
}
"""A backend's name, as --engine takes it, and its module. The first one paints where none is named."""


def find_backend(name: str | None = None) -> FilmBackend[Any]:
    """The backend of a name; the usual one without. Raises InputError."""
    name = next(iter(BACKENDS)) if name is None else name
    if name not in BACKENDS:
        raise InputError(f"there is no engine {name!r} that paints films; choose one of {', '.join(BACKENDS)}")
    return import_module(BACKENDS[name]).BACKEND


def engines_with(option: str) -> list[str]:
    """The names of the backends that obey an option."""
    found = {name: find_backend(name) for name in BACKENDS}
    return [
        name
        for name, backend in found.items()
        if option not in backend.lacks and option in {each.name for each in fields(backend.settings)}
    ]


def option_classes() -> tuple[type[Options], ...]:
    """The classes of options that painted films add to render: what all backends take, then each one's own."""
    return (FilmOptions, *(find_backend(name).settings for name in BACKENDS))
