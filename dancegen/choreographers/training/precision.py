"""Mixed precision: networks compute in bfloat16 where their arithmetic allows it, losses in full precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from dancegen.errors import InputError

PRECISIONS = ("auto", "bf16", "fp32")
_BF16_PROCESSORS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch.cpu has them under these names alone


def autocast(precision: str, device: str) -> AbstractContextManager:
    """The context in which a network computes, on a device like `cpu` or `cuda:1`."""
    if settled(precision, device) == "fp32":
        return nullcontext()
    return torch.autocast("cuda" if device.startswith("cuda") else "cpu", torch.bfloat16)


def settled(precision: str, device: str) -> str:
    """`auto` made `bf16` where the device computes in it, else `fp32`; anything else as it is.

    Processors without such arithmetic have to emulate it, and train several times slower than in full precision.
    """
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = device == "cpu" and any(getattr(torch.cpu, name, bool)() for name in _BF16_PROCESSORS)
    return "bf16" if able else "fp32"


def check_precision(precision: str) -> None:
    """InputError for what is not one of PRECISIONS."""
    if precision not in PRECISIONS:
        raise InputError(f"train.precision is {precision!r}: choose one of {', '.join(PRECISIONS)}")
