"""Clusters that tests start on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dancegen.errors import InputError
from helpers.processes import environment


def whose(number: int) -> tuple[int, int]:
    """Some work, and the process that does it. It lies here because a worker has to find it."""
    return number, os.getpid()


def once_there_is(number: int, wait_for: str | None) -> int:
    """Its number, at once or as soon as there is such a file; fails after a minute."""
    deadline = time.monotonic() + 60
    while wait_for is not None and not Path(wait_for).exists():
        if time.monotonic() > deadline:
            raise TimeoutError(wait_for)
        time.sleep(0.05)
    return number


def flags(options: dict[str, Any]) -> list[str]:
    """Options of workers as words of a command line."""
    return [word for name, value in options.items() for word in (f"--{name}", str(value))]


def refuse(words: str) -> None:
    raise InputError(words)


def vanish() -> None:
    """Ends its process as the system does where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def two_dask_workers() -> Iterator[dict[str, Any]]:
    """Two processes of Dask; yields the options of a verb that is to use them. Skips where Dask is not installed.

    A worker that dies is started anew, which takes seconds; what it worked on is not tried again by Dask itself.
    """
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), distributed.LocalCluster(**workers) as here:
        yield {"backend": "dask", "scheduler": here.scheduler_address}


@contextmanager
def dask_workers_that_die_of_some_videos() -> Iterator[dict[str, Any]]:
    """Two processes of Dask that are killed by any video with "deadly" in its path, also once they are started anew."""
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.worker.preload": ["helpers.deadly_videos"]}), two_dask_workers() as options:
        yield options


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


@contextmanager
def two_ray_workers() -> Iterator[dict[str, Any]]:
    """A machine of Ray's with two cores; yields the options of a verb that is to use it. Skips where Ray is not
    installed, or does not begin within its own half a minute, as on a machine that is very busy."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:  # its processes take it over, and find this module
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        try:
            here = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
        except Exception as error:
            pytest.skip(f"Ray does not begin: {error}")
        try:
            yield {"backend": "ray", "scheduler": here.address}
        finally:
            ray.shutdown()
            here.shutdown()
