"""Processes that work side by side, on this machine or on others: through joblib, or Ray's own tasks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from typing import Any

from dancegen.errors import DancegenError, InputError
from dancegen.options.shared import Parallel
from dancegen.stages import ray_cluster
from dancegen.stages.cluster_versions import check_dask
from dancegen.threads import usable_cores

_TIMEOUT_S = 10
"""To reach a scheduler."""
_WAIT_FOR_WORKERS_S = 60


@contextmanager
def hired(options: Parallel, jobs: int | None = None, *, one_a_gpu: bool = False) -> Iterator[int]:
    """Makes joblib use the backend that is asked for; yields how many jobs to run at once.

    one_a_gpu: where nobody says how many, as many as there are GPUs, and one on a machine that has none.

    jobs: how many there are; more processes of this machine than that are not started. Raises InputError where the
    backend is not installed, nobody answers at the scheduler's address, or workers have no dancegen or another one.
    """
    import joblib

    if options.backend == "dask":
        client = _dask_client(str(options.scheduler))
        try:
            check_dask(client)
            with joblib.parallel_config(
                backend="dask", client=client, wait_for_workers_timeout=_WAIT_FOR_WORKERS_S
            ):  # fmt: skip
                yield options.workers or (_gpus_of_dask(client) if one_a_gpu else -1)
        finally:
            client.close()
        return
    if options.backend == "ray":
        ray_cluster.reach(options.scheduler)
        yield options.workers or (ray_cluster.gpus() if one_a_gpu else -1)
        return
    wanted = options.workers or (max(gpus_here(), 1) if one_a_gpu else usable_cores())
    with joblib.parallel_config(backend="loky"):
        yield wanted if jobs is None else max(min(wanted, jobs), 1)


def results(
    options: Parallel,
    function: Callable[..., Any],
    jobs: Iterable[tuple],
    number: int,
    *,
    ordered: bool = False,
    on_gpu: bool = False,
) -> Iterator[Any]:
    """What `function` makes of each job on `number` workers that are `hired`: as they end, or in order.

    on_gpu: each job computes on a GPU where there is one. Raises DancegenError where workers die, and what `function`
    raises.
    """
    import joblib

    try:
        if options.backend == "ray":
            yield from ray_cluster.results(function, jobs, number, ordered=ordered, on_gpu=on_gpu)
            return
        how = "generator" if ordered else "generator_unordered"
        parallel: Any = joblib.Parallel(n_jobs=number, return_as=how)
        yield from parallel(joblib.delayed(function)(*job) for job in jobs)
    except Exception as error:
        # Dask's and Ray's, which may not be installed.
        if type(error).__name__ not in ("KilledWorker", *ray_cluster.DIED):
            raise
        raise DancegenError(
            "a worker died again and again, most likely because memory ran out; the same command goes on with what is "
            "missing"
        ) from error


def gpus_here() -> int:
    """How many GPUs this process sees."""
    import torch

    return torch.cuda.device_count()


def take_own_gpu() -> None:
    """In a worker: compute on another GPU than the workers beside it, as far as there are enough."""
    import torch

    count = gpus_here()
    if count > 1:
        number = re.search(r"\d+$", current_process().name)
        torch.cuda.set_device((int(number[0]) if number else os.getpid()) % count)


def painters(machines: Mapping[str, Sequence[int]]) -> int:
    """How many to run at once. machines: of each, how many GPUs each of its workers sees.

    One a GPU, no more than a machine has workers, and at least one on each.
    """
    return sum(max(1, min(max(seen), len(seen))) for seen in machines.values())


def on_other_machines(options: Parallel) -> bool:
    """Whether workers need not be processes of this machine."""
    return options.backend in ("dask", "ray")


def _gpus_of_dask(client: Any) -> int:
    machines: dict[str, list[int]] = {}
    for address, seen in client.run(gpus_here).items():
        machines.setdefault(address.rpartition(":")[0], []).append(seen)
    return max(1, painters(machines))


def _dask_client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--backend dask needs Dask: pip install 'dancegen[dask]'") from None
    try:
        return Client(address, timeout=_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from error
