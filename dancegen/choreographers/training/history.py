"""What a training writes about itself: `history.csv`, and TensorBoard's events where its extra is installed."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path


class History:
    """Rows of figures, each with its `step`, in `folder/history.csv` and `folder/events` (one event file a run)."""

    def __init__(self, folder: Path):
        self.path, self.events, self.writer = folder / "history.csv", folder / "events", None

    def add(self, row: dict[str, float]) -> None:
        """One row, at row["step"]. The first of a run drops what a killed run showed of it and of later ones."""
        columns = self.path.read_text().partition("\n")[0].split(",") if self.path.exists() else []
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, columns or list(row), extrasaction="ignore")
            if not columns:
                writer.writeheader()
            writer.writerow(row)
        self._show(row)

    def forget_after(self, step: int) -> None:
        """Drop the rows of steps that a killed run made after its last checkpoint: they are made again."""
        if not self.path.exists():
            return
        header, *rows = self.path.read_text().splitlines()
        kept = [row for row in rows if int(row.split(",", 1)[0]) <= step]
        if kept != rows:
            self.path.write_text("".join(line + "\n" for line in [header, *kept]))

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def _show(self, row: dict[str, float]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        if self.writer is None:
            self.writer = SummaryWriter(str(self.events), purge_step=row["step"])
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()


def mean_losses(steps: Sequence[Mapping[str, float]], names: Iterable[str]) -> dict[str, float]:
    """The mean of each loss over the steps that have it; nan where none has."""

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    return {name: mean([losses[name] for losses in steps if name in losses]) for name in names}
