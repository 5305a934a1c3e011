"""The film backends there are."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dancegen.options.declare import Options

BACKENDS = {"animatediff": "dancegen.renderers.animatediff"}
"""A backend's name, as --engine takes it, and its package."""


def option_classes() -> tuple[type[Options], ...]:
    """The classes of options that painted films add to render: what all backends take, then each one's own."""
    from dancegen.renderers.animatediff.settings import Execution

    return (*(import_module(f"{package}.settings").Settings for package in BACKENDS.values()), Execution)
