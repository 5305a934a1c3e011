"""How many processes do this work together, as `accelerate launch`, `torchrun` or `mpirun` say in the environment.

Nothing heavy is imported: the command line asks before it knows whether torch is needed.
"""

from __future__ import annotations

import os

_NAMES = (
    ("RANK", "WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
)


def placed() -> tuple[int, int]:
    """This process's number, from 0, and how many there are; (0, 1) where no launcher started it."""
    for rank, size in _NAMES:
        if os.environ.get(rank, "").isdigit() and os.environ.get(size, "").isdigit():
            return int(os.environ[rank]), int(os.environ[size])
    return 0, 1


def leads() -> bool:
    """Whether this process writes and speaks for all."""
    return placed()[0] == 0
