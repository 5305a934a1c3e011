"""dancegen artifacts: what the store holds, where it came from, and how to keep it in order."""

from __future__ import annotations

import typer

from dancegen.cli import common
from dancegen.cli.artifacts import explain, look, tidy, transfer, travel

app = typer.Typer(invoke_without_command=True, epilog=common.examples("dancegen artifacts ls"))


@app.callback()
def _artifacts(context: typer.Context) -> None:
    """See what the store holds, and keep it in order."""
    common.need_command(context)


for module in (look, explain, tidy, travel, transfer):
    for name, (command, lines) in module.COMMANDS.items():
        app.command(name, epilog=common.examples(*(f"dancegen artifacts {line}" for line in lines)))(command)
