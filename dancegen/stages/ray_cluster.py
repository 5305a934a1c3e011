"""Work on a Ray cluster: the one at an address, or one of this machine's cores that is begun for it.

Ray's own tasks are used rather than its backend for joblib, which gives all results at once when the last one is there.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dancegen.errors import InputError
from dancegen.stages.cluster_versions import check_ray
from dancegen.stages.in_flight import DIED, in_flight

ENDED = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError", "LocalRayletDiedError")
"""What Ray raises where a process that worked was ended, and so were those that tried the same again."""
_TIMEOUT_S = 10
"""To reach a cluster."""
_ATTEMPTS = 3
"""To begin one."""


def reach(address: str | None) -> None:
    """Join the Ray cluster at an address; without one, the one that the environment or this machine knows, or a new
    one. Raises InputError where nobody answers, or workers have no dancegen or another one."""
    try:
        import ray  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("--backend ray needs Ray: pip install 'dancegen[ray]'") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is begun here tells nobody of it
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if ray.is_initialized():
        return
    try:
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=_TIMEOUT_S).close()
        if address:
            ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            _begin()
    except Exception as error:  # Ray raises just that where a machine is too busy for it
        if address:
            raise InputError(f"--scheduler {address}: no Ray cluster answers there ({error})") from error
        raise InputError(f"--backend ray: Ray does not begin on this machine ({error})") from error
    if address or os.environ.get("RAY_ADDRESS", "local") != "local":
        check_ray()


def _begin() -> None:
    """A cluster of this machine, or the one that is known here. Ray gives its processes half a minute to begin; on a
    machine that does much else they are tried again, when what they read is in memory."""
    import ray  # type: ignore[import-not-found]

    for attempt in range(_ATTEMPTS):
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
            return
        except Exception:
            ray.shutdown()
            if attempt + 1 == _ATTEMPTS:
                raise


def results(
    function: Callable[..., Any], jobs: Iterable[tuple], number: int, *, on_gpu: bool
) -> Iterator[tuple[int, Any]]:
    """(which job, what `function` makes of it, or DIED) as they end, `number` of them at a time.

    number: -1 for as many as the cluster has cores. on_gpu: each job has a GPU of its own, where the cluster has any.
    Raises what `function` raises.
    """
    import ray  # type: ignore[import-not-found]

    on_gpu = on_gpu and gpus_in_all() > 0
    task = ray.remote(num_cpus=1, num_gpus=1 if on_gpu else 0)(function)

    def cancel(tasks: list) -> None:
        for each in tasks:
            ray.cancel(each, force=True)

    at_once = number if number > 0 else _cores()
    yield from in_flight(jobs, at_once, lambda job: task.remote(*job), lambda tasks: ray.wait(tasks)[0], _got, cancel)


def gpus() -> int:
    """How many jobs to run at once that need a GPU: one on each, and at least one on each machine."""
    import ray  # type: ignore[import-not-found]

    machines = sum(bool(node["Alive"]) for node in ray.nodes())
    return max(gpus_in_all(), machines, 1)


def gpus_in_all() -> int:
    """How many the cluster has."""
    import ray  # type: ignore[import-not-found]

    return int(ray.cluster_resources().get("GPU", 0))


def _cores() -> int:
    import ray  # type: ignore[import-not-found]

    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _got(reference: Any) -> Any:
    """A result, or DIED; what was raised is raised as it was, without Ray's pages around it."""
    import ray  # type: ignore[import-not-found]
    from ray.exceptions import RayError, RayTaskError  # type: ignore[import-not-found]

    try:
        return ray.get(reference)
    except RayTaskError as error:
        raise (error.cause or error) from None
    except RayError as error:
        if type(error).__name__ not in ENDED:
            raise
        return DIED
