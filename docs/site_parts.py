"""What the website has beside the pages as they are written: options, signatures, model cards and the changelog.

A page marks the place, and what a reader of the bare file sees there:

    <!-- options generate-poses -->
    `dancegen generate-poses --help`
    <!-- end -->

`conf.py` has every page filled when the site is built; the tests fill them without it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"^<!-- (options|signature|include) (\S+) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)
USUAL_PANEL = "Options"
PAGES = {
    "Dance": ("make-a-dance", "steer-and-edit", "film-it"),
    "Models of your own": ("your-own-footage", "train", "evaluate", "scale-out"),
    "Reference": ("commands", "python", "store"),
    "Background": ("how-it-works", "models", "ablation", "limits", "licences"),
    "Project": ("contributing", "changelog"),
}
"""The menu of the site: all pages but the first."""


def filled(markdown: str) -> str:
    """A page with all its places filled. Raises KeyError, AttributeError or OSError for what does not exist."""
    makers = {"options": option_tables, "signature": signature, "include": included}
    return PLACE.sub(lambda found: makers[found[1]](found[2]), markdown)


def option_tables(command: str) -> str:
    """What a command says about itself, and a table for each panel of its options. `artifacts-ls`: a subcommand."""
    found, panels = _command(command), {}
    for parameter in found.params:
        if "--help" not in parameter.opts:
            panels.setdefault(getattr(parameter, "rich_help_panel", None) or USUAL_PANEL, []).append(parameter)
    parts = [_text(found.help)]
    parts += [_table(panel, parameters) for panel, parameters in panels.items()]
    return "\n\n".join(parts)


def _command(name: str) -> Any:
    import typer

    from dancegen.cli import build_app

    commands = typer.main.get_command(build_app()).commands
    group, dash, subcommand = name.partition("-")
    return commands[group].commands[subcommand] if dash and group == "artifacts" else commands[name]


def _table(panel: str, parameters: Iterable[Any]) -> str:
    rows = [f"| {_name(each)} | {_text(each.help)}{_default(each)} |" for each in parameters]
    return "\n".join([f"**{panel}**\n", "| option | what it is |", "|---|---|", *rows])


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    metavar = f" {parameter.metavar}" if parameter.metavar else ""
    return ", ".join(f"`{name}{metavar}`".replace("|", "\\|") for name in sorted(parameter.opts, key=len, reverse=True))


def _default(parameter: Any) -> str:
    default = getattr(parameter.default, "value", parameter.default)
    if default in (None, False, (), []) or callable(default) or type(default).__name__ == "Sentinel":
        return ""
    return f" Default: `{default:g}`" if isinstance(default, float) else f" Default: `{default}`"


def _text(help_text: str | None) -> str:
    return (help_text or "").strip().replace("|", "\\|").replace("<", "&lt;")


def signature(function: str) -> str:
    """How a function of `dancegen` is called, one keyword a line."""
    import dancegen

    parameters = inspect.signature(getattr(dancegen, function)).parameters.values()
    by_place = [_written(each) for each in parameters if each.kind is not each.KEYWORD_ONLY]
    lines = [*by_place, "*", *(_written(each) for each in parameters if each.kind is each.KEYWORD_ONLY)]
    body = "\n".join(f"    {line}," for line in lines)
    return f"```python\ndancegen.{function}(\n{body}\n)\n```"


def _written(parameter: inspect.Parameter) -> str:
    if parameter.default is parameter.empty:
        return parameter.name
    default = repr(parameter.default)
    return f"{parameter.name}={'SILENT' if default.startswith('<') else default}"


def included(path: str) -> str:
    """A file of the repository, without its title where it is not the whole page, its headings one level down."""
    text = (REPOSITORY / path).read_text(encoding="utf-8")
    if path == "CHANGELOG.md":
        return text
    return re.sub(r"^#", "##", re.sub(r"\A# .*\n", "", text), flags=re.MULTILINE)


def contents() -> str:
    """The order of the pages in the site's menu, as a directive of Sphinx."""
    parts = []
    for caption, pages in PAGES.items():
        parts.append(f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n")
    return "".join(parts)
