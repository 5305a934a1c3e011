"""What TensorBoard shows of a training."""

from __future__ import annotations

from pathlib import Path


class Board:
    """TensorBoard's scalars, one event file a run, where the `tensorboard` extra is installed."""

    def __init__(self, folder: Path):
        self.folder, self.writer = folder, None

    def add(self, row: dict[str, float]) -> None:
        """One row, at row["step"]. The first one drops what a killed run wrote of this step and later ones."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            return
        if self.writer is None:
            self.writer = SummaryWriter(str(self.folder), purge_step=row["step"])
        for name, value in row.items():
            if name != "step":
                self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
