"""dancegen evaluate: how good are these dances, beside real dance?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dancegen.cli.common import CommonOptions, common_options, examples

if TYPE_CHECKING:
    from dancegen.store import Artifact

NAME = "evaluate"
EXAMPLES = examples(
    "dancegen evaluate gan --songs songs",
    "dancegen evaluate gan 3f2a9c41 baseline:shuffle --songs songs --seconds 30 -o report.html",
    "dancegen evaluate poses.npz openpose.json dance.mp4",
    "dancegen evaluate 3f2a9c41 --songs songs --reference 71bc0d2e",
)


@common_options()
def command(
    subjects: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SUBJECT...",
            help="Models (gan, a path, a digest, baseline:NAME), poses (digest, .npz, OpenPose JSON) or videos.",
        ),
    ] = None,
    songs: Annotated[
        Path | None, typer.Option(metavar="DIR", help="What models dance to: a song or a folder; else the demo song.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="DATASET", help="Poses that stand for real dance, or a reference.npz; else the bundled."),
    ] = None,
    start: Annotated[float, typer.Option(metavar="S", help="Where in each song to begin, in seconds.")] = 0.0,
    seconds: Annotated[float | None, typer.Option(metavar="S", help="How much of each song is danced to.")] = 60.0,
    fps: Annotated[float, typer.Option(metavar="N", help="Frames a second of OpenPose JSON, which does not say.")] = 30,
    detector: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="OpenPose weights that find the dancer in videos (non-commercial use)."),
    ] = None,
    *,
    options: CommonOptions,
) -> None:
    """Measure dances: one table, a report.html and a metrics.json.

    Real dance and the baselines stand beside. With --reference DATASET the baselines dance to the same songs, and
    copies of its clips are looked for. More is not better, nearer to real dance is.
    """
    from dancegen import evaluate

    options.perform(
        evaluate, subjects, songs=songs, reference=reference, start=start, seconds=seconds, fps=fps,
        detector=detector, show=_print_table,
    )  # fmt: skip


def _print_table(artifact: Artifact) -> None:
    import json
    import shutil
    import sys

    from dancegen.choreographers import is_baseline
    from dancegen.metrics.table import as_text

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(as_text(list(artifact.summary["figures"].items()), width))
    record = json.loads(artifact.file("metrics.json").read_text(encoding="utf-8"))
    for row in record["rows"]:
        for note in [] if is_baseline(row["name"]) else row["notes"]:
            print(f"{row['name']}: {note}")
    for note in record["notes"]:
        print(note)
