"""evaluate --protocol aist: the figures that papers on music to dance report, of joints in space.

Dances are a model's, those in the store, poses with joints in space, or recordings of any format that has a reader,
such as what another program wrote in AIST++'s. Real dance is a prepared dataset, or a folder of recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from dancegen.context import Context
from dancegen.errors import DancegenError, InputError, MocapError
from dancegen.options.dance import EvaluateOptions
from dancegen.options.declare import recipe_for
from dancegen.stages.dance_files import BEATS, DANCES, MOTION, POSES
from dancegen.stages.evaluation_dances import dance_to_songs
from dancegen.stages.evaluation_inputs import MODEL, VIDEO_KIND, EvaluationInput, find_inputs, songs_for_models
from dancegen.stages.own_outputs import is_artifact
from dancegen.stages.takes import TakeFile, find_sources
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.stages.track_beats import beats_of_song, tracker_of
from dancegen.store import Artifact, Input

if TYPE_CHECKING:
    import numpy as np

    from dancegen.audio.trackers import BeatTracker
    from dancegen.metrics.published.protocol import PublishedDance

STAGE, VERSION = "evaluate", 8
METRICS, REPORT = "metrics.json", "report.html"
REAL = "real dance"
AS_PAPERS = "aist"
_FLAT = "it dances in pictures, and the protocol measures joints in space"
_FEW = "only {dances}: its distances say little, papers measure {enough}"
_NO_MUSIC = (
    "no music is known of it, so nothing is said of beats: put the songs that AIST++'s names say into a folder music "
    "beside the motion"
)
_DATASET = (
    "real dance comes from a prepared dataset: its clips are cut, in time with songs and at {fps:g} frames a second; "
    "for figures beside a paper's give the folder of recordings itself"
)


@dataclass(frozen=True)
class _Moving:
    """A dance in space that is read when it is measured. inputs: what of it enters the recipe."""

    row: str
    label: str
    read: Callable[[], PublishedDance]
    inputs: tuple[Input, ...]


def evaluate_published(options: EvaluateOptions, context: Context) -> Artifact:
    """metrics.json and report.html in the figures of the AIST++ protocol. Raises InputError for what has no joints in
    space, and where no real dance is named."""
    if options.reference is None:
        raise InputError(
            f"--protocol {options.protocol} holds dances against real ones: name them with --reference, a prepared "
            "dataset or a folder of motion such as AIST++'s motions"
        )
    tracker = tracker_of(options)
    dances = _dances(options, tracker, context)
    real, notes = _real(options.reference, tracker, context)
    inputs = {
        "inputs": tuple(item for each in dances for item in each.inputs),
        "reference": tuple(item for each in real for item in each.inputs),
        "songs": (),  # as what is danced to them
        "detector": (),
        "beat_tracker": tracker.inputs,
    }
    recipe = recipe_for(STAGE, VERSION, options, inputs, tracker=TRACKER)
    return context.obtain(recipe, lambda directory: _build(directory, dances, real, notes, context))


def _dances(options: EvaluateOptions, tracker: BeatTracker, context: Context) -> list[_Moving]:
    from dancegen.choreographers import choose_model

    takes, others = [], []
    for each in options.inputs:
        (takes if _is_recordings(each) else others).append(each)
    found: list[_Moving] = []
    for place in map(Path, takes):
        found += [_of_take(place.stem, item, tracker, context) for item in find_sources([place], context.progress)[0]]
    inputs = find_inputs(others, context.store)
    models = [each for each in inputs if each.kind == MODEL]
    for model in models:
        choose_model(model.path, context.store, _no_dataset).body()
    songs = songs_for_models(options.songs) if models else []
    found += [_of_artifact(name, made) for name, made in dance_to_songs(models, songs, None, options, context)]
    found += [_of_poses(each) for each in inputs if each.kind != MODEL]
    if not found:
        raise InputError("name what to measure: a model, dances, or recordings such as a folder of AIST++'s .pkl")
    return found


def _no_dataset() -> NoReturn:
    raise InputError(f"a baseline: {_FLAT}")


def _is_recordings(reference: Artifact | str | Path) -> bool:
    """Whether it is a recording in some format, or a folder of them, and nothing that dancegen made."""
    from dancegen.choreographers import BUNDLED
    from dancegen.motion.readers.registry import find_takes

    if isinstance(reference, Artifact) or str(reference) in BUNDLED:
        return False
    path = Path(reference)
    if not path.exists() or is_artifact(path) or (path.suffix.lower() == ".npz" and path.name in (POSES, MOTION)):
        return False
    try:
        return bool(find_takes(path))
    except MocapError:
        return False


def _of_take(row: str, item: TakeFile, tracker: BeatTracker, context: Context) -> _Moving:
    """A recording; the music it names has its beats from the store, or tracked once for all that dance to it."""

    def read() -> PublishedDance:
        from dancegen.metrics.published.protocol import PublishedDance
        from dancegen.motion.readers import smpl

        is_smpl = item.take.reader is smpl.READER
        motion = smpl.read_smpl(item.take.path) if is_smpl else item.take.read()
        if item.song is None:
            return PublishedDance.of(motion)
        beats = beats_of_song(item.song, context, tracker)
        return PublishedDance.of(motion, beats.times_s - item.take.info.song_start_s)

    music = () if item.song is None else (item.song.input,)
    return _Moving(row, item.shown, read, (*item.inputs, *music))


def _of_artifact(row: str, dance: Artifact) -> _Moving:
    from dancegen.motion.body import BodyMotion

    if not any(entry.path == MOTION for entry in dance.files):
        raise InputError(f"{row}: {_FLAT}")

    def read() -> PublishedDance:
        from dancegen.metrics.published.protocol import PublishedDance

        return PublishedDance.of(BodyMotion.load(dance.file(MOTION)), _beats(dance.file(BEATS)))

    return _Moving(row, dance.path.name, read, (Input.artifact(f"dance {row}", dance),))


def _of_poses(subject: EvaluationInput) -> _Moving:
    """A dance of the store, or a file of poses with joints in space."""
    if subject.kind == VIDEO_KIND:
        raise InputError(f"{subject.name}: {_FLAT}")
    artifact = subject.artifact
    if artifact is not None and artifact.stage in DANCES and any(each.path == MOTION for each in artifact.files):
        return _of_artifact(subject.name, artifact)
    path = subject.path / POSES if subject.path.is_dir() else subject.path
    if path.suffix.lower() != ".npz":
        raise InputError(f"{subject.name}: {_FLAT}")
    beats = path.with_name(BEATS)

    def read() -> PublishedDance:
        from dancegen.metrics.published.protocol import PublishedDance
        from dancegen.motion.anatomy import body_height
        from dancegen.motion.motion import Motion
        from dancegen.pose.sequence import PoseSequence

        sequence = PoseSequence.load(path)
        if sequence.joints3d is None:
            raise InputError(f"{subject.name}: {_FLAT}")
        motion = Motion.of_joints(sequence.joints3d, sequence.fps, body_height(sequence.joints3d))
        return PublishedDance.of(motion, _beats(beats) if beats.is_file() else None)

    music = (Input.file(f"beats {subject.name}", beats),) if beats.is_file() and artifact is None else ()
    return _Moving(subject.name, path.name, read, (subject.input, *music))


def _beats(path: Path) -> np.ndarray:
    from dancegen.audio.beats import Beats

    return Beats.load(path).times_s


def _real(reference: Artifact | str | Path, tracker: BeatTracker, context: Context) -> tuple[list[_Moving], list[str]]:
    """The real dances, and what is to be said of them."""
    if _is_recordings(reference):
        takes, faults = find_sources([Path(str(reference))], context.progress)
        return [_of_take(REAL, item, tracker, context) for item in takes], [
            f"left out of real dance: {fault}" for fault in faults
        ]
    from dancegen.dataset.format import read_clips

    dataset = context.resolve(reference, "prepare")
    clips = read_clips(dataset)
    once: dict[str, str] = {}  # a take that is danced to several songs counts once
    chosen = [clip for clip in clips if once.setdefault(clip.source, clip.song) == clip.song]
    moving = [_of_clip(dataset, clip.id) for clip in chosen]
    return moving, [_DATASET.format(fps=clips[0].fps)]


def _of_clip(dataset: Artifact, clip: str) -> _Moving:
    def read() -> PublishedDance:
        from dancegen.dataset.format import MOTION_FILE, ClipMotion, clip_dir
        from dancegen.metrics.published.protocol import PublishedDance

        place = clip_dir(dataset.path, clip)
        return PublishedDance.of(ClipMotion.load(place / MOTION_FILE).motion, _beats(place / BEATS))

    return _Moving(REAL, clip, read, (Input.artifact("real dance", dataset),))


def _build(
    directory: Path, dances: list[_Moving], real_dances: list[_Moving], notes: list[str], context: Context
) -> dict:
    from dancegen.metrics.dance import rounded
    from dancegen.metrics.published.protocol import RealDances, figures, of_one
    from dancegen.metrics.report.published_page import write_published_report

    found = list(_read(real_dances, "Reading real dance", notes, context))
    if len(found) < 2:
        raise InputError(f"--reference: {len(found)} real dances can be read, and a spread takes two: {notes[-1:]}")
    real = RealDances.of([dance for _, dance in found])
    rows, each = {REAL: real.own}, []
    grouped: dict[str, list[PublishedDance]] = {}
    for moving, dance in _read(dances, "Reading the dances", notes, context):
        pieces = dance.pieces()
        grouped.setdefault(moving.row, []).extend(pieces)
        each += [{"row": moving.row, "dance": moving.label, **rounded(of_one(piece))} for piece in pieces]
    if not grouped:
        raise InputError(f"nothing can be measured: {notes[-1]}")
    rows |= {name: figures(pieces, real) for name, pieces in grouped.items()}
    said = {name: _remarks(pieces) for name, pieces in grouped.items()}
    about = f"Real dance is {len(found)} dances, {real.own['seconds'] / 60:.0f} minutes."
    record = {
        "protocol": AS_PAPERS,
        "notes": notes,
        "reference": {"dances": len(found), "seconds": round(real.own["seconds"], 1)},
        "rows": [{"name": name, **rounded(row), "notes": said.get(name, [])} for name, row in rows.items()],
        "dances": each,
    }
    (directory / METRICS).write_text(json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    write_published_report(directory / REPORT, rows, about, [*notes, *(f"{n}: {s}" for n in said for s in said[n])])
    return {
        "protocol": AS_PAPERS,
        "dances": len(each),
        "seconds": round(sum(one["seconds"] for one in each), 1),
        "real_dances": len(found),
        "figures": {name: rounded(row) for name, row in rows.items()},
    }


def _remarks(dances: list[PublishedDance]) -> list[str]:
    """What is to be said of a row's figures."""
    from dancegen.metrics.published.protocol import ENOUGH

    said = []
    if len(dances) < ENOUGH:
        said.append(_FEW.format(dances="1 dance" if len(dances) == 1 else f"{len(dances)} dances", enough=ENOUGH))
    if all(dance.beats is None for dance in dances):
        said.append(_NO_MUSIC)
    return said


def _read(
    moving: list[_Moving], label: str, notes: list[str], context: Context
) -> Iterator[tuple[_Moving, PublishedDance]]:
    """The dances that can be read and last long enough; of the others it is noted why not."""
    from dancegen.metrics.published.protocol import SHORTEST_S

    with context.progress.task(label, len(moving)) as advance:
        for each in moving:
            try:
                dance = each.read()
                if dance.seconds >= SHORTEST_S:
                    yield each, dance
                else:
                    notes.append(
                        f"{each.label} left out: it lasts {dance.seconds:.1f} s, and {SHORTEST_S:g} are needed"
                    )
            except DancegenError as error:
                notes.append(f"{each.label} left out: {error}")
            advance(1)
