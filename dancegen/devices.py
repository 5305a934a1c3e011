"""Where models compute: the accelerator, its free memory, and this process's rank among those that share the work.

Nothing heavy is imported with the module: the command line asks for the rank before it knows whether torch is needed.
"""

from __future__ import annotations

import os
from pathlib import Path

from dancegen.errors import InputError

_RANK_AND_SIZE = (
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
)


def choose_device(device: str) -> str:
    """`cpu`, `cuda` or `mps`; `auto` takes the fastest there is. InputError where the asked one is not there."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if device not in there:
        raise InputError(f"--device {device}: choose auto, cpu, cuda or mps")
    if not there[device]:
        raise InputError(f"--device {device}: this machine has none that torch can use; --device cpu works everywhere")
    return device


def free_gigabytes(device: str) -> float:
    """Memory that is free now: the accelerator's, else the machine's. device: like `cpu` or `cuda:1`."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.mem_get_info(torch.device(device))[0] / 1e9
    try:
        known = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(known["MemAvailable"].split()[0]) * 1024 / 1e9
    except (OSError, KeyError, ValueError):
        names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
        if "SC_PHYS_PAGES" in names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
        return float("inf")


def rank_and_world_size() -> tuple[int, int]:
    """This process's number, from 0, and how many there are; (0, 1) where no launcher started it."""
    for rank, size in _RANK_AND_SIZE:
        if os.environ.get(rank, "").isdigit() and os.environ.get(size, "").isdigit():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def is_main_process() -> bool:
    """Whether this process writes and speaks for all."""
    return rank_and_world_size()[0] == 0
