"""Shows what a command made: for people, or as the one JSON object that scripts rely on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.cli.layout import in_columns, screen_width, wrapped
from dancegen.errors import DoneInPart
from dancegen.formatting import duration

if TYPE_CHECKING:
    from dancegen.dry_run import RunPlan
    from dancegen.store import Artifact

_SHOWN_DIGITS = 16

_NEXT = {
    "prepare": "dancegen extract-poses",
    "extract-poses": "dancegen train",
    "train": "dancegen generate-poses SONG --model {digest}",
    "generate-poses": "dancegen render {digest}",
}
_VIDEOS = (".mp4", ".mov", ".webm")


def as_dict(artifact: Artifact) -> dict[str, object]:
    """The JSON object of every command that makes something. Scripts rely on its keys: none may change or go."""
    return {
        "stage": artifact.stage,
        "digest": artifact.digest,
        "content": artifact.content,
        "path": str(artifact.path),
        "cached": artifact.cached,
        "duration_s": artifact.duration_s,
        "summary": artifact.summary,
    }


def print_json(value: object) -> None:
    """One JSON value on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def print_artifact(artifact: Artifact, output: Path | None = None) -> None:
    """Which stage, cached or made in how long, its figures, where it lies, and what to try next."""
    took = duration(artifact.duration_s)
    how = f"unchanged, answered from the store (made in {took})" if artifact.cached else f"made in {took}"
    print(wrapped(f"{artifact.stage} {artifact.digest[:_SHOWN_DIGITS]}: {how}", "  "))
    print_rows(_rows(artifact, output))


def print_evaluation(artifact: Artifact) -> None:
    """The table of an evaluation, and what is to be said of its rows."""
    from dancegen.choreographers import is_baseline
    from dancegen.metrics.table import COLUMNS, VIDEO_COLUMNS, as_text

    columns = (*COLUMNS, *VIDEO_COLUMNS)
    if "protocol" in artifact.summary:
        from dancegen.metrics.published.protocol import COLUMNS as columns
    print(as_text(list(artifact.summary["figures"].items()), screen_width(), columns))
    record = json.loads(artifact.file("metrics.json").read_text(encoding="utf-8"))
    for row in record["rows"]:
        for note in [] if is_baseline(row["name"]) else row["notes"]:
            print(wrapped(f"{row['name']}: {note}", "  "))
    for note in record["notes"]:
        print(wrapped(note, "  "))


def print_plan(plan: RunPlan, as_json: bool, quiet: bool = False) -> None:
    """What a run would do. Quietly, its exit code is all there is to say."""
    if as_json:
        print_json(plan.to_dict())
    elif not quiet:
        print("\n".join(wrapped(line, "  ") for line in plan.lines()))


def check_whole(artifact: Artifact) -> None:
    """Raises DoneInPart where the artifact was made from a part of what was given."""
    left_out = artifact.summary.get("left_out") or []
    if left_out:
        more = f", and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        inputs = "1 input was" if len(left_out) == 1 else f"{len(left_out)} inputs were"
        raise DoneInPart(f"{inputs} left out: {'; '.join(map(str, left_out[:3]))}{more}")


def print_rows(rows: list[tuple[str, str]]) -> None:
    """Names and values in two columns."""
    for line in in_columns(rows):
        print(line)


def plain_summary(artifact: Artifact) -> dict[str, object]:
    """The summary without its tables, which are too wide for a line."""
    return {key: value for key, value in artifact.summary.items() if not _is_table(value)}


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and any(isinstance(row, dict) for row in value.values())


def figure(value: object) -> str:
    """A summary's figure as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(figure(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {figure(item)}" for key, item in value.items())
    return str(value)


def _rows(artifact: Artifact, output: Path | None) -> list[tuple[str, str]]:
    rows = [(key.replace("_", " "), figure(value)) for key, value in plain_summary(artifact).items()]
    rows.append(("in", str(artifact.path)))
    if output is not None:
        rows.append(("copy", os.fspath(output)))
    rows.append(("next", _next_step(artifact, output)))
    return [row for row in rows if row[1]]


def _next_step(artifact: Artifact, output: Path | None) -> str:
    if artifact.stage in _NEXT:
        return _NEXT[artifact.stage].format(digest=artifact.digest[:8])
    if artifact.stage == "evaluate":
        return (
            f"open {output if output is not None and Path(output).suffix == '.html' else artifact.path / 'report.html'}"
        )
    if output is not None and Path(output).suffix in _VIDEOS:
        return f"watch {output}"
    videos = [entry.path for entry in artifact.files if Path(entry.path).suffix in _VIDEOS]
    return f"watch {artifact.path / videos[0]}" if videos else ""
