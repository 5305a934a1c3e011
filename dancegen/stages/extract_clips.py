"""From one clip of a prepared dataset to clips of a pose dataset, in a process on this machine or another."""

from __future__ import annotations

import glob
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dancegen.dataset.cutting import Part, copy_music, part_of
from dancegen.dataset.format import (
    FRAMES_FILE,
    MOTION_FILE,
    VIDEO_VIEW,
    Clip,
    ClipKind,
    ClipMotion,
    clip_dir,
    clip_kind,
    clip_views,
    load_mel,
    poses_path,
    view_name,
)
from dancegen.errors import InputError, ModelError
from dancegen.pose.cleaning import CleaningSettings, clean_detections, onto_canvas
from dancegen.pose.detections import Detections, People
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import Advance
from dancegen.stages.detect_people import FILE, Look, detect_people
from dancegen.stages.one_by_one import Fault
from dancegen.store import Artifact, Input, Store

if TYPE_CHECKING:
    from dancegen.metrics.report.clip_look import ClipLook


@dataclass(frozen=True)
class ClipTask:
    """One clip of the dataset. pictures: of a filmed one its video, as a recipe's input. shown: whether the report
    shows pictures of it.
    """

    clip: Clip
    kind: ClipKind
    pictures: Input | None = None
    shown: bool = False

    @property
    def frames(self) -> int:
        """That there are to look at."""
        return round(self.clip.seconds * self.clip.fps)


@dataclass(frozen=True)
class Extraction:
    """What is the same for all clips: where they come from and go to, the cameras of motion capture, the canvas, how
    poses of video are cleaned, who looks at video, and where what is seen is kept.
    """

    source: Path
    target: Path
    azimuths: tuple[int | str, ...]
    size: tuple[int, int]
    cleaning: CleaningSettings
    look: Look | None
    store: Store
    force: bool = False


@dataclass(frozen=True)
class Dropped:
    """A part of a clip that was left out, from where to where in it in frames, why, and the reason in a few words."""

    clip: str
    view: str
    first: int
    frames: int
    reason: str
    kind: str
    first_s: float
    quality: float | None = None


@dataclass
class Extracted:
    """What came of a clip.

    frames, faces: by view, of its clips; the latter those in which a nose is seen. sequences: pose files that were
    written. looks: what the report says of it, by view. computed: whether a detector looked at it just now. fault: why
    nothing could come of it.
    """

    task: ClipTask
    clips: list[Clip] = field(default_factory=list)
    frames: Counter[str] = field(default_factory=Counter)
    faces: Counter[str] = field(default_factory=Counter)
    dropped: list[Dropped] = field(default_factory=list)
    looks: list[ClipLook] = field(default_factory=list)
    computed: bool = False
    sequences: int = 0
    fault: str = ""

    def add(self, view: str, poses: PoseSequence) -> None:
        """Count a pose sequence that was written."""
        self.sequences += 1
        self.frames[view] += len(poses)
        self.faces[view] += int(np.count_nonzero(poses.keypoints[:, 0, 2]))


def task_of(dataset: Artifact, clip: Clip, digests: Mapping[str, str]) -> ClipTask:
    """A clip of a dataset. digests: SHA-256 of the artifact's files. Raises NotFoundError where it holds no dance."""
    kind = clip_kind(dataset.path, clip)
    if kind != "video":
        return ClipTask(clip, kind)
    path = f"{clip_dir(Path(), clip).as_posix()}/{FRAMES_FILE}"
    return ClipTask(clip, kind, Input("pictures", "file", f"{clip.id}/{FRAMES_FILE}", digests[path]))


def extract_clip(job: Extraction, task: ClipTask, advance: Advance = lambda amount: None) -> Extracted:
    """The poses of one clip, written under the job's target. What is wrong with the clip alone is its `fault`.

    Raises what the detector raises, unless the video is damaged: the next clip would meet that as well.
    """
    made = Extracted(task)
    try:
        match task.kind:
            case "motion":
                _project(job, made)
            case "video":
                seen = {VIDEO_VIEW: _seen(job, made, advance)}
                _write_pieces(job, made, seen)
            case "poses":
                views = clip_views(job.source, task.clip)
                _write_pieces(job, made, {view: _known(job, task.clip, view) for view in views})
    except DetectorFailed as error:
        raise error.reason from error
    except Exception as error:
        return failed(job, task, Fault.of(error))
    return made


def failed(job: Extraction, task: ClipTask, fault: Fault) -> Extracted:
    """A clip of which nothing could come; what was written of it is taken away."""
    _remove(job, task)
    return Extracted(task, fault=fault.reason)


def _project(job: Extraction, made: Extracted) -> None:
    """Motion capture, seen by every camera."""
    from dancegen.audio.beats import Beats, bar_lines
    from dancegen.motion.cameras import facing_camera, film, project

    clip = made.task.clip
    place = clip_dir(job.source, clip)
    motion = ClipMotion.load(place / MOTION_FILE).motion
    made.clips.append(clip)
    for azimuth in job.azimuths:
        if isinstance(azimuth, str):
            bars_s = bar_lines(Beats.load(place / "beats.json"), load_mel(job.source, clip))
            poses = film(facing_camera(motion), azimuth, size=job.size, bars_s=bars_s)
        else:
            poses = project(motion, azimuth, size=job.size)
        _save(job, made, clip, view_name(azimuth), poses)
    copy_music(job.source, clip, job.target, Part(clip, 0, len(motion)))


class DetectorFailed(Exception):
    """Carries what went wrong with a detector, rather than with a clip."""

    def __init__(self, reason: Exception) -> None:
        self.reason = reason


def _seen(job: Extraction, made: Extracted, advance: Advance) -> Detections:
    """What a detector saw in a filmed dance."""
    task = made.task
    if job.look is None or task.pictures is None:
        raise InputError(f"{task.clip.id} is a video, and there is nobody to look at it")
    video = clip_dir(job.source, task.clip) / FRAMES_FILE
    try:
        seen = detect_people(job.look, video, task.pictures, job.store, force=job.force, advance=advance)
    except Exception as error:
        if isinstance(error, InputError) and not isinstance(error, ModelError):
            raise
        raise DetectorFailed(error) from error
    made.computed = not seen.cached
    return Detections.load(seen.file(FILE))


def _known(job: Extraction, clip: Clip, view: str) -> Detections:
    """A dance that is keypoints from the start, from one camera."""
    poses = PoseSequence.load(poses_path(job.source, clip, view))
    people = tuple(_alone(poses, frame) for frame in range(len(poses)))
    cuts = np.zeros(0, np.int64) if poses.cuts is None else poses.cuts
    return Detections(people, poses.fps, poses.size, cuts, view)


def _alone(poses: PoseSequence, frame: int) -> People:
    """The one dancer of a frame, or nobody."""
    if not (poses.keypoints[frame, :, 2] > 0).any():
        return People.nobody()
    hands, face = (None if part is None else part[frame][None] for part in (poses.hands, poses.face))
    return People(poses.keypoints[frame][None], hands, face)


def _write_pieces(job: Extraction, made: Extracted, seen: Mapping[str, Detections]) -> None:
    """Clean what is seen in a clip, by view, and write the pieces. What is one stretch in several views is one clip."""
    from dancegen.metrics.report.clip_look import look_at_clip

    clip, shown = made.task.clip, made.task.shown
    video = clip_dir(job.source, clip) / FRAMES_FILE if made.task.kind == "video" else None
    stretches: dict[tuple[int, int], dict[str, PoseSequence]] = defaultdict(dict)
    for view, found in seen.items():
        result = clean_detections(found, job.cleaning)
        name = clip.id if video is not None else f"{clip.id} {view}"
        made.looks.append(look_at_clip(name, result, clip.fps, found.size, video, shown))
        for piece in result.pieces:
            stretches[piece.first, len(piece.poses)][view] = piece.poses
        made.dropped += [
            Dropped(clip.id, view, part.first, part.frames, part.reason, part.kind, part.first / clip.fps, part.quality)
            for part in result.rejected
        ]
    for (first, frames), views in sorted(stretches.items()):
        part = part_of(clip, first, frames)
        if part.repeats:
            continue
        kept = slice(part.first - first, part.first - first + part.frames)
        for view, poses in views.items():
            placed = onto_canvas(poses.slice(kept.start, kept.stop), job.size)
            _save(job, made, part.clip, view, replace(placed, fps=clip.fps, start_s=0.0))
        copy_music(job.source, clip, job.target, part)
        made.clips.append(part.clip)


def _save(job: Extraction, made: Extracted, clip: Clip, view: str, poses: PoseSequence) -> None:
    path = poses_path(job.target, clip, view)
    path.parent.mkdir(parents=True, exist_ok=True)
    poses.save(path)
    made.add(view, poses)


def _remove(job: Extraction, task: ClipTask) -> None:
    """Take away what was written of a clip before something went wrong with it."""
    pieces = (job.target / "clips").glob(f"{glob.escape(task.clip.id)}-{'[0-9]' * 5}-{'[0-9]' * 5}")
    for place in (clip_dir(job.target, task.clip), *pieces):
        shutil.rmtree(place, ignore_errors=True)
