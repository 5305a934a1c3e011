"""Settings of a family: frozen dataclasses in groups, of which presets, flags and `--set group.name=value` change some.

They are written to config.json and read back as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Protocol, TypeVar, get_args, get_origin, get_type_hints

from dancegen.errors import InputError, ModelError, choose_one, nearest
from dancegen.text import read_json

Kind = TypeVar("Kind")
RENAMED = {
    "train.metronome_steps": "train.beat_critic_steps",
    "train.led_share": "train.teacher_forcing",
    "loss.mood": "loss.style",
    "generator.mood": "generator.style",
    "loss.haste": "loss.acceleration",
    "denoiser.listen_every": "denoiser.cross_attention_every",
}
"""Settings as 0.1 called them."""

WITHOUT_END = 1_000_000
"""Epochs of a training that steps or minutes end."""
PRECISIONS = ("auto", "bf16", "fp32")


_LARGEST, _LONGEST = 1e9, 100
"""Of the numbers in a config.json, and of its lists."""


class Limits(Protocol):
    """What ends a training; None is no limit."""

    @property
    def epochs(self) -> int: ...

    @property
    def steps(self) -> int | None: ...

    @property
    def minutes(self) -> float | None: ...


class Config(Protocol):
    """A family's settings: a frozen dataclass whose field `train` holds those of the training."""

    @property
    def train(self) -> Any:
        """Has `Limits`, a `precision` and whatever the family's trainer reads."""

    def to_dict(self) -> dict[str, Any]:
        """As config.json and a recipe hold it."""
        ...


AnyConfig = TypeVar("AnyConfig", bound=Config)


def read_settings(path: Path) -> dict[str, Any]:
    """What a model's config.json says. Raises ModelError where there is none, or it is something else."""
    if not path.is_file():
        raise ModelError(f"{path.parent} is not a model: it has no {path.name}")
    said = read_json(path, "model's config.json", ModelError)
    if not isinstance(said, dict):
        raise ModelError(f"{path.parent} is not a model: its {path.name} cannot be read")
    return said


def build(kind: type[Kind], values: Mapping[str, Any], where: str = "") -> Kind:
    """The dataclass of settings that `dataclasses.asdict` gave. InputError names a setting that does not exist."""
    hints = get_type_hints(kind)
    if unknown := sorted(set(values) - set(hints)):
        raise InputError(
            f"config.json has settings this dancegen does not know: {', '.join(where + u for u in unknown)}"
        )
    made = {}
    for name, value in values.items():
        if is_dataclass(hints[name]) and not isinstance(value, Mapping):
            raise InputError(f"config.json has no settings under {where}{name}")
        if is_dataclass(hints[name]):
            made[name] = build(hints[name], value, f"{where}{name}.")
        else:
            made[name] = tuple(value) if isinstance(value, list) else value
            if not _is_of(hints[name], made[name]):
                raise InputError(f"config.json: {where}{name} cannot be {str(value)[:80]}")
    return kind(**made)


def _is_of(hint: Any, value: Any) -> bool:
    """Whether a value is of a setting's type and no larger than any setting is."""
    if get_origin(hint) is UnionType:
        return any(_is_of(each, value) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and len(value) <= _LONGEST and all(_is_of(int, each) for each in value)
    if hint in (int, float):
        kinds = int if hint is int else int | float
        return isinstance(value, kinds) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return value is None if hint is NoneType else isinstance(value, hint)


def configured(
    who: str,
    presets: Mapping[str, Kind],
    preset: str,
    names: Mapping[str, str],
    flags: Mapping[str, Any],
    settings: Iterable[str] = (),
) -> Kind:
    """A preset with what a person changed; steps or minutes alone lift the preset's limit on epochs.

    who: the family, as an error calls it. names: the setting (`train.batch`) that each flag stands for. flags: values
    by the option's name, None where not given. settings: `loss.l1=40` and the like.

    Raises InputError for an unknown preset, flag or setting, and for a setting that is given twice.
    """
    if preset not in presets:
        raise InputError(f"{who} has no preset {preset!r}; {choose_one(preset, presets)}")
    given = {name: value for name, value in flags.items() if value is not None}
    if unknown := [name for name in given if name not in names]:
        raise InputError(f"{', '.join(map(flag_of, unknown))}: {who} has no such setting")
    changed = {names[name]: value for name, value in given.items()}
    if "epochs" not in given and ("max_steps" in given or "minutes" in given):
        changed["train.epochs"] = WITHOUT_END
    config = presets[preset]
    for path, value in changed.items():
        config = _with(config, path, value)
    flag = {names[name]: flag_of(name) for name in given}
    for setting in settings:
        name = setting.partition("=")[0].strip()
        if name in flag:
            raise InputError(f"--set {setting} and {flag[name]} both give {name}: leave one of them out")
        config = change(config, setting)
    return config


def flag_of(name: str) -> str:
    """An option as it is written on a command line."""
    return f"--{name.replace('_', '-')}"


def change(config: Kind, setting: str) -> Kind:
    """The settings with one changed, written like `loss.l1=40` or `generator.channels=32,64,96`.

    InputError where there is no such setting or its value is of another kind.
    """
    path, equals, text = setting.partition("=")
    group, _, name = path.strip().partition(".")
    groups = [each.name for each in fields(config)]  # pyright: ignore[reportArgumentType]
    part = getattr(config, group) if group in groups else None
    if not equals or part is None or name not in {each.name for each in fields(part)}:
        known = [f"{each}.{one.name}" for each in groups for one in fields(getattr(config, each))]
        now = RENAMED.get(path.strip()) or nearest(path.strip(), known)
        meant = f"did you mean {now}? " if now in known and now != path.strip() else ""
        raise InputError(
            f"--set {setting}: there is no such setting; {meant}write NAME=VALUE, where NAME is one of "
            f"{', '.join(known)}"
        )
    try:
        value = _parse(text.strip(), get_type_hints(type(part))[name])
    except ValueError:
        raise InputError(f"--set {setting}: {text!r} does not fit a setting like {getattr(part, name)!r}") from None
    return _with(config, f"{group}.{name}", value)


def _with(config: Kind, path: str, value: Any) -> Kind:
    group, _, name = path.partition(".")
    return replace(config, **{group: replace(getattr(config, group), **{name: value})})  # pyright: ignore


def _parse(text: str, kind: Any) -> Any:
    if kind is bool:
        return ("false", "true").index(text.lower()) == 1
    if get_origin(kind) is tuple:
        return tuple(int(item) for item in text.split(","))
    if get_origin(kind) is UnionType:
        return None if text.lower() == "none" else _parse(text, get_args(kind)[0])
    return kind(text)


# What every family's settings must be


def check_training(train: Any, positive: Iterable[str]) -> None:
    """InputError for training settings, by name, that are not more than 0 (None is no limit), and for a precision or
    an accent that nothing can be trained with."""
    from dancegen.choreographers.augmentation import check_accent

    check_precision(train.precision)
    check_accent(train.accent)
    for name in positive:
        value = getattr(train, name)
        if value is not None and not 0 < value < float("inf"):
            raise InputError(f"{flag_of(_FLAGS.get(name, name))} {value}: it must be more than 0")


_FLAGS = {"steps": "max_steps"}


def check_loss(loss: Any) -> None:
    """InputError for weights of loss terms that are less than 0."""
    for name, value in vars(loss).items():
        if not 0 <= value < float("inf"):
            raise InputError(f"the loss setting {name} is {value:g}: it must be 0 or more")


def check_precision(precision: str) -> None:
    """InputError for what is not one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise InputError(f"train.precision is {precision!r}: choose one of {', '.join(PRECISIONS)}")
