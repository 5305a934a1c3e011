"""A single result deleted, with care for what was made from it."""

from __future__ import annotations

from dancegen.errors import DoneInPart, InputError
from dancegen.store.collect import remove
from dancegen.store.lineage import dependents, with_dependents
from dancegen.store.store import Store


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
