"""Clusters that tests start on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


def whose(number: int) -> tuple[int, int]:
    """Some work, and the process that does it. It lies here because a worker has to find it."""
    return number, os.getpid()


@contextmanager
def two_dask_workers() -> Iterator[dict[str, Any]]:
    """Two processes of Dask; yields the options of a verb that is to use them. Skips where Dask is not installed."""
    distributed = pytest.importorskip("distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with distributed.LocalCluster(**workers) as here:
        yield {"backend": "dask", "scheduler": here.scheduler_address}
