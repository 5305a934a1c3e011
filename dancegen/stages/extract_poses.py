"""extract-poses: the dances of a dataset, as cameras see them or saw them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from dancegen.context import Context
from dancegen.dataset.format import CLIPS_FILE, read_clips
from dancegen.detectors.registry import AUTO, resolve
from dancegen.dry_run import Pending
from dancegen.errors import InputError
from dancegen.options.data import ExtractPosesOptions
from dancegen.options.declare import Options, recipe_for
from dancegen.options.shared import CAMERAS, NO_DETECTOR, Cleaning, Extracting, Parallel
from dancegen.pose.cleaning import CleaningSettings
from dancegen.stages.detect_people import Look
from dancegen.stages.extract_clips import Extraction, task_of
from dancegen.stages.extraction import ExtractionJob
from dancegen.store import Artifact, Input
from dancegen.store.manifest import MANIFEST
from dancegen.video import VIDEO_SUFFIXES

STAGE = "extract-poses"
VERSION = 4


def extract_poses(options: ExtractPosesOptions, context: Context) -> Artifact:
    """A pose dataset: the dances of a dataset as 18 keypoints a frame, with each clip's music beside it.

    Motion capture is seen from several camera angles: views are degrees of azimuth round the dancer, 0 from the front,
    and cameras with a perspective by name (see `motion.cameras`). In filmed dances a detector looks for the dancer, and
    what it sees is cleaned; poses from files are cleaned. What could not be used is in the summary, under `rejected`
    and `left_out`. The result needs neither the dataset nor its sources. Raises InputError.
    """
    options.check_workers()
    azimuths = parse_views(options.views)
    dataset, left_out = _dataset(options, context)
    made_of = Input.artifact("dataset", dataset)
    job = _job(dataset, azimuths, options, context, left_out)
    acting, look = _acting(options, {task.kind for task in job.tasks}), job.extraction.look
    inputs = {"dataset": (made_of,), "detector": () if look is None else (look.weights,)}
    named = {} if look is None else {"detector": look.detector.name}
    recipe = recipe_for(STAGE, VERSION, acting, inputs, views=parse_views(acting.views), **named)
    artifact = context.obtain(recipe, job.build)
    context.tell(job.ahead)
    return artifact


def _dataset(options: ExtractPosesOptions, context: Context) -> tuple[Artifact, list[str]]:
    """The prepared dataset that is meant; of videos that are given themselves the one that they become, and which of
    them were left out. Raises InputError.
    """
    given = options.dataset
    if isinstance(given, Artifact) or given is None or not _is_footage(Path(given)):
        return context.resolve(given, "prepare"), []
    from dancegen.options.data import PrepareOptions
    from dancegen.stages.prepare import prepare

    context.progress.say(f"{given} is prepared first, as by: dancegen prepare {given}")
    workers: dict[str, Any] = {
        "workers": options.workers,
        "backend": options.backend,
        "scheduler": options.scheduler,
    }
    try:
        dataset = prepare(PrepareOptions(sources=(given,), **workers), context.step())
    except InputError as error:
        raise InputError(f"{error}; to choose how {given} is prepared, first run dancegen prepare {given}") from error
    return dataset, [] if isinstance(dataset, Pending) else dataset.summary.get("left_out", [])


def _is_footage(path: Path) -> bool:
    """Whether a path leads to a person's own files, and to no dataset."""
    if path.is_dir():
        return not any((path / name).exists() for name in (CLIPS_FILE, MANIFEST))
    return path.is_file() and path.suffix.lower() in VIDEO_SUFFIXES


def _job(
    dataset: Artifact, azimuths: list[int | str], options: ExtractPosesOptions, context: Context, left_out: list[str]
) -> ExtractionJob:
    digests = {entry.path: entry.sha256 for entry in dataset.files}
    tasks = [task_of(dataset, clip, digests) for clip in read_clips(dataset)]
    look = _look(options, context) if any(task.kind == "video" for task in tasks) else None
    extraction = Extraction(
        dataset.path, dataset.path, tuple(azimuths), options.canvas, CleaningSettings.of(options), look, context.store,
        context.force,
    )  # fmt: skip
    return ExtractionJob(tasks, extraction, options.only(Parallel), context.progress, left_out)


def _look(options: ExtractPosesOptions, context: Context) -> Look:
    """Who looks at video, and on which device. Raises InputError where the detector is not there."""
    if str(options.detector) == NO_DETECTOR:
        raise InputError("there is video in the dataset, and --detector none looks at none: leave it out, for auto")
    spec = resolve(options.detector or AUTO, hands=options.hands, face=options.face, offline=options.offline)
    spec.tell(context.progress)
    return Look(spec, spec.input("detector"), context.device)


def _acting(options: ExtractPosesOptions, kinds: set[str]) -> ExtractPosesOptions:
    """The options, but those that can change nothing in a dataset of these kinds of clips as if they were left out."""
    idle: dict[str, Any] = {}
    if "video" not in kinds:
        idle |= _all_of(Extracting())
    if not kinds & {"video", "poses"}:
        idle |= _all_of(Cleaning())
    if "motion" not in kinds:
        idle["views"] = ExtractPosesOptions().views
    return replace(options, **idle)


def _all_of(options: Options) -> dict[str, Any]:
    return {each.name: getattr(options, each.name) for each in fields(options)}


def parse_views(views: str | Iterable[float | str]) -> list[int | str]:
    """Cameras from "0,45,orbit" or a list: whole degrees, 0 to 359, then names; sorted, each once.

    Raises InputError.
    """
    texts = [str(text).strip() for text in (views.split(",") if isinstance(views, str) else views)]
    names = sorted({text for text in texts if text in CAMERAS})
    try:
        degrees = sorted({round(float(text)) % 360 for text in texts if text and text not in CAMERAS})
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"--views {views} is not a list of camera angles in degrees, like 0,45,90,135, or of cameras: "
            f"{', '.join(CAMERAS)}"
        ) from error
    if not degrees and not names:
        raise InputError("--views names no camera angle: give degrees, like 0,45,90,135")
    return [*degrees, *names]
