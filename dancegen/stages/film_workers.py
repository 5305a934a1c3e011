"""A film's segments painted by several processes, on this machine or others, through joblib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dancegen.errors import InputError
from dancegen.progress import SILENT, Advance
from dancegen.renderers.film.settings import FilmOptions
from dancegen.stages.film_segments import SegmentTask, follows, paint_segments
from dancegen.store import Artifact, Store

LARGEST_BATCH = 4
"""Segments that a worker paints before it gives the networks' memory back; it loads them once for all of these."""
_TIMEOUT_S = 10
"""To reach a scheduler."""


def paint_on_workers(
    tasks: Sequence[SegmentTask], store: Store, options: FilmOptions, *, force: bool, advance: Advance
) -> list[Artifact]:
    """All segments of a film, in order; the store, which all must see, is how frames come back. Raises InputError."""
    import joblib

    cached: dict[int, bool] = {}
    with _workers(options) as workers:
        number = joblib.effective_n_jobs(workers)
        jobs = (joblib.delayed(_paint)(batch, store, force) for batch in batches(tasks, number))
        results = "list" if options.backend == "ray" else "generator_unordered"  # what Ray's backend knows
        parallel: Any = joblib.Parallel(n_jobs=workers, return_as=results)
        for made in parallel(jobs):
            cached |= made
            advance(sum(task.steps for task in tasks if task.segment.first in made))
    found: list[Artifact] = []
    for task in tasks:
        before = found[-1] if found and follows(task) else None
        artifact = store.find(task.recipe(before).digest, "render-segment")
        found.append(replace(artifact, cached=cached[task.segment.first]))
    return found


def batches(tasks: Sequence[SegmentTask], workers: int) -> list[list[SegmentTask]]:
    """What a worker does at one time: a few segments, or of a chain all from one cut to the next."""
    chains: list[list[SegmentTask]] = []
    for task in tasks:
        if follows(task) and chains:
            chains[-1].append(task)
        else:
            chains.append([task])
    if len(chains) < len(tasks):
        return chains
    size = max(1, min(LARGEST_BATCH, -(-len(tasks) // max(1, workers))))
    return [list(tasks[first : first + size]) for first in range(0, len(tasks), size)]


def _paint(batch: list[SegmentTask], store: Store, force: bool) -> dict[int, bool]:
    """A worker's part: whether each segment, by its first frame, was there already."""
    with batch[0].held_painter(SILENT) as painter:
        made = paint_segments(batch, store, painter, force=force)
    return {task.segment.first: artifact.cached for task, artifact in zip(batch, made, strict=True)}


@contextmanager
def _workers(options: FilmOptions) -> Iterator[int]:
    """Makes joblib use the backend that is asked for; yields how many jobs to run at once."""
    import joblib

    workers = options.workers or -1
    if options.backend == "dask":
        client = _dask_client(str(options.scheduler))
        try:
            with joblib.parallel_config(backend="dask", client=client, wait_for_workers_timeout=60):
                yield workers
        finally:
            client.close()
        return
    if options.backend == "ray":
        _reach_ray(options.scheduler)
    with joblib.parallel_config(backend=options.backend):
        yield workers


def _reach_ray(address: str | None) -> None:
    """Join the Ray cluster at an address, or begin one of this machine's cores. Raises InputError."""
    import socket

    try:
        import ray  # type: ignore[import-not-found]
        from ray.util.joblib import register_ray  # type: ignore[import-not-found]
    except ImportError:
        raise InputError("--backend ray needs Ray: pip install 'dancegen[ray]'") from None
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    try:
        if host:  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=_TIMEOUT_S).close()
        ray.init(address, ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Ray cluster answers there ({error})") from error
    register_ray()


def _dask_client(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("--backend dask needs Dask: pip install 'dancegen[dask]'") from None
    try:
        return Client(address, timeout=_TIMEOUT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from error
