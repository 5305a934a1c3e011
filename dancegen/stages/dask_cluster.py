"""Work on a Dask cluster, through the scheduler at an address.

Dask's own futures are used rather than joblib's backend for it: there, one worker that dies ends the work on all jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from dancegen.errors import DancegenError, InputError
from dancegen.stages.cluster_versions import check_dask
from dancegen.stages.in_flight import DIED, in_flight

_TIMEOUT_S = 10
"""To reach a scheduler."""
_WAIT_FOR_WORKERS_S = 60
"""For the first one, and for another one where all have died."""


@contextmanager
def reach(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address, also for what joblib is asked in this thread.

    Raises InputError where Dask is not installed, nobody answers, no worker is there within a minute, or workers have
    no dancegen or another one.
    """
    import joblib

    client = _client(address)
    try:
        try:
            client.wait_for_workers(1, timeout=_WAIT_FOR_WORKERS_S)
        except TimeoutError as error:
            raise InputError(
                f"--scheduler {address}: no worker has joined it in {_WAIT_FOR_WORKERS_S} s: start some with "
                f"`dask worker {address}`"
            ) from error
        check_dask(client)
        with joblib.parallel_config(backend="dask", client=client):
            yield client
    finally:
        client.close()


def results(function: Callable[..., Any], jobs: Iterable[tuple], number: int) -> Iterator[tuple[int, Any]]:
    """(which job, what `function` makes of it, or DIED) as they end, `number` of them at a time, where a scheduler has
    been reached. number: -1 for as many as the workers have threads. Raises what `function` raises, and DancegenError
    where all workers are gone and none comes back within a minute."""
    from distributed import KilledWorker, wait
    from joblib.parallel import get_active_backend

    backend: Any = get_active_backend()[0]
    client = backend.client

    def submit(job: tuple) -> Any:
        return client.submit(_work_on, _Call(function, job), pure=False)

    def ended(tasks: list) -> Iterable:
        while True:
            try:
                with client.as_current():
                    over: Any = wait(tasks, timeout=_WAIT_FOR_WORKERS_S, return_when="FIRST_COMPLETED")
                return over.done
            except TimeoutError:
                _need_workers(client)

    def outcome(task: Any) -> Any:
        try:
            return task.result()
        except KilledWorker:
            return DIED

    def cancel(tasks: list) -> None:
        if client.status == "running":
            client.cancel(tasks)

    there = sum(client.ncores().values())
    yield from in_flight(jobs, number if 0 < number < there else max(1, there), submit, ended, outcome, cancel)


def _need_workers(client: Any) -> None:
    """Raises DancegenError where there is none, nor within a minute."""
    try:
        client.wait_for_workers(1, timeout=_WAIT_FOR_WORKERS_S)
    except TimeoutError as error:
        raise DancegenError(
            f"all workers of {client.scheduler.address} are gone, most likely because memory ran out; start some "
            "again, and the same command goes on with what is missing"
        ) from error


@dataclass(frozen=True)
class _Call:
    """A job as one thing, in which Dask looks for no tasks of its own."""

    function: Callable[..., Any]
    job: tuple


def _work_on(call: _Call) -> Any:
    return call.function(*call.job)


def gpus(client: Any, seen_by_one: Callable[[], int]) -> int:
    """How many jobs to run at once that need a GPU. seen_by_one: how many GPUs the worker sees that it is called in."""
    machines: dict[str, list[int]] = {}
    for address, seen in client.run(seen_by_one).items():
        machines.setdefault(address.rpartition(":")[0], []).append(seen)
    return max(1, painters(machines))


def painters(machines: Mapping[str, Sequence[int]]) -> int:
    """How many to run at once. machines: of each, how many GPUs each of its workers sees.

    One a GPU, no more than a machine has workers, and at least one on each.
    """
    return sum(max(1, min(max(seen), len(seen))) for seen in machines.values())


def _client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--backend dask needs Dask: pip install 'dancegen[dask]'") from None
    try:
        return Client(address, timeout=_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from error
