"""render-temporal: a film's key frames painted again, one after the other, each seeing the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from dancegen.errors import DancegenError
from dancegen.progress import Progress
from dancegen.renderers.animatediff.settings import Settings
from dancegen.stages.film_segments import SegmentTask, frame_name, write_frame
from dancegen.store import Artifact, Input, Recipe, Store

STAGE = "render-temporal"
VERSION = 2


def render_temporal(
    tasks: list[SegmentTask],
    painted: list[Artifact],
    first_pass: Callable[[int], Iterator[np.ndarray]],
    inputs: tuple[Input, ...],
    store: Store,
    *,
    force: bool,
    progress: Progress,
) -> list[Artifact]:
    """The second pass over a film's segments, in order: each begins with the last frame of the one before.

    first_pass: the own frames of a segment, by its place among the tasks. inputs: what this pass needs beside what the
    first one did. One machine does it, since every frame waits for the one before; what was done before a kill is not
    done again. Raises DancegenError where a device's memory is too small.
    """
    painter, made = _Painter(tasks[0], progress), []
    with progress.task("second pass", tasks[-1].segment.stop) as advance:
        for place, task in enumerate(tasks):
            before = made[-1] if made else None
            recipe = _recipe(task, painted[place : place + 2], before, inputs)
            chunk = _Chunk(task, lambda place=place: first_pass(place), before, store.scratch(recipe), painter, advance)
            made.append(store.obtain(recipe, chunk.build, force=force, progress=progress, standalone=False))
    return made


def _recipe(
    task: SegmentTask, painted: list[Artifact], before: Artifact | None, inputs: tuple[Input, ...]
) -> Recipe:  # fmt: skip
    settings: Settings = task.settings
    params = task.recipe.params | {"temporal_strength": settings.temporal_strength, "own": task.segment.start}
    chain = [Input.artifact("painted", artifact) for artifact in painted]
    chain += [Input.artifact("before", before)] if before is not None else []
    return Recipe(STAGE, VERSION, params, (*chain, *task.recipe.inputs, *inputs))


class _Painter:
    """The networks of the second pass, loaded when the first frame needs them."""

    def __init__(self, task: SegmentTask, progress: Progress) -> None:
        self._task, self._progress = task, progress

    def paint(self, *args, **kwargs) -> np.ndarray:
        """See `TemporalPainter.paint`; where memory runs out, it goes on more thriftily."""
        from dancegen.renderers.film.memory import is_out_of_memory, release

        while True:
            networks = self.networks
            try:
                return networks.paint(*args, **kwargs)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                shortage = str(error).splitlines()[0] if str(error) else type(error).__name__
            if networks.thrifty:
                raise DancegenError(
                    f"the memory of this device is too small for the second pass ({shortage}): try a smaller --size, "
                    "--device cpu, or no --temporal"
                )
            self._progress.warn(f"out of memory ({shortage}); the second pass goes on more thriftily")
            networks.save_memory()
            release()

    @cached_property
    def networks(self):
        from dancegen.devices import choose_device
        from dancegen.renderers.animatediff.plan import working_dtype
        from dancegen.renderers.animatediff.temporal import TemporalPainter
        from dancegen.renderers.film.memory import level_named

        task, device = self._task, choose_device(self._task.device)
        networks = TemporalPainter(
            task.models, task.settings, device=device, dtype=working_dtype(device), portrait=task.portrait
        )
        if not level_named(task.level).resident:
            networks.save_memory()
        return networks


class _Chunk:
    """One segment's own frames in the second pass; each finished frame is kept aside until all are there."""

    def __init__(self, task, first_pass, before: Artifact | None, kept: Path, painter: _Painter, advance) -> None:
        self.task, self.first_pass, self.kept, self.painter, self.advance = task, first_pass, kept, painter, advance
        self.before = before

    def build(self, directory: Path) -> dict:
        from dancegen.renderers.animatediff.loading import quiet_libraries

        self.kept.mkdir(parents=True, exist_ok=True)
        segment, last = self.task.segment, None
        with quiet_libraries():
            for number, frame in enumerate(self.first_pass(), segment.start):
                file = self.kept / frame_name(number)
                last = _read(file) if file.exists() else self._again(frame, number, last)
                if not file.exists():
                    temporary = file.with_suffix(".partial")
                    write_frame(temporary, last)
                    temporary.replace(file)
                self.advance(1)
        for number in range(segment.start, segment.stop):
            (self.kept / frame_name(number)).replace(directory / frame_name(number))
        return {"frames": segment.stop - segment.start}

    def _again(self, frame: np.ndarray, number: int, last: np.ndarray | None) -> np.ndarray:
        from dancegen.pose.drawing import draw_openpose

        if last is None and self.before is not None:
            last = _read(self.before.file(frame_name(number - 1)))
        if last is None:
            return frame  # the film's first frame has none before it
        task, place = self.task, number - self.task.segment.first
        pose = draw_openpose(task.keypoints[place], task.size)
        return self.painter.paint(
            frame, pose, last, task.texts, task.shares[place], seed=task.seed, number=number
        )  # fmt: skip


def _read(path: Path) -> np.ndarray:
    import cv2

    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
