"""The log of a training: `history.csv`, TensorBoard's events, and Weights & Biases on demand."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress

RUN_ID = "wandb-run"


class TrainingLog:
    """Rows of figures, each with its `step`, in `folder/history.csv` and `folder/events` (one event file a run).

    wandb: a project of Weights & Biases that gets them too, with `settings` and the sample sheets; a training that
    continues after a break continues its run there.
    """

    def __init__(
        self,
        folder: Path,
        *,
        wandb: str | None = None,
        settings: Mapping[str, Any] | None = None,
        progress: Progress = SILENT,
    ):
        self.folder, self.path, self.events = folder, folder / "history.csv", folder / "events"
        self.wandb, self.settings, self.progress = wandb, settings, progress
        self.board: Any = None
        self.run: Any = None

    def open(self) -> None:
        """Make ready for rows; InputError where Weights & Biases refuses."""
        if _summary_writer() is None:
            self.progress.say(
                "without TensorBoard's events, for it is not installed; history.csv will hold the same figures "
                "(pip install 'dancegen[tensorboard]' if you want both)"
            )
        if self.wandb is not None:
            self.run = _begin(self.wandb, self.folder, self.settings)

    def add(self, row: dict[str, float], sheet: Path | None = None) -> None:
        """One row, at row["step"]. The first of a run drops what a killed run showed of it and of later ones.

        sheet: a picture of sample dances.
        """
        columns = self.path.read_text().partition("\n")[0].split(",") if self.path.exists() else []
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, columns or list(row), extrasaction="ignore")
            if not columns:
                writer.writeheader()
            writer.writerow(row)
        self._show(row)
        if self.run is not None:
            from wandb import Image  # pyright: ignore[reportMissingImports]

            picture = {"samples": Image(str(sheet))} if sheet is not None else {}
            self.run.log({name: value for name, value in row.items() if name != "step"} | picture, step=row["step"])

    def truncate_after(self, step: int) -> None:
        """Drop the rows of steps that a killed run made after its last checkpoint: they are made again."""
        if not self.path.exists():
            return
        header, *rows = self.path.read_text().splitlines()
        kept = [row for row in rows if int(row.split(",", 1)[0]) <= step]
        if kept != rows:
            self.path.write_text("".join(line + "\n" for line in [header, *kept]))

    def close(self) -> None:
        if self.board is not None:
            self.board.close()
        if self.run is not None:
            self.run.finish()

    def _show(self, row: dict[str, float]) -> None:
        writer = _summary_writer()
        if writer is None:
            return
        if self.board is None:
            self.board = writer(str(self.events), purge_step=row["step"])
        for name, value in row.items():
            if name != "step":
                self.board.add_scalar(name, value, row["step"])
        self.board.flush()


def _summary_writer() -> type | None:
    """TensorBoard's writer, or None where it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter


def check_wandb(project: str | None) -> None:
    """InputError where a project is given and Weights & Biases is not installed."""
    spec = find_spec("wandb")  # of a folder of that name, like the one that its own runs leave, it has no origin
    if project is not None and (spec is None or spec.origin is None):
        raise InputError(
            f"--wandb {project}: Weights & Biases is not installed; get it with pip install 'dancegen[wandb]', or "
            "leave the option out"
        )


def _begin(project: str, folder: Path, settings: Mapping[str, Any] | None):
    """The run of the training in `folder`, begun or continued."""
    import wandb  # pyright: ignore[reportMissingImports]

    kept = folder / RUN_ID
    name = kept.read_text().strip() if kept.exists() else uuid4().hex[:12]
    try:
        run = wandb.init(project=project, id=name, resume="allow", config=dict(settings or {}), job_type="train")
    except (wandb.Error, OSError) as error:
        raise InputError(
            f"--wandb {project}: {error}; log in with wandb login, or keep the figures on this machine with "
            "WANDB_MODE=offline"
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    kept.write_text(name + "\n")
    return run


def mean_losses(steps: Sequence[Mapping[str, float]], names: Iterable[str]) -> dict[str, float]:
    """The mean of each loss over the steps that have it; nan where none has."""

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    return {name: mean([losses[name] for losses in steps if name in losses]) for name in names}
