"""dancegen artifacts: what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dancegen.cli import common, result
from dancegen.cli.common import DebugOption, JsonOption, QuietOption, StoreOption
from dancegen.formatting import byte_size, duration

if TYPE_CHECKING:
    from dancegen.store import Artifact

app = typer.Typer(invoke_without_command=True, epilog=common.examples("dancegen artifacts ls"))


@app.callback()
def _artifacts(context: typer.Context) -> None:
    """See what the store holds."""
    common.need_command(context)


@app.command("ls", epilog=common.examples("dancegen artifacts ls", "dancegen artifacts ls --stage train --json"))
def list_artifacts(
    stage: Annotated[str | None, typer.Option(metavar="NAME", help="Only artifacts of this stage.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """List the artifacts, oldest first."""
    from dancegen.store import open_store

    opened = open_store(store)
    found = opened.artifacts(stage)
    for path, damage in opened.damaged(stage):
        print(f"warning: {path} is damaged and will be made again when asked for: {damage}", file=sys.stderr)
    if as_json:
        result.print_json({"store": str(opened.root), "artifacts": [_listed(artifact) for artifact in found]})
    elif quiet:
        for artifact in found:
            print(artifact.path)
    elif not found:
        print(f"nothing in {opened.root} yet; make something with: dancegen dance demo")
    else:
        _print_table(found)


@app.command("show", epilog=common.examples("dancegen artifacts show 3f2a9c41", "dancegen artifacts show video.mp4"))
def show_artifact(
    reference: Annotated[
        str,
        typer.Argument(metavar="ARTIFACT", help="Its path, 4 or more digits of its digest, or a video."),
    ],
    store: StoreOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Show what made an artifact and what it holds; of a video, what it says about itself."""
    from dancegen.store import open_store

    if Path(reference).is_file():
        _show_video(Path(reference), as_json, quiet)
        return
    artifact = open_store(store).look_up(reference)
    if as_json:
        result.print_json(artifact.manifest.to_dict() | {"path": str(artifact.path)})
    elif quiet:
        print(artifact.path)
    else:
        _print_details(artifact)


def _show_video(path: Path, as_json: bool, quiet: bool) -> None:
    """A video carries what made it along, wherever it has gone."""
    from dancegen.errors import InputError
    from dancegen.video import probe_video

    said = probe_video(path).metadata
    if "digest" not in said:
        raise InputError(f"{path} does not say what made it: it is no video of dancegen's, or it was changed since")
    about = {name: said[name] for name in ("digest", "command", "prompt", "seed", "models") if name in said}
    if as_json:
        result.print_json(about | {"path": str(path)})
    elif quiet:
        print(about["digest"])
    else:
        print(f"{path.name}, made with:")
        result.print_rows(list(about.items()))


def _listed(artifact: Artifact) -> dict[str, object]:
    return result.as_dict(artifact) | {"created": artifact.created, "size": artifact.size}


def _print_table(found: list[Artifact]) -> None:
    rows = [("STAGE", "DIGEST", "MADE (UTC)", "TOOK", "SIZE")]
    rows += [(a.stage, a.digest[:16], _date(a), duration(a.duration_s), byte_size(a.size)) for a in found]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_details(artifact: Artifact) -> None:
    print(f"{artifact.stage} {artifact.digest}")
    result.print_rows(
        [
            ("in", str(artifact.path)),
            ("content", artifact.content),
            ("made", f"{_date(artifact)} UTC, in {duration(artifact.duration_s)}"),
            ("size", f"{byte_size(artifact.size)} in {len(artifact.files)} files"),
            ("versions", result.figure(artifact.versions)),
        ]
    )
    _print_section("from", [(item.role, f"{item.name}  {item.digest[:16]}") for item in artifact.inputs])
    _print_section("parameters", [(key, result.figure(value)) for key, value in artifact.params.items()])
    _print_section("summary", [(key, result.figure(value)) for key, value in result.plain_summary(artifact).items()])
    _print_section("files", [(entry.path, byte_size(entry.size)) for entry in artifact.files[:20]])
    if len(artifact.files) > 20:
        print(f"  and {len(artifact.files) - 20} more")


def _print_section(title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        print(title)
        result.print_rows(rows)


def _date(artifact: Artifact) -> str:
    return artifact.created[:16].replace("T", " ")
