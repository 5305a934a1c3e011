"""The families of choreographers there are. A new one is a folder beside this file and a line here.

Nothing heavy is imported for it: a family imports its networks when it trains or loads.
"""

from __future__ import annotations

import json

from dancegen.assets import asset
from dancegen.choreographers.diffusion.family import Diffusion
from dancegen.choreographers.family import CONFIG, Family
from dancegen.choreographers.gan.family import Gan
from dancegen.errors import InputError, choose_one

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Diffusion(),
        Gan(),
    )
}
"""By name; the first one is the usual one."""
GENRES = "styles"
"""In a model's settings, the genres it knows."""


def usual_family() -> str:
    """The name of the family that trains and dances where none is chosen."""
    return next(iter(FAMILIES))


def find_family(name: str) -> Family:
    """The family of a name. Raises InputError."""
    if name not in FAMILIES:
        raise InputError(f"there is no family {name!r} of choreographers; {choose_one(name, FAMILIES)}")
    return FAMILIES[name]


def bundled_genres() -> tuple[str, ...]:
    """What the models that come along can be asked to dance, read from their settings alone."""
    found: dict[str, None] = {}
    for name, family in FAMILIES.items():
        if family.bundled:
            config = json.loads(asset(f"models/{name}/{CONFIG}").read_text(encoding="utf-8"))
            found |= dict.fromkeys(config.get(GENRES, ()))
    return tuple(found)
