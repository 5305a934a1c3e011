"""A UNet whose layers see a part of their batch at a time: the same numbers from less memory, in more time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch.nn import Module

_LAYERS = ("resnets", "attentions", "downsamplers", "upsamplers")
"""Of a block, those that see each frame by itself. Motion modules see each place by itself, through all frames."""


class InParts(torch.nn.Module):
    """A module that is given so many rows of its batch at a time.

    Every tensor among its arguments with as many rows as the first one is a part of the batch.
    """

    def __init__(self, module: Module, rows: int) -> None:
        super().__init__()
        self.module, self.rows = module, rows

    def forward(self, *args: Any, **named: Any) -> Any:
        """What the module makes of all of it."""
        batch = len(next(each for each in (*args, *named.values()) if isinstance(each, torch.Tensor)))
        made = []
        for first in range(0, batch, self.rows):
            some = slice(first, first + self.rows)
            made.append(self.module(*_rows(args, some, batch), **_rows(named, some, batch)))
        if isinstance(made[0], torch.Tensor):
            return torch.cat(made)
        return tuple(torch.cat(each) for each in zip(*made, strict=True))


def in_parts(unet: Any, frames: int, places: int) -> None:
    """From now on so many frames at a time, and in motion modules so many places. `whole` undoes it."""
    for owner, name, child in list(_layers(unet)):
        motion = type(owner).__name__ == "ModuleList" and name.startswith("motion.")
        _set(owner, name.removeprefix("motion."), InParts(child, places if motion else frames))


def whole(unet: Any) -> None:
    """Every layer sees its whole batch again."""
    for owner in list(unet.modules()):
        for name, child in list(owner.named_children()):
            if isinstance(child, InParts):
                _set(owner, name, child.module)


@contextmanager
def taken_apart(unet: Any, frames: int | None, places: int) -> Iterator[None]:
    """While it is counted what a UNet takes; with None nothing changes."""
    if frames is not None:
        in_parts(unet, frames, places)
    try:
        yield
    finally:
        whole(unet)


def _layers(unet: Any) -> Iterator[tuple[Any, str, Module]]:
    """(list that holds it, its name there, the layer); those of motion modules have "motion." before their names."""
    for block in (*unet.down_blocks, unet.mid_block, *unet.up_blocks):
        for kind in _LAYERS:
            layers = getattr(block, kind, None)
            for name, child in [] if layers is None else layers.named_children():
                yield layers, name, child
        for motion in getattr(block, "motion_modules", None) or ():
            for name, child in motion.transformer_blocks.named_children():
                yield motion.transformer_blocks, f"motion.{name}", child


def _set(owner: Any, name: str, module: Module) -> None:
    if isinstance(owner, torch.nn.ModuleList):
        owner[int(name)] = module
    else:
        setattr(owner, name, module)


def _rows(value: Any, some: slice, batch: int) -> Any:
    """A part of whatever is a part of the batch; an IP-Adapter's pictures stand beside the text, in a tuple."""
    if isinstance(value, torch.Tensor):
        return value[some] if value.ndim and len(value) == batch else value
    if isinstance(value, dict):
        return {name: _rows(each, some, batch) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_rows(each, some, batch) for each in value)
    return value
