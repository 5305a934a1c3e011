"""The families of choreographers there are. A new one is a folder beside this file and a line here.

Nothing heavy is imported for it: a family imports its networks when it trains or loads.
"""

from __future__ import annotations

from dancegen.choreographers.diffusion.family import Diffusion
from dancegen.choreographers.family import Family
from dancegen.choreographers.gan.family import Gan
from dancegen.errors import InputError

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Diffusion(),
        Gan(),
    )
}
"""By name; the first one is the usual one."""


def usual_family() -> str:
    """The name of the family that trains and dances where none is chosen."""
    return next(iter(FAMILIES))


def find_family(name: str) -> Family:
    """The family of a name. Raises InputError."""
    if name not in FAMILIES:
        raise InputError(f"there is no family {name!r} of choreographers; choose one of {', '.join(FAMILIES)}")
    return FAMILIES[name]
