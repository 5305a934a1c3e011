"""The command that makes an artifact again, from its manifest and the declared options of its verb."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, InputError
from dancegen.options.data import TrainOptions
from dancegen.options.declare import Options, Role, declared, flag_of, plain
from dancegen.options.verbs import VERBS, Verb

if TYPE_CHECKING:
    from dancegen.store import Artifact, Input, Manifest
    from dancegen.store.listing import Listing

_DERIVED = {"views": "views"}
"""Options whose worked-out parameter is written as they are, by the parameter's name."""


def command_of(made: Artifact | Manifest, listing: Listing) -> str:
    """The command line that makes an artifact again, ready for a shell.

    Where a file lies is not written down: it is named as it was called. What is made on the way to something else is
    made by the command for that. "" where none is known.
    """
    verb = next((each for each in VERBS if each.name == made.stage), None)
    if verb is None:
        return ""
    said = _said_by_video(made) if verb.name == "render" else ""
    return said or shlex.join(["dancegen", verb.name, *_words(verb, made, listing)])


def model_of(made: Artifact | Manifest, listing: Listing) -> str:
    """What danced, as --model names it: a bundled model, a baseline, or a training of the store."""
    items = [item for item in made.inputs if item.role in ("model", "weights")]
    return _model(items[0], listing) if items else ""


def _said_by_video(made: Artifact | Manifest) -> str:
    """A video says itself which command made it: also one painted by an engine that is not installed."""
    from dancegen.store import Artifact
    from dancegen.video import probe_video

    if not isinstance(made, Artifact):
        return ""
    video = next((entry.path for entry in made.files if entry.path.endswith(".mp4")), None)
    try:
        return "" if video is None else probe_video(made.path / video).metadata.get("command", "")
    except DancegenError:
        return ""


def _words(verb: Verb, made: Artifact | Manifest, listing: Listing) -> list[str]:
    usual = _usual(verb.options())
    places, flags = [], []
    for each in fields(usual):
        says = declared(each)
        if says.role is Role.INPUT:
            values = _inputs(each, made, listing)
        elif says.role is Role.SETTING or each.name in _DERIVED:
            values = _setting(usual, each, made.params)
        else:
            values = []
        if says.argument:
            places += values
        else:
            flags += [word for value in values for word in ([flag_of(each), value] if value else [flag_of(each)])]
    return [*places, *flags, *(_training(made.params) if verb.name == "train" else [])]


def _training(params: dict[str, Any]) -> list[str]:
    """The preset that is nearest to a training's settings, and those that it has otherwise."""
    from dancegen.choreographers.registry import FAMILIES

    family = FAMILIES.get(params.get("family", ""))
    if family is None:
        return []
    wanted, offers = _settings(params.get("config", {})), []
    for preset in family.presets:
        usual = _settings(family.configure(preset, {}).to_dict())
        changed = [name for name, value in wanted.items() if name in usual and usual[name] != value]
        offers.append((len(changed), preset, changed))
    _, preset, changed = min(offers)
    settings = [word for name in changed for word in ("--set", f"{name}={_setting_text(wanted[name])}")]
    return [*([] if preset == TrainOptions.preset else ["--preset", preset]), *settings]


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    """A training's settings by their names on the command line, such as loss.l1."""
    return {f"{group}.{name}": plain(value) for group, part in config.items() if isinstance(part, dict)
            for name, value in part.items()}  # fmt: skip


def _setting_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else repr(value).strip("'")


def _usual(kind: type[Options]) -> Options:
    """Options of which only what must be given is given."""
    return kind(**{each.name: "x" for each in fields(kind) if each.default is MISSING})


def _setting(usual: Options, each: Field, params: dict[str, Any]) -> list[str]:
    """The values to write behind an option's flag: none where it is as usual, "" where the flag alone says it."""
    value = params.get(each.name, plain(getattr(usual, each.name)))
    if value == plain(getattr(usual, each.name)) or (each.name == "views" and value == _views(usual)):
        return []
    if value is True:
        return [""]
    for text in _written(value):
        try:
            if plain(getattr(replace(usual, **{each.name: text}), each.name)) == value:
                return [text]
        except (InputError, ValueError, TypeError):
            continue
    return [next(_written(value))]


def _views(usual: Any) -> list[int]:
    return [int(degrees) for degrees in str(usual.views).split(",")]


def _written(value: Any) -> Iterator[str]:
    """The ways in which a value may be written: one of them is read as that value again."""
    if value is None:
        yield "none"
    elif isinstance(value, list):
        parts = [next(_written(item)) if not isinstance(item, list) else _span(item) for item in value]
        yield from (mark.join(parts) for mark in (",", "x", "-"))
    elif isinstance(value, float):
        yield f"{value:g}"
        yield repr(value)
    else:
        yield str(value)


def _span(pair: list) -> str:
    """A span as FROM-TO, or with a third number as FROM-TO=RATE."""
    first, last, *rate = (repr(float(item)) for item in pair)
    return "=".join([f"{first}-{last}", *rate])


def _inputs(each: Field, made: Artifact | Manifest, listing: Listing) -> list[str]:
    """How to name what an option read."""
    if each.name == "model":
        model = model_of(made, listing)
        return [] if model in ("", each.default) else [model]
    names = {each.name, each.name.replace("_", "-"), each.name.rstrip("s")}
    kinds = {"sources": ("motion",), "music": ("song",), "joints": ("joint names",), "pass_pose": ("pass_pose",)}.get(
        each.name, ()
    )
    items = [
        item for item in made.inputs if item.role in names or any(item.role.startswith(f"{kind} ") for kind in kinds)
    ]
    named = [_named(item, made, listing) for item in items]
    return list(dict.fromkeys(named))


def _named(item: Input, made: Artifact | Manifest, listing: Listing) -> str:
    if item.kind == "artifact":
        found = listing.source(item)
        return item.name.rpartition("/")[2] if found is None else found.short
    if item.role == "song" and _is_bundled("demo", item.digest):
        return "demo"
    role, _, when = item.role.partition(" ")
    held = listing.holding(item.digest) if role in ("edit", "start_pose", "end_pose", "pass_pose") else None
    moment = made.params.get(f"{item.role}_s")
    named = item.name if held is None else f"{held[0].short}@{moment:g}" if moment else held[0].short
    return f"{when}={named}" if role == "pass_pose" else named


def _model(item: Input, listing: Listing) -> str:
    from dancegen.choreographers import BUNDLED, WEIGHTS
    from dancegen.store import file_digest

    if item.kind == "weights":
        return item.name.partition("@")[0]
    from dancegen.assets import asset

    for name in BUNDLED:
        weights = asset(f"models/{name}") / WEIGHTS
        if weights.is_file() and file_digest(weights) == item.digest:
            return name
    held = listing.holding(item.digest)
    return "MODEL" if held is None else str(held[0].short)


def _is_bundled(name: str, digest: str) -> bool:
    from dancegen.stages.songs import song_path
    from dancegen.store import file_digest

    path = song_path(name)
    return PurePath(path).suffix != "" and path.is_file() and file_digest(path) == digest
