"""Clusters that tests start on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


@contextmanager
def dask_worker_with(version: str, folder: Path) -> Iterator[dict[str, Any]]:
    """One process of Dask in which dancegen is installed in this version, as its metadata says."""
    distributed = pytest.importorskip("distributed")
    installed = folder / f"dancegen-{version}.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: dancegen\nVersion: {version}\n")
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as here:
        path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            here.scheduler_address,
            "--no-nanny",
            "--no-dashboard",
        ]
        worker = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not here.scheduler.workers and worker.poll() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            yield {"backend": "dask", "scheduler": here.scheduler_address}
        finally:
            worker.kill()
            worker.wait()
