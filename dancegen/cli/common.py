"""What all commands share: their common options, how they talk while they work, and how they show what they made."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from enum import Enum
from inspect import Parameter
from pathlib import Path
from typing import Annotated

import typer

from dancegen.options.declare import COMMON as _PANEL


class Device(str, Enum):
    """Where a model computes. It never changes what the result is called."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


StoreOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Where artifacts are kept: else $DANCEGEN_STORE, else your cache directory. Given again: only read.",
        rich_help_panel=_PANEL,
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        help="Copy the result here: a file if PATH ends in its suffix, else a directory.",
        rich_help_panel=_PANEL,
    ),
]
DeviceOption = Annotated[
    Device,
    typer.Option(
        "--device",
        help="Where the model computes: cuda is an NVIDIA GPU, mps Apple's.",
        case_sensitive=False,
        rich_help_panel=_PANEL,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.", rich_help_panel=_PANEL)
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only where the result is, and errors.", rich_help_panel=_PANEL)
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Make it again, even if the store has it; what lies at --output is replaced.",
        rich_help_panel=_PANEL,
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Call the result this, to ask for it by NAME later.", rich_help_panel=_PANEL
    ),
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show where in the code an error comes from.", rich_help_panel=_PANEL)
]


COMMON_OPTIONS = {
    name: Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, annotation, default in (
        ("device", DeviceOption, Device.auto),
        ("store", StoreOption, None),
        ("output", OutputOption, None),
        ("name", NameOption, None),
        ("as_json", JsonOption, False),
        ("quiet", QuietOption, False),
        ("force", ForceOption, False),
        ("debug", DebugOption, False),
    )
}
"""The options of every command that makes something."""


@contextmanager
def stdout_reserved() -> Iterator[None]:
    """Send to stderr whatever libraries, their C code or worker processes print: stdout is for the result."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(saved, 1)
        os.close(saved)


def need_command(context: typer.Context) -> None:
    """A group without a command shows its help, as wrong usage: a script that forgot the command must not go on."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(2)


def examples(*lines: str) -> str:
    """The end of a command's help: what one would really type."""
    return "\n\n".join(["Examples:", *(f"$ {line}" for line in lines)])
