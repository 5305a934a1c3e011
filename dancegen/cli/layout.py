"""Lines that fit the terminal; where there is none, lines of any length, one for each thing, for other programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterable

_NARROW = 24
"""Columns that words need at least to be read as lines."""


def screen_width() -> int | None:
    """How many columns there are: the terminal's, or what COLUMNS says; None where nobody looks at a screen."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return max(shutil.get_terminal_size().columns, _NARROW)


def wrapped(text: str, indent: str = "") -> str:
    """A sentence in as many lines as it needs, those after the first indented. No word is broken, as no path may be."""
    width = screen_width()
    if width is None or len(text) <= width:
        return text
    return "\n".join(_filled(text, width, indent))


def in_columns(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Names and values in two columns. What its column does not hold goes on below, a long path below its name."""
    rows = list(rows)
    column = max((len(name) for name, _ in rows), default=0)
    width = screen_width()
    lines = []
    for name, value in rows:
        beginning = f"  {name:<{column}}  "
        if width is None or len(beginning) + len(value) <= width:
            lines.append(beginning + value)
            continue
        longest = max(map(len, value.split()), default=0)
        if len(beginning) + longest <= width and width - len(beginning) >= _NARROW:
            lines += _filled(beginning + value, width, " " * len(beginning))
        else:
            lines += [f"  {name}", *_filled(f"    {value}", width, "    ")]
    return lines


def _filled(text: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
