"""Drafts of a painted film: a few seconds of it, or one window of each of some seeds beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.codecs import CODECS
from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.declare import flag_of
from dancegen.renderers.film.frames import Composition, write_frame
from dancegen.stages.dance_files import AUDIO
from dancegen.stages.film_command import AskedFilm, tags_of
from dancegen.stages.film_segments import SegmentTask, paint_segments
from dancegen.store import Artifact, Recipe

if TYPE_CHECKING:
    from dancegen.renderers.film.backend import Grid
    from dancegen.renderers.film.settings import FilmOptions

SHEET = "sheet.png"
LONGEST_GAP = 1.6
"""Between two key frames, in usual ones: beats are where they are."""
SHOWN = 6
"""Frames of each seed on the sheet."""
WIDEST = 4
"""Seeds beside each other in the video, at most."""
LABEL = 24
"""Pixels over each picture, for its seed."""


def part_of(settings: FilmOptions, frames: int, fps: float, grid: Grid) -> tuple[int, int]:
    """(first frame, frame after the last) of a dance of so many frames, as far as it is painted.

    All of it; with --preview those seconds; with --seeds what one window shows. Raises InputError where the dance does
    not last so long.
    """
    first, stop = 0, frames
    if settings.preview is not None:
        first, stop = (round(second * fps) for second in settings.preview)
        if first >= frames:
            raise InputError(
                f"--preview {settings.preview[0]:g}-{settings.preview[1]:g}: the dance lasts {frames / fps:.1f} s"
            )
    if settings.seeds:
        stop = min(stop, first + int(np.ceil(grid.shortest * LONGEST_GAP * max(fps / grid.rate, 1))))
    return first, min(stop, frames)


def left_out(asked: FilmOptions, settings: FilmOptions) -> tuple[str, ...]:
    """The options that a person gave and that a draft of seeds goes without.

    asked: the settings as they were given; settings: with everything filled in.
    """
    if not settings.seeds:
        return ()
    given = (each for each in fields(asked) if each.name in asked.given() and getattr(asked, each.name))
    return tuple(flag_of(each) for each in given if not getattr(settings, each.name))


def build_draft(
    directory: Path, job: AskedFilm, tasks: Sequence[SegmentTask], recipe: Recipe, context: Context
) -> dict[str, Any]:
    """One window of each seed: all of them in one video, and a sheet with some frames of each in a row of its own.

    tasks: of one seed; where another shot or text begins within the window, there are several.
    """
    first = tasks[0].seed
    seeds = range(first, first + int(job.settings.seeds or 1))
    each = [replace(task, seed=seed) for seed in seeds for task in tasks]
    with (
        context.progress.task(f"painting {len(seeds)} seeds", sum(task.steps for task in each)) as advance,
        tasks[0].held_painter(context.progress) as painter,
    ):
        made = paint_segments(
            each, context.store, painter, force=context.force, progress=context.progress, advance=advance
        )
    painted = [made[first : first + len(tasks)] for first in range(0, len(made), len(tasks))]
    write_frame(directory / SHEET, _sheet(seeds, job, painted))
    wide = min(WIDEST, len(seeds))
    width, height = job.request.size
    size = (wide * width, -(-len(seeds) // wide) * (height + LABEL))
    film = Composition(
        size, job.fps, job.shown_frames, job.keys.tolist(), job.poses.file(AUDIO), tags_of(job, recipe),
        CODECS[job.request.options.codec], job.request.options.frames,
        job.part[0] / job.fps,
    )  # fmt: skip
    seconds = film.write(directory, _beside(seeds, job, painted, wide), context.progress)
    computed = sum(not artifact.cached for artifact in made)
    return {
        "seconds": round(seconds, 3), "frames": job.shown_frames, "fps": job.fps, "size": list(size),
        "key_frames": len(job.keys) * len(seeds), "seeds": list(seeds), "segments_total": len(made),
        "segments_computed": computed, "goes_without": list(left_out(job.request.asked, job.settings)),
    }  # fmt: skip


def _beside(
    seeds: Sequence[int], job: AskedFilm, painted: Sequence[Sequence[Artifact]], wide: int
) -> Iterator[np.ndarray]:  # fmt: skip
    """(H, W, 3) uint8: each frame of all seeds, so many in a row, each under its seed. painted: segments of each."""
    for frames in zip(*(job.all_frames(own) for own in painted), strict=True):
        cells = [_labelled(frame, f"seed {seed}") for seed, frame in zip(seeds, frames, strict=True)]
        cells += [np.zeros_like(cells[0])] * (-len(cells) % wide)
        yield np.vstack([np.hstack(cells[first : first + wide]) for first in range(0, len(cells), wide)])


def _sheet(seeds: Sequence[int], job: AskedFilm, painted: Sequence[Sequence[Artifact]]) -> np.ndarray:
    """(H, W, 3) uint8: a row of frames, evenly over the window, of each seed. painted: segments of each."""
    wanted = set(np.linspace(0, len(job.keys) - 1, SHOWN).round().astype(int).tolist())
    rows = []
    for seed, own in zip(seeds, painted, strict=True):
        cells = [frame for place, frame in enumerate(job.all_frames(own)) if place in wanted]
        rows.append(_labelled(np.hstack(cells), f"seed {seed}"))
    return np.vstack(rows)


def _labelled(picture: np.ndarray, words: str) -> np.ndarray:
    """The picture with a line of words over it."""
    import cv2

    line = np.zeros((LABEL, picture.shape[1], 3), np.uint8)
    cv2.putText(line, words, (4, LABEL - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([line, picture])
