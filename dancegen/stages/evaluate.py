"""evaluate: how good are these dances, beside real dance and beside what a model must beat?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.detectors.registry import resolve
from dancegen.errors import InputError
from dancegen.options.dance import EvaluateOptions
from dancegen.options.declare import recipe_for
from dancegen.options.shared import NO_DETECTOR
from dancegen.progress import Progress
from dancegen.stages.evaluation_dances import dance_to_songs
from dancegen.stages.evaluation_inputs import (
    MODEL,
    VIDEO_KIND,
    EvaluationInput,
    Recording,
    check_names,
    find_inputs,
    real_recordings,
    recording_of,
    recording_of_artifact,
    songs_for_models,
)
from dancegen.stages.evaluation_published import METRICS, REPORT, STAGE, VERSION, evaluate_published
from dancegen.stages.evaluation_video import EvaluationVideo, find_video, watch
from dancegen.store import Artifact, Input, Recipe

if TYPE_CHECKING:
    import numpy as np

    from dancegen.metrics.dance import Dance
    from dancegen.metrics.reference import Reference
    from dancegen.metrics.repetition import Repertoire
    from dancegen.metrics.table import Row

REAL_STAGE = "reference"
NO_FIDELITY = "videos were not held to the poses that were asked for: name OpenPose weights with --detector"
NO_OTHER_SONG = "no row tells how a dance keeps the time of another song: that takes two songs, give --songs a folder"
REFERENCE = "reference.npz"


def evaluate(options: EvaluateOptions, context: Context) -> Artifact:
    """Figures of dances beside those of real dance and of the baselines: metrics.json and report.html.

    With a `protocol` the figures are those of papers (see `evaluation_published`) and the reference is motion. Else,
    with a dataset for reference, the baselines dance to the same songs, and the result holds a reference.npz of it.
    Raises InputError for what cannot be evaluated.
    """
    if options.protocol is not None:
        return evaluate_published(options, context)
    store, progress = context.store, context.progress
    found = find_inputs(options.inputs, store)
    if not found and options.reference is None:
        raise InputError("name something to evaluate: a model (gan), poses or a video; or a --reference to measure")
    if options.songs is not None and options.reference is None and not any(each.kind == MODEL for each in found):
        progress.warn("--songs is what models dance to, and there is no model among these")
    asked = None if str(options.detector) == NO_DETECTOR else options.detector
    if asked is not None and not any(each.kind == VIDEO_KIND for each in found):
        progress.warn("--detector finds the dancer in videos, and there is no video among these")
    check_names(found)
    reference, dataset = _real_dance(options.reference, context)
    models = [subject for subject in found if subject.kind == MODEL]
    models += [_baseline(name) for name in _more_baselines(models, dataset)]
    made = dance_to_songs(models, songs_for_models(options.songs), dataset, options, context)
    recordings = [recording_of_artifact(name, each) for name, each in made]
    real = reference.file(REFERENCE) if isinstance(reference, Artifact) else reference
    posed = [each for each in found if each.kind not in (MODEL, VIDEO_KIND)]
    recordings += [recording_of(each, options.json_fps, options.json_canvas) for each in posed]
    videos = [find_video(subject, store) for subject in found if subject.kind == VIDEO_KIND]
    if videos and asked is not None:
        detector = resolve(asked)
        detector.tell(progress)
        videos = [video.seen_by(detector) for video in videos]
    danced = tuple(item for recording in recordings for item in recording.inputs)
    watched = tuple(item for video in videos for item in video.inputs)
    recipe = recipe_for(
        STAGE,
        VERSION,
        options,
        {
            "reference": (
                Input.file("reference", real),
                *([] if dataset is None else [Input.artifact("dataset", dataset)]),
            ),
            "songs": (),  # as what is danced to them
            "inputs": danced,
            "detector": watched,
            "beat_tracker": (),  # as what was danced
        },
    )

    def build(directory: Path) -> dict:
        return _build(directory, recordings, videos, real, dataset, context)

    return context.obtain(recipe, build)


def _real_dance(reference: Artifact | str | Path | None, context: Context) -> tuple[Path | Artifact, Artifact | None]:
    """Real dance's statistics, a file or an artifact that holds it, and the pose dataset where one was named."""
    from dancegen.assets import asset
    from dancegen.metrics.reference import VERSION as REAL_VERSION
    from dancegen.metrics.reference import Reference, measure_real

    if reference is None:
        return asset(REFERENCE), None
    if not isinstance(reference, Artifact) and Path(reference).is_file():
        Reference.load(Path(reference))  # what is none should be said before anybody dances
        return Path(reference), None
    dataset = context.resolve(reference, "extract-poses")
    recipe = Recipe(REAL_STAGE, REAL_VERSION, {}, (Input.artifact("dataset", dataset),))

    def build(directory: Path) -> dict:
        real = measure_real(dataset.path, context.progress)
        real.save(directory / REFERENCE)
        return dict(real.about)

    made = context.step(force=False).obtain(recipe, build)
    return made, dataset


def _baseline(name: str) -> EvaluationInput:
    return EvaluationInput(name, MODEL, Path(name))


def _more_baselines(models: list[EvaluationInput], dataset: Artifact | None) -> list[str]:
    """The baselines that dance beside the models: all of them, where there is a dataset to dance with."""
    from dancegen.choreographers import BASELINES

    named = {model.name for model in models}
    return [name for name in BASELINES if name not in named] if dataset is not None else []


def _build(
    directory: Path,
    recordings: list[Recording],
    videos: list[EvaluationVideo],
    real_file: Path,
    dataset: Artifact | None,
    context: Context,
) -> dict:
    from dancegen.metrics.dance import rounded
    from dancegen.metrics.reference import REAL, Reference
    from dancegen.metrics.report.page import write_report
    from dancegen.metrics.table import Row

    real = Reference.load(real_file)
    progress = context.progress
    measured = _measure(recordings, real, progress)
    measured += [watch(video, context.device, progress) for video in videos]
    dances, baselines = ([row for row in measured if row.is_baseline == wanted] for wanted in (False, True))
    shown = real_recordings(dataset) if dataset is not None else []
    real_row = Row(REAL, real.rows[REAL], recordings=shown, dances=[_load(recording) for recording in shown])
    named = {REAL, *(row.name for row in measured)}
    known = [Row(name, figures) for name, figures in real.rows.items() if name not in named]
    rows = [real_row, *dances, *baselines, *known]
    if dataset is not None:
        real.with_rows({row.name: row.figures for row in baselines}).save(directory / REFERENCE)
    notes = _notes(measured, videos)
    record = {
        "notes": notes,
        "reference": real.about,
        "rows": [{"name": row.name, **rounded(row.figures), "notes": row.notes} for row in rows],
        "dances": [
            {"row": row.name, "song": song, **rounded(figures)}
            for row in measured
            for song, figures in zip(row.songs, row.each, strict=True)
        ],
    }
    (directory / METRICS).write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    write_report(directory / REPORT, rows, real, notes, progress)
    return {
        "dances": len(recordings) + len(videos),
        "seconds": round(sum(row.figures.get("seconds", 0.0) for row in measured), 1),
        "real_takes": real.about.get("training_takes"),
        "figures": {row.name: rounded(row.figures) for row in rows},
    }


def _measure(recordings: list[Recording], real: Reference, progress: Progress) -> list[Row]:
    """A row of figures for each name among the recordings, over all songs it dances to."""
    from dancegen.metrics.dance import Windows, average, distances, measure
    from dancegen.metrics.table import Row

    dances = [_load(recording) for recording in recordings]
    songs = {dance.beats_s.tobytes(): dance.beats_s for dance in dances if dance.beats_s is not None}
    rows: dict[str, Row] = {}
    with progress.task("Measuring", len(recordings)) as advance:
        for recording, dance in zip(recordings, dances, strict=True):
            row = rows.setdefault(recording.row, Row(recording.row, {}))
            row.recordings.append(recording)
            row.songs.append(recording.song)
            row.dances.append(dance)
            row.each.append(measure(dance, _other_songs(dance, songs)))
            advance(1)
    for row in rows.values():
        row.windows = Windows.of(row.dances)
        row.figures = average(row.each) | distances(row.windows, real.kinetic, real.geometric)
    _look_for_copies(list(rows.values()), real.repertoire, progress)
    return list(rows.values())


def _notes(measured: list[Row], videos: list[EvaluationVideo]) -> list[str]:
    """What is to be said once of all rows: which figures are not there, and how to get them."""
    from dancegen.metrics.table import known

    notes = []
    if any(video.detector is None for video in videos):
        notes.append(NO_FIDELITY)
    figures = [row.figures for row in measured]
    if any(known(row.get("bas_music")) for row in figures) and not any(known(row.get("bas_other")) for row in figures):
        notes.append(NO_OTHER_SONG)
    return notes


def _load(recording: Recording) -> Dance:
    from dancegen.metrics.dance import Dance

    return Dance.of(*recording.load())


def _other_songs(dance: Dance, songs: Mapping[bytes, np.ndarray]) -> list[np.ndarray]:
    """The beats of all songs but the dance's own; `songs` has each song's beats under their bytes."""
    if dance.beats_s is None:
        return []
    return [beats for key, beats in songs.items() if key != dance.beats_s.tobytes()]


def _look_for_copies(rows: list[Row], repertoire: Repertoire, progress: Progress) -> None:
    """Add `copying` to the rows' figures, in one pass over the training dances."""
    import numpy as np

    from dancegen.metrics.repetition import copying, nearest_training, repetition_windows

    if not rows:
        return
    windows = [np.concatenate([repetition_windows(dance.positions) for dance in row.dances]) for row in rows]
    with progress.task("Looking for copies", len(repertoire.lengths)) as advance:
        nearest = nearest_training(np.concatenate(windows), _counted(repertoire.windows(), advance))
    ends = np.cumsum([len(part) for part in windows])
    for row, part in zip(rows, np.split(nearest, ends[:-1]), strict=True):
        row.figures["copying"] = copying(part)


def _counted(items: Iterable, advance: Callable[[int], None]) -> Iterator:
    for item in items:
        yield item
        advance(1)
