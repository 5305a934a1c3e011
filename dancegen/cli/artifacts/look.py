"""artifacts ls and show: what there is, and what made it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dancegen.cli import result
from dancegen.cli.artifacts import words
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.cli.layout import wrapped
from dancegen.errors import InputError, NotFoundError
from dancegen.formatting import byte_size, duration

if TYPE_CHECKING:
    from dancegen.store import Artifact, Store
    from dancegen.store.lineage import Origin
    from dancegen.store.listing import Listed, Listing

_SHOWN_ORIGINS = 6
"""Inputs of one role that a lineage shows; a dataset is made from hundreds of files."""
_SHOWN_FILES = 20
_SHOWN_NAMES = 3


class Order(str, Enum):
    """What a list is sorted by."""

    age = "age"
    size = "size"
    stage = "stage"
    used = "used"


def list_artifacts(
    stage: Annotated[str | None, typer.Option(metavar="STAGE", help="Only results of this stage.")] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Only those whose name has TEXT in it.")] = None,
    older_than: Annotated[str | None, typer.Option(metavar="AGE", help="Only those made before: 30d, 2w, 12h.")] = None,
    pinned: Annotated[bool, typer.Option("--pinned", help="Only those that are pinned.")] = False,
    sort: Annotated[Order, typer.Option(help="age (oldest first), size, stage or used (longest unused first).")] = (
        Order.age
    ),
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """List the artifacts: stage, digest, age, size, name, and what was made from each."""
    from dancegen.store import open_store

    opened = open_store(store)
    listing = opened.listing()
    if stage is not None and stage not in listing.stages:
        _check_stage(stage, listing, opened)
    names, pins = opened.marks.names(), opened.marks.pins()
    found = [each for each in listing.artifacts if stage in (None, each.stage)]
    if name is not None:
        found = [each for each in found if any(name.casefold() in own.casefold() for own in _names(each, names))]
    if older_than is not None:
        least = words.days("--older-than", older_than) or 0.0
        found = [each for each in found if words.days_since(each.created) >= least]
    if pinned:
        found = [each for each in found if (each.stage, each.short) in pins]
    found = _sorted(found, sort)
    for path, reason in listing.unusable:
        if stage in (None, path.parent.name):
            print(f"warning: {path} is damaged and will be made again when asked for: {reason}", file=sys.stderr)
    if as_json:
        listed = [_listed(each, listing, names, pins) for each in found]
        result.print_json({"store": str(opened.root), "artifacts": listed})
    elif quiet:
        for each in found:
            print(each.path)
    elif not listing.artifacts:
        print(f"nothing in {opened.root} yet; make something with: dancegen dance demo")
    elif not found:
        print("nothing fits; leave one of the filters out")
    else:
        print("\n".join(_lines(found, listing, names, pins)))


def show_artifact(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="ARTIFACT", help="Its path, digest or name, train@latest, train~1, or a file that was copied out."
        ),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what made an artifact, where that came from, and the command that makes it again."""
    from dancegen.store import open_store

    opened = open_store(store)
    if Path(reference).is_file():
        _show_file(Path(reference), opened, as_json, quiet)
        return
    artifact = opened.look_up(reference)
    if as_json:
        result.print_json(_shown(artifact, opened))
    elif quiet:
        print(artifact.path)
    else:
        _print_details(artifact, opened)


COMMANDS = {
    "ls": (list_artifacts, ("ls", "ls --stage train --json", "ls --sort size --older-than 30d")),
    "show": (show_artifact, ("show 3f2a9c41", "show train@latest", "show film.mp4")),
}


# ls


def _check_stage(stage: str, listing: Listing, store: Store) -> None:
    """InputError, with the stages there are, for a stage that there is not."""
    from dancegen.options.verbs import VERBS

    known = {verb.name for verb in VERBS} - {"dance"}
    if stage not in known:
        there = ", ".join(listing.stages) or ", ".join(sorted(known))
        raise InputError(f"--stage {stage}: there is no such stage in {store.root}; there are {there}")


def _sorted(found: list[Listed], order: Order) -> list[Listed]:
    if order is Order.size:
        return sorted(found, key=lambda each: -each.size)
    if order is Order.stage:
        return sorted(found, key=lambda each: each.stage)
    return sorted(found, key=lambda each: each.used_s) if order is Order.used else found


def _names(each: Listed, names: dict) -> list[str]:
    return names.get((each.stage, each.short), [])


def _listed(each: Listed, listing: Listing, names: dict, pins: set) -> dict[str, object]:
    """An artifact of a list as JSON. Scripts rely on its keys."""
    return {
        "stage": each.stage,
        "digest": each.digest,
        "content": each.content,
        "path": each.directory,
        "cached": True,
        "duration_s": each.duration_s,
        "summary": each.summary,
        "created": each.created,
        "size": each.size,
        "names": _names(each, names),
        "pinned": (each.stage, each.short) in pins,
        "used_by": [user.digest for user in listing.users.get(each.content, [])],
    }


def _lines(found: list[Listed], listing: Listing, names: dict, pins: set) -> list[str]:
    digits = words.shown_digits(found)
    users = {content: _counted(by) for content, by in listing.users.items()}
    rows = []
    for each in found:
        marks = [*_names(each, names), *(["(pinned)"] if (each.stage, each.short) in pins else [])]
        said = (each.stage, each.digest[:digits], words.made_ago(each.created), byte_size(each.size))
        rows.append((*said, " ".join(marks), users.get(each.content, "")))
    return words.table(("STAGE", "DIGEST", "AGE", "SIZE", "NAME", "USED BY"), rows)


def _counted(users: Iterable[Listed]) -> str:
    """2 render, evaluate."""
    stages = Counter(user.stage for user in users)
    return ", ".join(f"{count} {stage}" if count > 1 else stage for stage, count in stages.items())


# show


def _shown(artifact: Artifact, store: Store) -> dict[str, Any]:
    """An artifact as JSON: its manifest and what the store knows of it. Scripts rely on its keys."""
    from dancegen.stages.own_command import command_of
    from dancegen.store.lineage import origins

    listing, place = store.listing(), (artifact.stage, artifact.digest[:16])
    return artifact.manifest.to_dict() | {
        "path": str(artifact.path),
        "names": store.marks.names().get(place, []),
        "pinned": place in store.marks.pins(),
        "command": command_of(artifact, listing),
        "lineage": [each.to_dict() for each in origins(artifact.inputs, listing)],
        "used_by": [user.digest for user in listing.users.get(artifact.content, [])],
    }


def _print_details(artifact: Artifact, store: Store) -> None:
    from dancegen.stages.own_command import command_of
    from dancegen.store.lineage import origins

    listing, place = store.listing(), (artifact.stage, artifact.digest[:16])
    names = store.marks.names().get(place, [])
    users = [f"{user.stage} {user.digest[:8]}" for user in listing.users.get(artifact.content, [])]
    print(wrapped(f"{artifact.stage} {artifact.digest}"))
    result.print_rows(
        [
            *([("name", ", ".join(names))] if names else []),
            *([("pinned", "yes")] if place in store.marks.pins() else []),
            ("in", str(artifact.path)),
            ("content", artifact.content),
            ("made", f"{artifact.created[:16].replace('T', ' ')} UTC, in {duration(artifact.duration_s)}"),
            ("size", f"{byte_size(artifact.size)} in {len(artifact.files)} files"),
            ("versions", result.figure(artifact.versions)),
            ("used by", ", ".join(users[:_SHOWN_FILES]) or "nothing"),
            ("again", command_of(artifact, listing)),
        ]
    )
    tree = list(_tree(origins(artifact.inputs, listing)))
    if tree:
        print("from")
        print("\n".join(wrapped(line, " " * (len(line) - len(line.lstrip()) + 2)) for line in tree))
    _print_section("parameters", [(key, result.figure(value)) for key, value in artifact.params.items()])
    _print_section("summary", [(key, result.figure(value)) for key, value in result.plain_summary(artifact).items()])
    _print_section("files", [(entry.path, byte_size(entry.size)) for entry in artifact.files[:_SHOWN_FILES]])
    if len(artifact.files) > _SHOWN_FILES:
        print(f"  and {len(artifact.files) - _SHOWN_FILES} more")


def _tree(found: tuple[Origin, ...], depth: int = 1):
    """A line for each input, and below it for what that was made from."""
    files = [each for each in found if each.artifact is None and not each.lost]
    hidden = set(map(id, files[_SHOWN_ORIGINS:]))
    for each in found:
        if id(each) in hidden:
            continue
        lost = "  (no longer in the store)" if each.lost else ""
        yield f"{'  ' * depth}{each.item.role}: {each.item.name}  {each.item.digest[:16]}{lost}"
        yield from _tree(each.origins, depth + 1)
    if hidden:
        yield f"{'  ' * depth}and {len(hidden)} files more"


def _print_section(title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        print(title)
        result.print_rows(rows)


# Files that were copied out


def _show_file(path: Path, store: Store, as_json: bool, quiet: bool) -> None:
    """A file is found in the store by its bytes, a video also by what it says of itself, wherever it has gone."""
    from dancegen.store import file_digest
    from dancegen.video import VIDEO_SUFFIXES, probe_video

    said = probe_video(path).metadata if path.suffix.lower() in VIDEO_SUFFIXES else {}
    found = store.listing().holding(file_digest(path))
    artifact = _of_file(store, said.get("digest") if found is None else found[0].digest)
    if "digest" not in said and artifact is None:
        if path.suffix.lower() in VIDEO_SUFFIXES:
            raise InputError(f"{path} does not say what made it: it is no video of dancegen's, or it was changed since")
        raise InputError(f"{path} is no file of the store {store.root}: it is not dancegen's, or it was changed since")
    about = {name: said[name] for name in ("digest", "command", "prompt", "seed", "models") if said.get(name)}
    about |= _about(artifact, store, about) if artifact is not None else {}
    if as_json:
        result.print_json(about | {"path": str(path), "artifact": None if artifact is None else str(artifact.path)})
    elif quiet:
        print(about["digest"])
    else:
        where = f"{artifact.stage} {artifact.digest[:16]}" if artifact is not None else "no longer in this store"
        print(
            wrapped(f"{path.name}, of {where}, made with:" if artifact else f"{path.name} ({where}), made with:", "  ")
        )
        result.print_rows([(key, str(value)) for key, value in about.items()])


def _of_file(store: Store, digest: str | None) -> Artifact | None:
    try:
        return None if digest is None else store.look_up(digest)
    except (NotFoundError, InputError):
        return None


def _about(artifact: Artifact, store: Store, said: dict[str, str]) -> dict[str, str]:
    """Song, seed, model and command, from the artifact and those behind it."""
    from dancegen.stages.own_command import command_of, model_of
    from dancegen.store import Artifact as Stored
    from dancegen.store.lineage import with_origins
    from dancegen.store.listing import listed_of

    listing = store.listing()
    about = {"digest": artifact.digest, "command": said.get("command") or command_of(artifact, listing)}
    for each in sorted(with_origins([listed_of(artifact)], listing), key=lambda one: one.created, reverse=True):
        manifest = Stored.read(each.path).manifest
        song = next((item.name for item in manifest.inputs if item.role == "song" and item.kind == "file"), None)
        if song is not None and "song" not in about:
            about |= {"song": song, "model": model_of(manifest, listing), "dance": command_of(manifest, listing)}
            about.setdefault("seed", str(manifest.params.get("seed", "")))
    return {key: value for key, value in about.items() if value}
