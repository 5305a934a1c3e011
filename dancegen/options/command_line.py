"""The command line that says the same as the keywords of a function."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dancegen.options.declare import Options, declared, flag_of, kinds
from dancegen.options.verbs import verb_named


def command_line(verb: str, keywords: Mapping[str, Any]) -> str:
    """The command line that does the same, ready to be pasted into a shell."""
    places, flags = [], []
    options = verb_named(verb).options()
    declarations = {each.name: each for each in fields(options)}
    for name, value in keywords.items():
        each = declarations.get(name)
        if value is None or value is False or value == "" or value == ():
            continue
        values = [written(item) for item in value] if _is_several(options, name, value) else [written(value)]
        if each is not None and declared(each).argument:
            places += values
        else:
            flag = flag_of(each) if each is not None else f"--{name}"
            flags += [flag] if value is True else [word for item in values for word in (flag, item)]
    return shlex.join(["dancegen", verb, *places, *flags])


def _is_several(options: type[Options], name: str, value: Any) -> bool:
    return isinstance(value, tuple | list) and kinds(options).get(name) is list


def written(value: Any) -> str:
    """A value as it is written behind a flag."""
    if isinstance(value, tuple | list):  # a span in a song, or a size
        return ("-" if any(isinstance(item, float) for item in value) else "x").join(f"{item:g}" for item in value)
    return f"{value:g}" if isinstance(value, float) and f"{value:g}" == str(value).removesuffix(".0") else str(value)
