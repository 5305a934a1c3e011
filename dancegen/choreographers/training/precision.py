"""Mixed precision: networks compute in bfloat16 where their arithmetic allows it, losses in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from dancegen.errors import InputError

PRECISIONS = ("bf16", "fp32")


def autocast(precision: str, device: str) -> AbstractContextManager:
    """The context in which a network computes, on a device like `cpu` or `cuda:1`."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast("cuda" if device.startswith("cuda") else "cpu", torch.bfloat16)


def check_precision(precision: str) -> None:
    """InputError for what is not one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise InputError(f"train.precision is {precision!r}: choose one of {', '.join(PRECISIONS)}")
