"""Removing artifacts: one by one, or those that nobody has asked for in a long time.

What is kept keeps what it was made from, so that of everything in the store one can see where it comes from.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from dancegen.errors import DoneInPart, InputError, StoreError
from dancegen.store import housekeeping
from dancegen.store.atomic import read_json, remove_tree, writing
from dancegen.store.housekeeping import Freed
from dancegen.store.lineage import dependents, with_dependents, with_origins
from dancegen.store.listing import Listed, Listing, listing_of
from dancegen.store.lock import DigestLock, lock_of
from dancegen.store.places import Places
from dancegen.store.store import Store

JUST_USED_S = 600.0
"""A command that begins now may rely on what was answered so shortly before."""

PINNED, USED, NEEDED = "pinned or named", "used just now", "needed by what is kept"
"""Why an artifact that may go by its age is kept."""

_DAY_S = 86_400.0


@dataclass(frozen=True)
class Rules:
    """What may go: all but the `keep_last` last used of each stage, what was not used for `older_than_days`, or both.
    max_size: of that the longest unused goes first, and only until the rest has so many bytes."""

    keep_last: int | None = None
    older_than_days: float | None = None
    max_size: int | None = None

    @property
    def given(self) -> bool:
        return (self.keep_last, self.older_than_days, self.max_size) != (None, None, None)


@dataclass(frozen=True)
class Plan:
    """What is to be removed, in that order: what was made from another goes before it. kept: by reason, what the rules
    would let go."""

    remove: tuple[Listed, ...] = ()
    kept: dict[str, tuple[Listed, ...]] = field(default_factory=dict)
    size_before: int = 0

    @property
    def size(self) -> int:
        """Bytes that it frees."""
        return sum(each.size for each in self.remove)


@dataclass
class Removed:
    """What was removed, or would be. busy: what another process holds or used meanwhile. swept: trash and leftovers."""

    artifacts: list[Listed] = field(default_factory=list)
    busy: list[Listed] = field(default_factory=list)
    swept: Freed = field(default_factory=Freed)

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(each.size for each in self.artifacts) + self.swept.size


def plan(store: Store, rules: Rules) -> Plan:
    """What the rules remove from a store's first directory. Nothing is changed. Raises StoreError."""
    listing = listing_of(store.places.artifacts())
    total = sum(each.size for each in listing.artifacts)
    if not rules.given:
        return Plan(size_before=total)
    may_go = _candidates(listing, rules)
    kept: dict[str, tuple[Listed, ...]] = {}
    marked = {*store.marks.pins(), *store.marks.names()}
    recent = min(time.time(), _at_work_since(store.root)) - JUST_USED_S
    for reason, holds in (
        (PINNED, {each for each in may_go if (each.stage, each.short) in marked}),
        (USED, {each for each in may_go if each.used_s >= recent}),
    ):
        kept[reason] = _sorted(holds & may_go)
        may_go -= holds
    needed = with_origins((each for each in listing.artifacts if each not in may_go), listing) & may_go
    kept[NEEDED] = _sorted(needed)
    may_go -= needed
    remove = _users_first(may_go, listing, None if rules.max_size is None else total - rules.max_size)
    return Plan(tuple(remove), {reason: each for reason, each in kept.items() if each}, total)


def collect(store: Store, planned: Plan, *, dry_run: bool = False) -> Removed:
    """Remove what was planned, then old trash and what dead processes left. Raises StoreError."""
    removed = Removed(list(planned.remove)) if dry_run else remove(store, planned.remove)
    if store.root.is_dir():
        removed.swept = housekeeping.sweep(store.root, dry_run=dry_run)
    return removed


def remove(store: Store, artifacts: Iterable[Listed], *, also_if_used: bool = False) -> Removed:
    """Remove artifacts from a store's first directory, with their names and pins, each unless a process holds it.

    also_if_used: also what was asked for since it was listed. Raises StoreError where something cannot be removed.
    """
    done = Removed()
    for each in artifacts:
        if _remove(store.places, each, also_if_used):
            store.marks.forget(each.stage, each.digest)
            done.artifacts.append(each)
        else:
            done.busy.append(each)
    return done


def delete_result(store: Store, reference: str, with_all: bool = False) -> None:
    """Delete an artifact from the store's root. with_all: and all that was made from it.

    Raises InputError where others were made from it, or it is pinned, and DoneInPart where some of it is in use.
    """
    listing, wanted = store.listing(), store.look_up(reference).path
    gone = {each for each in listing.artifacts if each.path == wanted}
    gone = with_dependents(gone, listing) if with_all else gone
    gone = {each for each in gone if each.path.parent.parent == store.root}
    if needed := dependents(gone, listing):
        users = sorted({f"{each.stage} {each.short[:8]}" for by in needed.values() for each in by})
        raise InputError(f"{', '.join(users[:5])} was made from it: delete that, too, or leave it")
    if pinned := [each.label for each in gone if (each.stage, each.short) in store.marks.pins()]:
        raise InputError(f"{pinned[0]} is pinned: let it go first, with dancegen artifacts unpin")
    done = remove(store, sorted(gone, key=lambda each: each.created, reverse=True), also_if_used=True)
    if len(done.artifacts) < len(gone):
        raise DoneInPart("some of it is being used right now, and stays")


def _remove(places: Places, each: Listed, also_if_used: bool) -> bool:
    """Under the artifact's lock, moved away in one step: nobody ever sees half of it."""
    with places.lock(each.stage, each.digest).attempt() as free:
        if not free or not (also_if_used or _last_used(each.path) == each.used_s):
            return False
        with writing(each.path):
            aside = places.set_aside(each.path)
        remove_tree(aside)
    return True


def _last_used(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _candidates(listing: Listing, rules: Rules) -> set[Listed]:
    may_go = set(listing.artifacts)
    if rules.keep_last is not None:
        for stage in listing.stages:
            last = [each for each in _sorted(listing.artifacts) if each.stage == stage]
            may_go -= set(last[len(last) - min(rules.keep_last, len(last)) :])
    if rules.older_than_days is not None:
        oldest = time.time() - rules.older_than_days * _DAY_S
        may_go = {each for each in may_go if each.used_s < oldest}
    return may_go


def _sorted(artifacts: Iterable[Listed]) -> tuple[Listed, ...]:
    """The longest unused first."""
    return tuple(sorted(artifacts, key=lambda each: (each.used_s, each.created, each.digest)))


def _users_first(may_go: set[Listed], listing: Listing, at_least: int | None) -> list[Listed]:
    """Those that may go, the longest unused first, but none before all that was made from it.

    at_least: stop as soon as so many bytes are free; None takes all.
    """
    users = Counter(item for each in listing.artifacts for item in _contents(each))
    holders = Counter(each.content for each in listing.artifacts)
    waiting: dict[str, list[Listed]] = {}
    ready: list[tuple[float, str, Listed]] = []
    for each in may_go:
        if users[each.content] and holders[each.content] == 1:
            waiting.setdefault(each.content, []).append(each)
        else:
            heapq.heappush(ready, (each.used_s, each.digest, each))
    chosen: list[Listed] = []
    freed = 0
    while ready and (at_least is None or freed < at_least):
        _, _, each = heapq.heappop(ready)
        if users[each.content] and holders[each.content] == 1:  # its twin went meanwhile
            waiting.setdefault(each.content, []).append(each)
            continue
        chosen.append(each)
        freed += each.size
        holders[each.content] -= 1
        for content in _contents(each):
            users[content] -= 1
            if not users[content]:
                for freed_one in waiting.pop(content, []):
                    heapq.heappush(ready, (freed_one.used_s, freed_one.digest, freed_one))
    return chosen


def _contents(each: Listed) -> set[str]:
    """What an artifact was made from, by content."""
    return {item.digest for item in each.inputs if item.kind == "artifact"}


def _at_work_since(root: Path) -> float:
    """When the process began its work that has been at work the longest, in seconds since 1970; now without any."""
    began = time.time()
    for record in (root / ".locks").glob("*.holder.json"):
        said = str((read_json(record) or {}).get("since", ""))
        with suppress(StoreError, ValueError, OSError):
            since = datetime.fromisoformat(said).timestamp()
            with DigestLock(record.with_name(lock_of(record.name))).attempt() as free:
                began = began if free else min(began, since)
    return began
