"""How much memory there is."""

from __future__ import annotations

import os
from pathlib import Path


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
