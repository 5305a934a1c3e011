"""How an option is declared: a field of a frozen dataclass with all that a flag, a keyword, a form and a recipe need.

    @dataclass(frozen=True, kw_only=True)
    class DanceOptions(Options):
        fps: float = option(30.0, help="Frames a second.", metavar="FPS", parse=within(1, 120, "frames a second"))

Every option is part of the recipe unless it is declared otherwise: who forgets to say so gets a result that is made
anew too often, never a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from enum import Enum
from functools import cache
from pathlib import PurePath
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from dancegen.errors import InputError, choose_one
from dancegen.formatting import address
from dancegen.options.times import seconds_of
from dancegen.store.recipe import Input, Recipe

COMMON = "Common options"
"""The panel of the help that comes last."""

SMALLEST_SIDE, LARGEST_SIDE = 16, 4096
"""Pixels of a canvas or a video."""

Parse = Callable[[str, Any], Any]
"""From a flag and what a person gave to the value, or InputError that names the flag."""

Names = Sequence[str] | Callable[[], Sequence[str]]

Placed = Callable[[Any, Any, Any], Any]
"""From all options, the value of one, and the `store.Output` that the result is copied to: its value for that place."""

_SONGS = ("song", "songs", "music")
_LOCAL = (
    *_SONGS,
    "model",
    "init",
    "vgg",
    "sources",
    "inputs",
    "dataset",
    "poses",
    "reference",
    "dance",
    "retarget",
    "joints",
)
"""Options that no name on the hub of models stands for."""


class Role(Enum):
    """What an option is to the recipe of what it helps to make."""

    SETTING = "its value is part of the recipe"
    INPUT = "a file or an artifact: its content is part of the recipe"
    DERIVED = "part of the recipe through another parameter, which is worked out from it"
    HARMLESS = "cannot change the result"


@dataclass(frozen=True)
class Declared:
    """The declaration of one option.

    flag: None is the name with dashes. through: the parameter of a DERIVED one. names: what its value may be, for a
    shell to complete; all there are, or the usual ones. placed: what the place of the result says of it.
    """

    help: str
    metavar: str | None = None
    panel: str | None = None
    flag: str | None = None
    role: Role = Role.SETTING
    through: str | None = None
    argument: bool = False
    parse: Parse | None = None
    names: Names = ()
    placed: Placed | None = None


def option(
    default: Any = MISSING,
    *,
    help: str,
    metavar: str | None = None,
    panel: str | None = None,
    flag: str | None = None,
    role: Role = Role.SETTING,
    through: str | None = None,
    argument: bool = False,
    parse: Parse | None = None,
    names: Names = (),
    placed: Placed | None = None,
) -> Any:
    """A field of an Options class. Without a default it must be given. argument: by its place, not by a flag.

    names, placed: see Declared; the names of a `choice` are known.
    """
    if (through is not None) != (role is Role.DERIVED):
        raise TypeError("a derived option, and no other, says through which parameter it enters the recipe")
    names = names or (parse.names if isinstance(parse, Choice | Switch) else ())
    declared = Declared(help, metavar, panel, flag, role, through, argument, parse, names, placed)
    return field(default=default, metadata={"declared": declared})


def redeclared_of(options: type[Options], name: str, default: Any = None, **changes: Any) -> Any:
    """An option of another class with another default, or other changes to its declaration."""
    shared = next(each for each in fields(options) if each.name == name)
    return field(default=default, metadata={**shared.metadata, "declared": replace(declared(shared), **changes)})


@dataclass(frozen=True, kw_only=True)
class Options:
    """The base of every class of options. Values are parsed and checked as they come in. Raises InputError."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is None:
                continue
            parse = declared(each).parse
            if declared(each).role is Role.INPUT:
                _check_address(each, value)
            value = parse(flag_of(each), value) if parse is not None else _number(type(self), each, value)
            object.__setattr__(self, each.name, value)

    def given(self) -> tuple[str, ...]:
        """The names of the options that differ from their defaults."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name) != _default(type(self), each))

    def only(self, kind: type[Kind]) -> Kind:
        """The options of another class, as far as this one has them."""
        own = {each.name for each in fields(self)}
        return kind(**{each.name: getattr(self, each.name) for each in fields(kind) if each.name in own})


Kind = TypeVar("Kind", bound=Options)


def declared(each: Field) -> Declared:
    """The declaration behind a field of an Options class."""
    return each.metadata["declared"]


def flag_of(each: Field) -> str:
    """How a person writes an option: `--key-fps`, or SONG for an argument."""
    says = declared(each)
    if says.argument:
        return says.metavar or each.name.upper()
    return says.flag or f"--{each.name.replace('_', '-')}"


@cache
def kinds(options: type[Options]) -> Mapping[str, type]:
    """What a command line reads for each option: bool, int, float, str, or list for what may be given several times."""
    found = {name: _kind(hint) for name, hint in get_type_hints(options).items()}
    return found | {each.name: str for each in fields(options) if isinstance(declared(each).parse, Time | Switch)}


def _check_address(each: Field, value: Any) -> None:
    """InputError where an address stands for a file: nothing is downloaded but models that are named by their owner."""
    for item in value if isinstance(value, (tuple, list)) else (value,):
        found = address(item) if isinstance(item, (str, PurePath)) else None
        if found is None:
            continue
        _, _, host, *rest = found.split("/")
        if host.endswith("huggingface.co") and len(rest) >= 2 and each.name not in _LOCAL:
            advice = f"write a model of the hub as owner/name: {rest[0]}/{rest[1]}"
        elif each.name in _SONGS:
            advice = f"download it first, with yt-dlp say: yt-dlp -x --audio-format mp3 '{found}'"
        else:
            advice = "download it first, and give the file"
        flag = "" if declared(each).argument else f"{flag_of(each)} "
        raise InputError(f"{flag}{found} is an address, not a file here; {advice}")


def _kind(hint: Any) -> type:
    choices = get_args(hint) if get_origin(hint) is not tuple else (hint,)
    for choice in choices or (hint,):
        if get_origin(choice) is tuple and get_args(choice)[-1:] == (Ellipsis,):
            return list
    return next((kind for kind in (bool, int, float) if kind in (choices or (hint,))), str)


def _number(options: type[Options], each: Field, value: Any) -> Any:
    """The value as the type it is declared with: 30 and 30.0 are one recipe."""
    kind = kinds(options)[each.name]
    if kind is list:
        return (value,) if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if kind is str or (isinstance(value, bool) != (kind is bool)):
        return value
    try:
        return kind(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{flag_of(each)} {value}: a number is needed") from error


@cache
def _defaults(options: type[Options]) -> Mapping[str, Any]:
    """Every default as it is after parsing; what must be given has none."""
    found = {}
    for each in fields(options):
        value, parse = each.default, declared(each).parse
        if value is not MISSING and value is not None:
            value = parse(flag_of(each), value) if parse is not None else _number(options, each, value)
        found[each.name] = value
    return found


def _default(options: type[Options], each: Field) -> Any:
    return _defaults(options)[each.name]


def recipe_for(
    stage: str,
    version: int,
    options: Options,
    inputs: Mapping[str, Iterable[Input]] | None = None,
    **worked_out: object,
) -> Recipe:
    """The recipe of what a stage makes with these options.

    All of them are in it, but those that are declared HARMLESS. inputs: what is read, under the name of the option that
    names it; more may be there. worked_out: parameters of the stage's own, among them those that DERIVED options go
    into, and values that take the place of an option's own, such as the rate behind an --fps that was left out.

    Raises TypeError where an option that was given would be missing from the recipe: a fault of the stage.
    """
    given, params = inputs or {}, {}
    for each in fields(options):
        says, value = declared(each), getattr(options, each.name)
        if says.role is Role.SETTING:
            params[each.name] = plain(value)
        elif says.role is Role.INPUT and value not in (None, ()) and each.name not in given:
            raise TypeError(f"{stage} does not say what it reads for {each.name}")
        elif says.role is Role.DERIVED and says.through not in {*worked_out, *given}:
            raise TypeError(f"{stage} does not say {says.through}, through which {each.name} changes the result")
    return Recipe(stage, version, params | worked_out, tuple(item for items in given.values() for item in items))


def plain(value: Any) -> Any:
    """A value as a recipe writes it: tuples are lists."""
    return [plain(item) for item in value] if isinstance(value, tuple) else value


# How values are read


def within(low: float, high: float, unit: str = "") -> Parse:
    """A number from `low` to `high`, an int where both are."""
    whole = isinstance(low, int) and isinstance(high, int)

    def parse(flag: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{flag} {value}: a number is needed") from error
        if not low <= number <= high:
            raise InputError(f"{flag} {number:g}: choose {low:g} to {high:g}{unit and ' '}{unit}")
        return int(number) if whole else number

    return parse


def above(least: float) -> Parse:
    """A number over `least`."""

    def parse(flag: str, value: Any) -> Any:
        if not float(value) > least or float(value) == float("inf"):
            raise InputError(f"{flag} {value}: it must be more than {least:g}")
        return value

    return parse


@dataclass(frozen=True)
class Choice:
    """One of some names. otherwise: more words about a name that is none of them."""

    names: tuple[str, ...]
    otherwise: Callable[[str], str] = lambda value: ""

    def __call__(self, flag: str, value: Any) -> str:
        """The name. Raises InputError where it is another."""
        if str(value) not in self.names:
            raise InputError(f"{flag} {value}: {choose_one(value, self.names)}{self.otherwise(str(value))}")
        return str(value)


def choice(*names: str, otherwise: Callable[[str], str] = lambda value: "") -> Choice:
    """One of these names."""
    return Choice(names, otherwise)


@dataclass(frozen=True)
class Switch:
    """Off, which is None, or one of some names; without a name it is the first one."""

    names: tuple[str, ...]

    def __call__(self, flag: str, value: Any) -> str | None:
        """The name. Raises InputError where it is another."""
        if value is False:
            return None
        return Choice(self.names)(flag, self.names[0] if value is True else value)


def switch(*names: str) -> Switch:
    """A flag that may be followed by one of these names, and means the first one without."""
    return Switch(names)


def switches(options: type[Options]) -> Mapping[str, Switch]:
    """The flags of a class that may stand alone or before a name."""
    found = {flag_of(each): declared(each).parse for each in fields(options)}
    return {flag: parse for flag, parse in found.items() if isinstance(parse, Switch)}


def each_of(parse: Parse | None = None) -> Parse:
    """Each of several values, also where some are joined by commas."""

    def parse_all(flag: str, value: Any) -> tuple:
        parts = [part for item in ([value] if isinstance(value, str) else value) for part in _parts(item)]
        return tuple(parts if parse is None else (parse(flag, part) for part in parts))

    return parse_all


def _parts(item: Any) -> list:
    return [part.strip() for part in item.split(",") if part.strip()] if isinstance(item, str) else [item]


@dataclass(frozen=True)
class Time:
    """Seconds, from a number, "90" or "1:30"."""

    low: float = float("-inf")
    high: float = float("inf")

    def __call__(self, flag: str, value: Any) -> float:
        """The time. Raises InputError for what is none, or none within the bounds."""
        found = seconds_of(value)
        if found is None:
            raise InputError(f"{flag} {value}: write seconds or minutes:seconds, like 90 or 1:30")
        if not self.low <= found <= self.high:
            raise InputError(f"{flag} {value}: choose {self.low:g} to {self.high:g} seconds")
        return found


moment = Time()
"""Any time; what it may be is known once the song is."""


def lasting(low: float, high: float) -> Time:
    """So many seconds."""
    return Time(low, high)


def span(flag: str, value: Any) -> tuple[float, float]:
    """(from, to) in seconds from "12.0-20.5", "0:12-0:20.5" or a pair."""
    first, dash, last = value.partition("-") if isinstance(value, str) else (value[0], "-", value[1])
    found = seconds_of(first), seconds_of(last)
    if not dash or found[0] is None or found[1] is None or not 0 <= found[0] < found[1] < float("inf"):
        raise InputError(f"{flag} {value}: write from and to in the song, like 12.0-20.5 or 1:05-1:20")
    return found[0], found[1]


def metres(flag: str, value: Any) -> tuple[float, float] | None:
    """(width, depth) in metres from "3x4", "3" or a pair; None, without bounds, from "none"."""
    if value == "none":
        return None
    width, by, depth = value.lower().partition("x") if isinstance(value, str) else (value[0], "x", value[1])
    try:
        found = (float(width), float(depth)) if by else (float(width), float(width))
    except ValueError:
        raise InputError(f"{flag} {value}: write width and depth in metres, like 3x3") from None
    if not all(1 <= side <= 100 for side in found):
        raise InputError(f"{flag} {found[0]:g}x{found[1]:g}: choose 1 to 100 metres a side")
    return found


def stretch(flag: str, value: Any) -> tuple[float, float]:
    """(from, to) in seconds as `span`, or from the beginning to so many seconds."""
    alone = seconds_of(value) if isinstance(value, str | int | float) else None
    return span(flag, value) if alone is None else span(flag, (0.0, alone))


def shares(flag: str, value: Any) -> tuple[float, float]:
    """(from, to) from "0-0.8" or a pair: shares of a whole, the first less than the second."""
    try:
        low, high = (float(each) for each in (value.split("-") if isinstance(value, str) else value))
    except (TypeError, ValueError) as error:
        raise InputError(f"{flag} {value}: write where it begins and ends, like 0-0.8") from error
    if not 0 <= low < high <= 1:
        raise InputError(f"{flag} {low:g}-{high:g}: choose two numbers from 0 to 1, the larger one last")
    return low, high


def pixels(flag: str, value: Any) -> tuple[int, int]:
    """(width, height) from "WIDTHxHEIGHT" or a pair."""
    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", value.strip()) if isinstance(value, str) else None
    if isinstance(value, str) and not match:
        raise InputError(f"{flag} {value} is not WIDTHxHEIGHT, like 512x512")
    width, height = (int(match[1]), int(match[2])) if match else (int(value[0]), int(value[1]))
    if not (SMALLEST_SIDE <= width <= LARGEST_SIDE and SMALLEST_SIDE <= height <= LARGEST_SIDE):
        raise InputError(f"{flag} {width}x{height}: both sides must be {SMALLEST_SIDE} to {LARGEST_SIDE} pixels")
    return width, height
