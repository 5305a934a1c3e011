"""Why two results differ: the stage's version, the inputs and the parameters that do, and in which words to say it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dancegen.store.artifact import Artifact
from dancegen.store.hashing import encode
from dancegen.store.manifest import FileEntry, Manifest, plain, versions
from dancegen.store.recipe import Input, Recipe

Source = Callable[[Input], Manifest | None]
"""From an input that is an artifact to what is known of how that was made."""

STAGE, VERSION, INPUT, PARAMETER, FILE, LIBRARY = "stage", "version", "input", "parameter", "file", "library"
"""Kinds of differences, in the order in which they are told."""

_ABSENT: Any = object()
_DEEPEST = 8
"""So many artifacts one behind the other are explained: more than there are stages."""


@dataclass(frozen=True)
class Difference:
    """One thing in which two results differ.

    name: of the parameter (with dots), the input's role, the file or the library. before, after: the values, or None
    where there is none on that side; of an input its `Input`, of a file its SHA-256 hex. because: of an input that is
    an artifact, in what the two were made differently.
    """

    kind: str
    name: str
    before: Any = None
    after: Any = None
    missing: str = ""
    """"before" or "after" where one side has no such thing: None is a value as well."""
    because: tuple[Difference, ...] = field(default=())

    @property
    def decides(self) -> bool:
        """Whether it makes another result be asked for. Libraries are written down and decide nothing."""
        return self.kind in (STAGE, VERSION, INPUT, PARAMETER)

    def words(self) -> str:
        """It as a part of a sentence."""
        return _WORDS[self.kind](self)

    def lines(self, depth: int = 0) -> list[str]:
        """It and what lies behind it, a line each, indented by depth."""
        deeper = [line for each in self.because for line in each.lines(depth + 1)]
        return [f"{'  ' * depth}{self.words()}", *deeper]

    def to_dict(self) -> dict[str, Any]:
        """It as JSON holds it. Scripts rely on its keys."""
        return {
            "kind": self.kind,
            "name": self.name,
            "before": _as_json(self.before),
            "after": _as_json(self.after),
            "words": self.words(),
            "because": [each.to_dict() for each in self.because],
        }


def differences(before: Manifest, after: Manifest | Recipe, source: Source | None = None) -> list[Difference]:
    """In what `after` differs from `before`, what decides first.

    A recipe that has not run is compared with the libraries that are installed now. Where all that decides is equal
    and both have run, also the files that came out otherwise. source: explains inputs that are artifacts.
    """
    return _compared(before, after, source or (lambda _: None), _DEEPEST)


def newest_other(recipe: Recipe, artifacts: Iterable[Artifact]) -> Artifact | None:
    """The newest artifact of a recipe's stage that another recipe made: what a person compares with; None without."""
    others = [each for each in artifacts if each.stage == recipe.stage and each.digest != recipe.digest]
    return max(others, key=lambda each: (each.created, each.digest), default=None)


def _compared(before: Manifest, after: Manifest | Recipe, source: Source, depth: int) -> list[Difference]:
    version = after.stage_version if isinstance(after, Manifest) else after.version
    found = []
    if before.stage != after.stage:
        found.append(Difference(STAGE, "stage", before.stage, after.stage))
    elif before.stage_version != version:
        found.append(Difference(VERSION, after.stage, before.stage_version, version))
    found += _of_inputs(before.inputs, after.inputs, source, depth)
    found += _of_values(PARAMETER, _flat(before.params), _flat(plain(after.params)))
    if isinstance(after, Manifest) and not found:
        found += _of_files(before.files, after.files)
    return found + _of_values(LIBRARY, before.versions, after.versions if isinstance(after, Manifest) else versions())


def _of_values(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    found = []
    for name in sorted({*before, *after}):
        one, other = before.get(name, _ABSENT), after.get(name, _ABSENT)
        if one is _ABSENT:
            found.append(Difference(kind, name, None, other, missing="before"))
        elif other is _ABSENT:
            found.append(Difference(kind, name, one, None, missing="after"))
        elif encode(one) != encode(other):  # 1, 1.0 and True are three recipes
            found.append(Difference(kind, name, one, other))
    return found


def _of_files(before: Iterable[FileEntry], after: Iterable[FileEntry]) -> list[Difference]:
    return _of_values(FILE, {each.path: each.sha256 for each in before}, {each.path: each.sha256 for each in after})


def _of_inputs(
    before: Iterable[Input], after: Iterable[Input], source: Source, depth: int
) -> list[Difference]:  # fmt: skip
    """Inputs of a role are paired by what they hold, then by their names, then as they come."""
    old, new = list(before), list(after)
    found = []
    for role in dict.fromkeys(each.role for each in (*old, *new)):
        gone = [each for each in old if each.role == role]
        come = [each for each in new if each.role == role]
        _paired(gone, come, lambda each: each.digest)
        pairs = _paired(gone, come, lambda each: each.name)
        pairs += zip(gone, come, strict=False)
        found += [
            Difference(INPUT, role, one, other, because=_behind(one, other, source, depth)) for one, other in pairs
        ]
        both = min(len(gone), len(come))
        found += [Difference(INPUT, role, one, None, missing="after") for one in gone[both:]]
        found += [Difference(INPUT, role, None, other, missing="before") for other in come[both:]]
    return found or _of_order(old, new)


def _of_order(old: list[Input], new: list[Input]) -> list[Difference]:
    """The same inputs in another order are another recipe."""
    if [(each.role, each.digest) for each in old] == [(each.role, each.digest) for each in new]:
        return []
    return [Difference(INPUT, "order of inputs", [each.name for each in old], [each.name for each in new])]


def _paired(gone: list[Input], come: list[Input], key: Callable[[Input], str]) -> list[tuple[Input, Input]]:
    """Pairs with one key, taken out of both lists."""
    pairs = []
    for one in list(gone):
        other = next((each for each in come if key(each) == key(one)), None)
        if other is not None:
            pairs.append((one, other))
            gone.remove(one)
            come.remove(other)
    return pairs


def _behind(one: Input, other: Input, source: Source, depth: int) -> tuple[Difference, ...]:
    if not depth or (one.kind, other.kind) != ("artifact", "artifact"):
        return ()
    made, remade = source(one), source(other)
    return () if made is None or remade is None else tuple(_compared(made, remade, source, depth - 1))


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Parameters by their names with dots, so that of many settings the one is named that differs."""
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


# In words


def _version_words(each: Difference) -> str:
    return f"this dancegen makes {each.name} in another way (version {each.before} before, {each.after} now)"


def _input_words(each: Difference) -> str:
    one, other = each.before, each.after
    if each.missing:
        return f"{each.name}: {(one or other).name} {'is new' if other else 'is no longer given'}"
    if isinstance(one, list):
        return "the same inputs are given in another order"
    if one.name == other.name:
        return f"{each.name}: {one.name} has other content than before"
    return f"{each.name}: {one.name} before, {other.name} now"


def _value_words(each: Difference) -> str:
    if each.missing:
        return f"{each.name}: {_shown(each.after)} now, not there before" if each.missing == "before" else (
            f"{each.name}: {_shown(each.before)} before, not there now"
        )  # fmt: skip
    return f"{each.name}: {_shown(each.before)} before, {_shown(each.after)} now"


def _file_words(each: Difference) -> str:
    if each.missing:
        return f"{each.name} {'was not there before' if each.missing == 'before' else 'is no longer there'}"
    return f"{each.name} came out otherwise, though it was made from the same"


_WORDS: Mapping[str, Callable[[Difference], str]] = {
    STAGE: lambda each: f"they are results of two stages: {each.before} and {each.after}",
    VERSION: _version_words,
    INPUT: _input_words,
    PARAMETER: _value_words,
    FILE: _file_words,
    LIBRARY: lambda each: f"library {_value_words(each)}",
}


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "nothing"
    return repr(value) if value == "" else str(value)


def _as_json(value: Any) -> Any:
    return {"kind": value.kind, "name": value.name, "digest": value.digest} if isinstance(value, Input) else value
