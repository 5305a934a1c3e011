"""Latents on disk, so that a scene goes on after a kill as if nothing had happened."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.errors import ModelError
from dancegen.files import load_tensors, tensors_metadata

if TYPE_CHECKING:
    import torch

LATENTS = "latents.safetensors"
SAVE_EVERY = 4
"""Steps between two savings."""
_NUMBERS = ("lower_order_nums", "this_order", "_step_index")
_TENSORS = ("last_sample",)
_LISTS = ("model_outputs", "timestep_list")
"""What diffusers' schedulers remember between steps, multistep solvers such as DPM-Solver++ and UniPC most of all."""


def save_latents(path: Path, latents: torch.Tensor, scheduler: Any, step: int) -> None:
    """Write how far a scene has come after `step` steps, whole or not at all, without pickles."""
    from safetensors.torch import save_file

    tensors = {"latents": latents}
    for name in _TENSORS:
        tensors |= _tensors(name, getattr(scheduler, name, None))
    for name in _LISTS:
        for place, each in enumerate(getattr(scheduler, name, None) or ()):
            tensors |= _tensors(f"{name}.{place}", each)
    state = {name: getattr(scheduler, name) for name in _NUMBERS if hasattr(scheduler, name)}
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    save_file(kept, temporary, {"step": str(step), "state": json.dumps(state)})
    os.replace(temporary, path)


def load_latents(path: Path, scheduler: Any, device: str) -> tuple[torch.Tensor, int] | None:
    """The latents and the number of steps done that `save_latents` wrote, the scheduler set back to there; else None.

    scheduler: its timesteps are set already.
    """
    if not path.exists():
        return None
    try:
        tensors, about = load_tensors(path), tensors_metadata(path)
    except ModelError:  # a disk that lost its last moments: begin anew
        return None
    tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    for name, value in json.loads(about["state"]).items():
        setattr(scheduler, name, value)
    for name in _TENSORS:
        if name in tensors:
            setattr(scheduler, name, tensors[name])
    for name in _LISTS:
        if hasattr(scheduler, name):
            places = range(len(getattr(scheduler, name)))
            setattr(scheduler, name, [tensors.get(f"{name}.{place}") for place in places])
    return tensors["latents"], int(about["step"])


def _tensors(name: str, value: Any) -> dict[str, torch.Tensor]:
    import torch

    if value is None:
        return {}
    return {name: value if isinstance(value, torch.Tensor) else torch.tensor(value)}
