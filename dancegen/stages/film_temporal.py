"""render-temporal: a film's painted frames painted again, one after the other, each seeing the one before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.errors import DancegenError
from dancegen.progress import Advance, Progress
from dancegen.renderers.film.finite import NotFinite, Widened, widening
from dancegen.renderers.film.frames import frame_name, read_frame, write_frame
from dancegen.renderers.film.settings import Reach
from dancegen.stages.film_segments import BEFORE, WIDENED, SegmentTask
from dancegen.store import Artifact, Input, Recipe, Store

if TYPE_CHECKING:
    from dancegen.renderers.film.backend import FramePainter

STAGE = "render-temporal"
VERSION = 5


def render_temporal(
    tasks: Sequence[SegmentTask],
    painted: Sequence[Artifact],
    first_pass: Callable[[int], Iterator[np.ndarray]],
    store: Store,
    *,
    force: bool,
    progress: Progress,
) -> list[Artifact]:
    """The second pass over a film's segments, in order: each begins with the last frame of the one before in its shot.

    first_pass: the own frames of a segment, by its place among the tasks. One machine does it, since every frame waits
    for the one before; what was done before a kill is not done again. Raises DancegenError where a device's memory is
    too small.
    """
    painter = _SteppingPainter(tasks[0], progress)
    made: list[Artifact] = []
    with progress.task("second pass", tasks[-1].segment.stop) as advance:
        for place, task in enumerate(tasks):
            shots = [each.segment.shot for each in tasks]
            before = made[-1] if place and shots[place - 1] == shots[place] else None
            fades = shots[place + 1 : place + 2] == [shots[place]]
            recipe = _recipe(task, painted[place : place + 1 + fades], before)
            frames = first_pass(place)
            segment = _SegmentAgain(task, before, store.scratch(recipe), painter, advance)

            def build(directory: Path, again=segment, frames=frames) -> dict:
                return again.build(directory, frames)

            made.append(store.obtain(recipe, build, force=force, progress=progress, standalone=False))
    return made


def _recipe(task: SegmentTask, painted: Sequence[Artifact], before: Artifact | None) -> Recipe:
    """The first pass of a segment and of the one that fades in at its end, and the second pass of the one before."""
    chain = {
        "painted": tuple(Input.artifact("painted", artifact) for artifact in painted),
        BEFORE: () if before is None else (Input.artifact(BEFORE, before),),
    }
    return task.recipe_of(STAGE, VERSION, chain, (Reach.FILM,), own=task.segment.start)


class _SteppingPainter:
    """The networks of the second pass, loaded when the first frame needs them; thriftier where memory runs out."""

    def __init__(self, task: SegmentTask, progress: Progress) -> None:
        self._task, self._progress = task, progress
        self._widened = Widened()

    @property
    def widened(self) -> list[str]:
        """Where half precision was too narrow so far."""
        return list(self._widened.met)

    def begin(self, kept: Path, before: Artifact | None) -> None:
        """Compute in numbers as wide as in the segment before, and in what there is of this one."""
        self._widened.begin(() if before is None else before.summary.get(WIDENED, ()))
        self._widened.begin_noted(kept)

    def paint(self, *frames: Any, kept: Path, **place: Any) -> np.ndarray:
        """See `FramePainter.paint`; kept: where finished frames are.

        Raises DancegenError where no memory is left to save, or no precision is wider.
        """
        from dancegen.renderers.film.tiers import stepping_down

        def attempt() -> np.ndarray:
            return stepping_down(painted, self._step_down)

        def painted() -> np.ndarray:
            self._widened.catch_up(self._networks)
            return self._networks.paint(*frames, **place)

        def widen(fault: NotFinite) -> None:
            self._progress.warn(f"{fault}: {self._widened.widen(self._networks, fault, kept)}")

        return widening(attempt, widen)

    @cached_property
    def _networks(self) -> FramePainter:
        from dancegen.devices import choose_device
        from dancegen.renderers.film.tiers import tier_named

        task = self._task
        return task.backend.load_second_pass(
            task.models, task.settings, choose_device(task.device), tier_named(task.tier), task.portrait
        )

    def _step_down(self, shortage: str) -> None:
        from dancegen.renderers.film.tiers import release

        if "_networks" not in self.__dict__ or self._networks.thrifty:
            raise DancegenError(
                f"the memory of this device is too small for the second pass ({shortage}): try a smaller --size, "
                "--device cpu, or no --temporal"
            )
        self._progress.warn(f"out of memory ({shortage}); the second pass goes on more thriftily")
        self._networks.save_memory()
        release()


class _SegmentAgain:
    """One segment's own frames in the second pass; each finished frame is kept aside until all are there."""

    def __init__(
        self, task: SegmentTask, before: Artifact | None, kept: Path, painter: _SteppingPainter, advance: Advance
    ) -> None:
        self._task, self._before, self._kept, self._painter, self._advance = task, before, kept, painter, advance

    def build(self, directory: Path, frames: Iterator[np.ndarray]) -> dict:
        """Paint the frames again, or what is left of them, and put them into the artifact's directory."""
        from dancegen.hub import quiet_libraries

        self._kept.mkdir(parents=True, exist_ok=True)
        self._painter.begin(self._kept, self._before)
        segment, last = self._task.segment, None
        with quiet_libraries():
            for number, frame in enumerate(frames, segment.start):
                file = self._kept / frame_name(number)
                last = read_frame(file) if file.exists() else self._again(frame, number, last)
                if not file.exists():
                    temporary = file.with_suffix(".partial")
                    write_frame(temporary, last)
                    temporary.replace(file)
                self._advance(1)
        for number in range(segment.start, segment.stop):
            (self._kept / frame_name(number)).replace(directory / frame_name(number))
        widened = {WIDENED: self._painter.widened} if self._painter.widened else {}
        return {"frames": segment.stop - segment.start, **widened}

    def _again(self, frame: np.ndarray, number: int, last: np.ndarray | None) -> np.ndarray:
        if last is None and self._before is not None:
            last = read_frame(self._before.file(frame_name(number - 1)))
        if last is None:
            last = frame  # a shot's first one sees itself: left as it is, it would differ from all that come after
        task, place = self._task, number - self._task.segment.first
        pose = task.shown_poses.openpose(place, task.shown_size)
        strengths = {name: float(each[place]) for name, each in task.strengths.items()}
        return self._painter.paint(
            frame,
            pose,
            last,
            task.texts,
            task.weights[place],
            seed=task.seed,
            strengths=strengths,
            kept=self._kept,
        )
