"""What all commands share: their common options, how they talk while they work, and how they show what they made."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dancegen.progress import Progress
    from dancegen.store import Artifact

_PANEL = "Common options"


class Device(str, Enum):
    """Where a model computes. It never changes what the result is called."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="Where artifacts are kept: else $DANCEGEN_STORE, else your cache directory.",
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
SeedOption = Annotated[
    int, typer.Option("--seed", metavar="N", help="The same seed gives the same result.", rich_help_panel=_PANEL)
]
DeviceOption = Annotated[
    Device, typer.Option("--device", help="Where the model computes.", case_sensitive=False, rich_help_panel=_PANEL)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.", rich_help_panel=_PANEL)
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only where the result is, and errors.", rich_help_panel=_PANEL)
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Make it anew, even if the store has it.", rich_help_panel=_PANEL)
]
DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show where in the code an error comes from.", rich_help_panel=_PANEL)
]


def perform(
    work: Callable[[Progress], Artifact],
    *,
    output: str | None = None,
    as_json: bool = False,
    quiet: bool = False,
    show: Callable[[Artifact], None] | None = None,
) -> None:
    """Run a stage, with progress on stderr, and print its result on stdout: for people, as a path alone, or as JSON.

    `show` prints what people see first, above the summary.
    """
    from dancegen.cli import result
    from dancegen.cli.progress import CommandProgress

    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    with CommandProgress(quiet=quiet) as progress, stdout_reserved():
        artifact = work(progress)
    if as_json:
        result.print_json(result.as_dict(artifact))
    elif quiet:
        print(output or artifact.path)
    else:
        if show is not None:
            show(artifact)
        result.print_artifact(artifact, output)


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
