"""What the website adds to the pages as they are written: options, settings, signatures, model cards, the changelog.

A page marks the place, and what a reader of the bare file sees there:

    <!-- options generate-poses -->
    `dancegen generate-poses --help`
    <!-- end -->

`conf.py` has every page filled when the site is built; the tests fill them without it.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"^<!-- (options|settings|signature|include) (\S+) -->\n.*?^<!-- end -->$", re.MULTILINE | re.DOTALL)
USUAL_PANEL = "Options"
PAGES = {
    "Dance": (
        "make-a-dance",
        "studio",
        "steer-and-edit",
        "film-it",
        "video-models",
        "my-own-character",
        "comfyui",
    ),
    "Models of your own": ("your-own-footage", "train", "evaluate", "scale-out"),
    "Reference": ("commands", "settings", "python", "store"),
    "Background": ("how-it-works", "models", "ablation", "limits", "licences"),
    "Project": ("contributing", "extend", "changelog"),
}
"""The menu of the site: all pages but the first."""


def filled(markdown: str) -> str:
    """A page with all its places filled. Raises KeyError, AttributeError or OSError for what does not exist."""
    makers = {"options": option_tables, "settings": setting_tables, "signature": signature, "include": included}
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


def setting_tables(family: str) -> str:
    """A table for each group of a family's settings: name, the value in each preset, and what it is."""
    from dataclasses import fields

    presets = import_module(f"dancegen.choreographers.{family}.config").PRESETS
    tables = []
    for group in fields(next(iter(presets.values()))):
        about = _field_docstrings(type(getattr(next(iter(presets.values())), group.name)))
        rows = [f"| setting | {' | '.join(presets)} | what it is |", "|---" * (len(presets) + 2) + "|"]
        for name, said in about.items():
            values = [_shown(getattr(getattr(preset, group.name), name)) for preset in presets.values()]
            rows.append(f"| `{group.name}.{name}` | {' | '.join(values)} | {_text(said)} |")
        tables.append("\n".join(rows))
    return "\n\n".join(tables)


def _field_docstrings(kind: type) -> dict[str, str]:
    """The fields of a dataclass, each with the string that stands below it in the source."""
    found: dict[str, str] = {}
    for each in reversed(kind.__mro__[:-1]):
        body = ast.parse(textwrap.dedent(inspect.getsource(each))).body[0].body
        for statement, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                value = following.value if isinstance(following, ast.Expr) else None
                found[statement.target.id] = " ".join(value.value.split()) if isinstance(value, ast.Constant) else ""
    return found


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


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
