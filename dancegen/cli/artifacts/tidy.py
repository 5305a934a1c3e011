"""artifacts gc, rm, pin and unpin: what goes and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dancegen.cli import result
from dancegen.cli.artifacts import words
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.cli.layout import wrapped
from dancegen.errors import DoneInPart, InputError
from dancegen.formatting import byte_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dancegen.store.collect import Removed
    from dancegen.store.listing import Listed

_References = Annotated[
    list[str], typer.Argument(metavar="ARTIFACT...", help="Paths, digests, names, or like train~1.")
]
_SHOWN = 40


def gc(
    keep_last: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Keep the N last used results of each stage.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Remove only what was not used for so long: 30d, 2w, 12h.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Remove the longest unused until the rest is so small: 20GB.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Free space: old results by the rules you give, old trash, and what dead processes left.

    What is pinned, has a name or is in use stays, and so does all that what stays was made from.
    """
    from dancegen.store import open_store
    from dancegen.store.collect import Rules, collect, plan

    opened = open_store(store)
    rules = Rules(keep_last, words.days("--older-than", older_than), words.size_in_bytes("--max-size", max_size))
    planned = plan(opened, rules)
    done = collect(opened, planned, dry_run=dry_run)
    kept = {reason: len(each) for reason, each in planned.kept.items()}
    left = planned.size_before - sum(each.size for each in done.artifacts)
    if as_json:
        result.print_json(
            _removed(done, dry_run) | {"swept": [str(path) for path in done.swept.paths], "kept": kept, "left": left}
        )
    elif quiet:
        for each in done.artifacts:
            print(each.path)
    else:
        _print_removed(done.artifacts)
        verb = "would free" if dry_run else "freed"
        swept = len(done.swept.paths)
        print(
            wrapped(
                f"{verb} {byte_size(done.size)}: {_count(len(done.artifacts), 'artifact')}, "
                f"{_count(swept, 'old leftover')}; {byte_size(left)} of artifacts stay"
            )
        )
        for reason, count in kept.items():
            print(wrapped(f"  kept, {reason}: {count}"))
        if rules.max_size is not None and left > rules.max_size:
            print(wrapped(f"  that is more than --max-size {max_size}: the rest is kept by the rules above", "    "))
        if not rules.given:
            print(wrapped("  to remove results as well: --older-than 30d, --keep-last 3 or --max-size 20GB", "    "))
    _check_busy(done)


def rm(
    references: _References,
    with_dependents: Annotated[
        bool, typer.Option("--with-dependents", help="Also remove all that was made from them.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Remove them although others were made from them, or they are pinned.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Remove artifacts; not those that others were made from, unless told."""
    from dancegen.store import open_store
    from dancegen.store.collect import Removed, remove
    from dancegen.store.lineage import dependents
    from dancegen.store.lineage import with_dependents as with_all

    opened = open_store(store)
    listing = opened.listing()
    wanted = {words.listed_in(opened, each)[1].directory for each in references}
    gone = {each for each in listing.artifacts if each.directory in wanted}
    if with_dependents:
        gone = {each for each in with_all(gone, listing) if each.path.parent.parent == opened.root}
    if not force:
        _check_needed(dependents(gone, listing))
        pinned = sorted(each.label for each in gone if (each.stage, each.short) in opened.marks.pins())
        if pinned:
            raise InputError(f"{', '.join(pinned[:5])} is pinned: unpin it first, or use --force")
    ordered = sorted(gone, key=lambda each: each.created, reverse=True)
    done = Removed(ordered) if dry_run else remove(opened, ordered, also_if_used=True)
    if as_json:
        result.print_json(_removed(done, dry_run))
    elif quiet:
        for each in done.artifacts:
            print(each.path)
    else:
        _print_removed(done.artifacts)
        verb = "would remove" if dry_run else "removed"
        print(wrapped(f"{verb} {_count(len(done.artifacts), 'artifact')}, {byte_size(done.size)}"))
    _check_busy(done)


def pin(
    references: _References,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Keep artifacts, and all that they were made from, whatever gc is told."""
    _mark(references, store, as_json, quiet, pinned=True)


def unpin(
    references: _References,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Let gc remove artifacts again."""
    _mark(references, store, as_json, quiet, pinned=False)


COMMANDS = {
    "gc": (gc, ("gc --dry-run --older-than 30d", "gc --keep-last 3", "gc --max-size 20GB")),
    "rm": (rm, ("rm 3f2a9c41", "rm prepare~1 --with-dependents --dry-run")),
    "pin": (pin, ("pin 3f2a9c41", "pin train@latest")),
    "unpin": (unpin, ("unpin 3f2a9c41",)),
}


def _mark(references: Sequence[str], store: Any, as_json: bool, quiet: bool, *, pinned: bool) -> None:
    from dancegen.store import open_store

    opened = open_store(store)
    found = [words.listed_in(opened, each)[1] for each in references]
    changed = [(opened.marks.pin if pinned else opened.marks.unpin)(each.stage, each.digest) for each in found]
    if as_json:
        said = [
            {"stage": each.stage, "digest": each.digest, "pinned": pinned, "changed": new}
            for each, new in zip(found, changed, strict=True)
        ]
        result.print_json({"artifacts": said})
    elif not quiet:
        for each, new in zip(found, changed, strict=True):
            state = ("pinned" if new else "was pinned already") if pinned else ("unpinned" if new else "was not pinned")
            print(wrapped(f"{each.label}: {state}"))


def _check_needed(needed: dict[Listed, list[Listed]]) -> None:
    """InputError, with who needs what, where something that stays was made from what is to go."""
    if not needed:
        return
    gone, users = next(iter(needed.items()))
    more = f" and {len(users) - 3} more" if len(users) > 3 else ""
    named = ", ".join(user.label for user in users[:3])
    raise InputError(
        f"{named}{more} was made from {gone.label}: remove both with --with-dependents, or only this with --force"
    )


def _check_busy(done: Removed) -> None:
    """Raises DoneInPart where something could not be removed."""
    left = [each.label for each in done.busy] + [str(path) for path in done.swept.failed]
    if left:
        raise DoneInPart(f"not removed, since it is in use or may not be changed: {', '.join(left[:5])}")


def _removed(done: Removed, dry_run: bool) -> dict[str, object]:
    """What was removed as JSON. Scripts rely on its keys."""
    removed = [
        {"stage": each.stage, "digest": each.digest, "path": each.directory, "size": each.size}
        for each in done.artifacts
    ]
    return {"dry_run": dry_run, "removed": removed, "freed": done.size, "busy": [each.digest for each in done.busy]}


def _print_removed(artifacts: Sequence[Listed]) -> None:
    digits = words.shown_digits(artifacts)
    rows = [
        (each.stage, each.digest[:digits], words.made_ago(each.created), byte_size(each.size))
        for each in artifacts[:_SHOWN]
    ]
    if rows:
        print("\n".join(words.table(("STAGE", "DIGEST", "AGE", "SIZE"), rows)))
    if len(artifacts) > _SHOWN:
        print(f"and {len(artifacts) - _SHOWN} more")


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
