"""What all commands share: their common options, how they talk while they work, and how they show what they made."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from enum import Enum
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_type_hints

import typer

from dancegen.launch import leads

if TYPE_CHECKING:
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


_SHARED = {
    "seed": (SeedOption, 0),
    "device": (DeviceOption, Device.auto),
    "store": (StoreOption, None),
    "output": (OutputOption, None),
    "as_json": (JsonOption, False),
    "quiet": (QuietOption, False),
    "force": (ForceOption, False),
    "debug": (DebugOption, False),
}
_FOR_PEOPLE = ("as_json", "quiet", "debug")
"""Options of the command alone: no stage takes them. --debug is read where errors are worded."""


@dataclass(frozen=True)
class CommonOptions:
    """The common options of a command that makes something: `keywords` are those that its verb takes."""

    keywords: Mapping[str, object]
    as_json: bool
    quiet: bool

    @property
    def output(self) -> str | None:
        """Where the person wants a copy."""
        return self.keywords["output"]

    def to(self, output: str) -> CommonOptions:
        """The same, with a copy at `output`."""
        return replace(self, keywords={**self.keywords, "output": output})

    def perform(
        self,
        verb: Callable[..., Artifact],
        *inputs: object,
        show: Callable[[Artifact], None] | None = None,
        **settings: object,
    ) -> None:
        """Run a verb of the Python API, with progress on stderr, and print its result on stdout: for people, as a path
        alone, or as JSON. Of several processes under a launcher, the first one speaks for all.

        `show` prints what people see first, above the summary.
        """
        from dancegen.cli import result
        from dancegen.cli.progress import CommandProgress

        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        with CommandProgress(quiet=self.quiet or not leads()) as progress, stdout_reserved():
            artifact = verb(*inputs, **settings, **self.keywords, progress=progress)
        if not leads():
            return
        if self.as_json:
            result.print_json(result.as_dict(artifact))
        elif self.quiet:
            print(self.output or artifact.path)
        else:
            if show is not None:
                show(artifact)
            result.print_artifact(artifact, self.output)


def common_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a command that makes something: after its own options it gets the common ones, `without` some.

    The command takes them together, as its keyword `options`.
    """
    shared = {name: option for name, option in _SHARED.items() if name not in without}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**given) -> None:
            chosen = {name: given.pop(name) for name in shared}
            keywords = {name: value for name, value in chosen.items() if name not in _FOR_PEOPLE}
            if "device" in keywords:
                keywords["device"] = keywords["device"].value
            command(**given, options=CommonOptions(keywords, chosen["as_json"], chosen["quiet"]))

        # Typer reads the signature and the annotations; those of the command are text until they are looked up.
        types = get_type_hints(command, include_extras=True)
        own = [
            p.replace(annotation=types[p.name]) for p in signature(command).parameters.values() if p.name != "options"
        ]
        own += [
            Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
            for name, (annotation, default) in shared.items()
        ]
        run.__signature__ = Signature(own)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in own}
        return run

    return decorate


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
