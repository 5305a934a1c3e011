"""What a killed training goes on from: one file, replaced whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dancegen.errors import ModelError

CHECKPOINT = "checkpoint.pt"


def save_checkpoint(folder: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and lists of them; a kill leaves the checkpoint before it whole."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "checkpoint.tmp"
    torch.save(state, partial)
    partial.replace(folder / CHECKPOINT)


def resume(folder: Path, restore: Callable[[dict[str, Any]], None], device: str) -> bool:
    """Hand the folder's checkpoint to `restore`; False where there is none.

    ModelError where it is damaged or what it holds does not fit.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return False
    try:
        restore(torch.load(path, weights_only=True, map_location=device))
    except Exception as error:  # whatever another version wrote, and torch's reader fails in many ways
        raise ModelError(
            f"the interrupted training in {path} cannot go on here, it is damaged or of another version of dancegen; "
            f"start anew with --force ({error})"
        ) from error
    return True
