"""A film's segments painted by several processes, on this machine or others, through `workers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dancegen.progress import SILENT, Advance
from dancegen.renderers.film.settings import FilmOptions
from dancegen.stages.film_segments import SegmentTask, follows, paint_segments
from dancegen.stages.workers import hired, results, take_own_gpu
from dancegen.store import Artifact, Store

LARGEST_BATCH = 4
"""Segments that a worker paints before it gives the networks' memory back; it loads them once for all of these."""


def paint_on_workers(
    tasks: Sequence[SegmentTask], store: Store, options: FilmOptions, *, force: bool, advance: Advance
) -> list[Artifact]:
    """All segments of a film, in order; the store, which all must see, is how frames come back. Raises InputError."""
    import joblib

    cached: dict[int, bool] = {}
    with hired(options, one_a_gpu=True) as workers:
        jobs = ((batch, store, force) for batch in batches(tasks, joblib.effective_n_jobs(workers)))
        for made in results(options, _paint, jobs, workers, on_gpu=True):
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
    take_own_gpu()
    with batch[0].held_painter(SILENT) as painter:
        made = paint_segments(batch, store, painter, force=force)
    return {task.segment.first: artifact.cached for task, artifact in zip(batch, made, strict=True)}
