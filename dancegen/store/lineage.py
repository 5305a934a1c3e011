"""Where an artifact comes from, up to the files that people gave, and what was made from it.

An input says what its artifact holds, not which it was: several may hold the same. So both go by content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dancegen.store.listing import Listed, Listing
from dancegen.store.recipe import Input

_DEEPEST = 16
"""So many artifacts one behind the other are followed: more than there are stages, and an end to a forged circle."""


@dataclass(frozen=True)
class Origin:
    """One thing that an artifact was made from. artifact: what made it; None for what people gave, and for what the
    store has no longer."""

    item: Input
    artifact: Listed | None
    origins: tuple[Origin, ...] = ()

    @property
    def lost(self) -> bool:
        """Whether it is an artifact that the store has no longer."""
        return self.item.kind == "artifact" and self.artifact is None

    def to_dict(self) -> dict[str, Any]:
        """It as JSON holds it. Scripts rely on its keys."""
        return {
            "role": self.item.role,
            "kind": self.item.kind,
            "name": self.item.name,
            "digest": self.item.digest,
            "artifact": None if self.artifact is None else self.artifact.digest,
            "from": [each.to_dict() for each in self.origins],
        }


def origins(inputs: Iterable[Input], listing: Listing, depth: int = _DEEPEST) -> tuple[Origin, ...]:
    """What each input is, and what that was made from in turn, as far as the listing has it."""
    found = []
    for item in inputs:
        artifact = listing.source(item) if depth else None
        behind = () if artifact is None else origins(artifact.inputs, listing, depth - 1)
        found.append(Origin(item, artifact, behind))
    return tuple(found)


def with_origins(wanted: Iterable[Listed], listing: Listing) -> set[Listed]:
    """These artifacts and all that they were made from."""
    found: set[Listed] = set()
    ahead = list(wanted)
    while ahead:
        each = ahead.pop()
        if each not in found:
            found.add(each)
            ahead += [source for item in each.inputs if (source := listing.source(item)) is not None]
    return found


def dependents(gone: Iterable[Listed], listing: Listing) -> dict[Listed, list[Listed]]:
    """By artifact that is to go, the ones that stay and were made from it.

    None depends on an artifact of which another one that stays holds the same.
    """
    going = set(gone)
    found: dict[Listed, list[Listed]] = {}
    for each in going:
        twins = [twin for twin in listing.by_content.get(each.content, []) if twin not in going]
        users = [user for user in listing.users.get(each.content, []) if user not in going]
        if users and not twins:
            found[each] = users
    return found


def with_dependents(gone: Iterable[Listed], listing: Listing) -> set[Listed]:
    """These artifacts and all that depend on them, directly or not."""
    found = set(gone)
    while more := {user for users in dependents(found, listing).values() for user in users}:
        found |= more
    return found
