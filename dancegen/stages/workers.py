"""Processes that work side by side, on this machine or on others: through joblib, or a cluster's own tasks."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import current_process
from typing import Any

from dancegen.errors import DancegenError
from dancegen.options.shared import Parallel
from dancegen.progress import Progress
from dancegen.stages import dask_cluster, ray_cluster
from dancegen.stages.in_flight import DIED
from dancegen.threads import usable_cores


@contextmanager
def hired(options: Parallel, jobs: int | None = None, *, one_a_gpu: bool = False) -> Iterator[int]:
    """Makes joblib use the backend that is asked for; yields how many jobs to run at once.

    one_a_gpu: where nobody says how many, as many as there are GPUs, and one on a machine that has none.

    jobs: how many there are; more processes of this machine than that are not started. Raises InputError where the
    backend is not installed, nobody answers at the scheduler's address, or workers have no dancegen or another one.
    """
    import joblib

    if options.backend == "dask":
        with dask_cluster.reach(str(options.scheduler)) as client:
            yield options.workers or (dask_cluster.gpus(client, gpus_here) if one_a_gpu else -1)
        return
    if options.backend == "ray":
        ray_cluster.reach(options.scheduler)
        yield options.workers or (ray_cluster.gpus() if one_a_gpu else -1)
        return
    wanted = options.workers or (max(gpus_here(), 1) if one_a_gpu else usable_cores())
    with joblib.parallel_config(backend="loky"):
        yield wanted if jobs is None else max(min(wanted, jobs), 1)


def results(
    options: Parallel, function: Callable[..., Any], jobs: Iterable[tuple], number: int, *, on_gpu: bool = False
) -> Iterator[Any]:
    """What `function` makes of each job, as they end, on `number` workers that are `hired`.

    on_gpu: each job computes on a GPU where there is one. Raises DancegenError where workers die, and what `function`
    raises.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool

    died = DancegenError(
        "a worker died again and again, most likely because memory ran out; the same command goes on with what is "
        "missing"
    )
    try:
        for _, result in _numbered_results(options, function, jobs, number, on_gpu):
            if result is DIED:
                raise died
            yield result
    except BrokenProcessPool as error:
        raise died from error


def surviving(
    options: Parallel,
    function: Callable[..., Any],
    jobs: Sequence[tuple],
    number: int,
    progress: Progress,
    *,
    on_gpu: bool = False,
) -> Iterator[tuple[int, Any]]:
    """(which job, what `function` makes of it) as they end, on `number` workers that are `hired`.

    A job whose process dies is tried again while nothing else is worked on; if that dies, too, DIED is its result. So
    one that needs too much memory costs no other. Raises what `function` raises.
    """
    from joblib.externals.loky.process_executor import BrokenProcessPool

    left = dict(enumerate(jobs))
    while left:
        order, doubtful = list(left), []
        try:
            for position, result in _numbered_results(options, function, list(left.values()), number, on_gpu):
                if result is DIED:
                    doubtful.append(order[position])
                    continue
                yield order[position], _taken(left, order[position], result)
        except BrokenProcessPool:  # of which job nobody knows, but of one of those that were begun
            doubtful = list(left)[: 2 * number]
        if doubtful:
            progress.say(
                "a process that worked was ended, most likely because memory ran out: what was worked on is tried "
                "again, one at a time"
            )
        for which in doubtful:
            yield which, _taken(left, which, _alone(options, function, left[which], on_gpu))


def _taken(left: dict[int, tuple], which: int, result: Any) -> Any:
    del left[which]
    return result


def _alone(options: Parallel, function: Callable[..., Any], job: tuple, on_gpu: bool) -> Any:
    """The result of a job in a process of its own; DIED where that dies of it."""
    from joblib.externals.loky.process_executor import BrokenProcessPool

    processes = 1 if on_other_machines(options) else 2  # of joblib's, one would be this process
    try:
        return next(result for _, result in _numbered_results(options, function, [job], processes, on_gpu))
    except BrokenProcessPool:
        return DIED


def _numbered_results(
    options: Parallel, function: Callable[..., Any], jobs: Iterable[tuple], number: int, on_gpu: bool
) -> Iterator[tuple[int, Any]]:
    """(which job, its result) as they end. On a cluster DIED is the result of one whose workers died again and again;
    on this machine BrokenProcessPool is raised."""
    import joblib

    if options.backend == "dask":
        return dask_cluster.results(function, jobs, number)
    if options.backend == "ray":
        return ray_cluster.results(function, jobs, number, on_gpu=on_gpu)
    parallel: Any = joblib.Parallel(n_jobs=number, return_as="generator_unordered")
    return parallel(joblib.delayed(_numbered)(which, function, job) for which, job in enumerate(jobs))


def _numbered(which: int, function: Callable[..., Any], job: tuple) -> tuple[int, Any]:
    return which, function(*job)


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


def on_other_machines(options: Parallel) -> bool:
    """Whether workers need not be processes of this machine."""
    return options.backend in ("dask", "ray")
