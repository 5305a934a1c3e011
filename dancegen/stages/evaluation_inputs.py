"""What evaluate is asked to look at: models, poses and videos, named by path, digest or name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.choreographers import BUNDLED, is_baseline
from dancegen.codecs import VIDEO_FILES
from dancegen.errors import InputError, NotFoundError, PoseError
from dancegen.stages.dance_files import AUDIO, BEATS, DANCES, POSES
from dancegen.stages.songs import SongFile, find_songs
from dancegen.store import MANIFEST, SHORT, Artifact, Input, Store
from dancegen.video import VIDEO_SUFFIXES

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence

MODEL, VIDEO_KIND, POSES_KIND = "model", "video", "poses"


@dataclass(frozen=True)
class EvaluationInput:
    """Something to evaluate: a model's reference, or where poses or a video lie. `name` is its row in the table."""

    name: str
    kind: str
    path: Path
    artifact: Artifact | None = None

    @property
    def input(self) -> Input:
        """What of it enters the recipe; its name does too, since the table shows it."""
        role = f"{self.kind} {self.name}"
        if self.artifact is not None:
            return Input.artifact(role, self.artifact)
        if self.path.is_dir():
            return Input.directory(role, self.path, "*_keypoints.json")
        return Input.file(role, self.path)


@dataclass(frozen=True)
class Recording:
    """One dance of a row: where its poses, and its song's beats and sound if it has any, lie."""

    row: str
    song: str
    poses: Path
    beats: Path | None
    audio: Path | None
    inputs: tuple[Input, ...]
    fps: float = 30.0
    """Of OpenPose JSON, which does not say."""
    canvas: tuple[int, int] | None = None
    """Of OpenPose JSON that does not say."""

    @property
    def is_json(self) -> bool:
        return self.poses.suffix.lower() == ".json" or self.poses.is_dir()

    def load(self) -> tuple[PoseSequence, np.ndarray | None]:
        """The poses, and the beats in seconds from the first of them. Raises PoseError where there are no poses."""
        from dancegen.audio.beats import Beats
        from dancegen.pose.openpose_json import read_openpose_json
        from dancegen.pose.sequence import PoseSequence

        if self.is_json:
            sequence = read_openpose_json(self.poses, fps=self.fps, size=self.canvas)
        else:
            sequence = PoseSequence.load(self.poses)
        if not len(sequence):
            raise PoseError(f"{self.poses} holds no frames")
        return sequence, Beats.load(self.beats).times_s if self.beats is not None else None


def find_inputs(references: Iterable[str | Path | Artifact], store: Store) -> list[EvaluationInput]:
    """What a person named, each with a name of its own. Raises InputError for what is nothing that can be evaluated."""
    found: list[EvaluationInput] = []
    for reference in references:
        subject = _find(reference, store)
        names = [other.name for other in found]
        number = next(n for n in range(1, len(names) + 2) if _numbered(subject.name, n) not in names)
        found.append(EvaluationInput(_numbered(subject.name, number), subject.kind, subject.path, subject.artifact))
    return found


def songs_for_models(songs: str | Path | None) -> list[SongFile]:
    """The songs of a folder, or the one that a path names; the bundled one by default. Raises InputError for none."""
    if songs is None:
        from dancegen.assets import asset

        return [SongFile(asset("demo.ogg"))]
    return find_songs(songs, "--songs")


def recording_of(subject: EvaluationInput, fps: float, canvas: tuple[int, int] | None = None) -> Recording:
    """The dance of a subject that is poses. Beside a pose file, beats.json and audio.flac belong to it.

    fps, canvas: of OpenPose JSON that does not say.
    """
    if subject.artifact is not None:
        return recording_of_artifact(subject.name, subject.artifact)
    beats, audio = (subject.path.parent / name for name in (BEATS, AUDIO))
    inputs = [subject.input]
    if beats.is_file() and not subject.path.is_dir():
        inputs.append(Input.file(f"beats {subject.name}", beats))
    else:
        beats = None
    sound = audio if beats is not None and audio.is_file() else None
    if sound is not None:
        inputs.append(Input.file(f"audio {subject.name}", audio))
    return Recording(subject.name, subject.path.stem, subject.path, beats, sound, tuple(inputs), fps, canvas)


def recording_of_artifact(row: str, artifact: Artifact) -> Recording:
    """The dance of a generate-poses artifact."""
    song = next((item.name for item in artifact.inputs if item.role == "song"), artifact.digest[:SHORT])
    poses, beats, audio = (artifact.file(name) for name in (POSES, BEATS, AUDIO))
    role = f"poses {row}, {Path(song).stem}"
    return Recording(row, Path(song).stem, poses, beats, audio, (Input.artifact(role, artifact),))


def real_recordings(dataset: Artifact, most: int = 2) -> list[Recording]:
    """A few clips of a pose dataset to look at beside the others: held-out ones, the longest, each from the front."""
    from dancegen.dataset.format import clip_dir, clip_views, poses_path, read_clips
    from dancegen.metrics.reference import REAL

    clips = read_clips(dataset)
    clips = [clip for clip in clips if clip.split != "train"] or clips
    shown = []
    for clip in sorted(clips, key=lambda clip: (-clip.seconds, clip.id)):
        views = clip_views(dataset.path, clip)
        if views and clip.take not in [take for take, _ in shown] and len(shown) < most:
            shown.append((clip.take, (clip, views[0])))
    found = []
    for _, (clip, view) in shown:
        beats, audio = (clip_dir(dataset.path, clip) / name for name in (BEATS, AUDIO))
        sound, marks = (path if path.is_file() else None for path in (audio, beats))
        label = f"{clip.take} to {clip.song}"
        found.append(Recording(REAL, label, poses_path(dataset.path, clip, view), marks, sound, ()))
    return found


def _find(reference: str | Path | Artifact, store: Store) -> EvaluationInput:
    if isinstance(reference, Artifact):
        return _of_artifact(reference)
    name, path = str(reference), Path(reference)
    if is_baseline(name) or (name in BUNDLED and not path.is_dir()):
        return EvaluationInput(name, MODEL, path)
    if path.is_dir():
        return _of_directory(path, store)
    if path.is_file():
        return _of_file(store.checked_path(path))
    try:
        return _of_artifact(store.find(name))
    except NotFoundError as error:
        known = ", ".join(BUNDLED)
        raise InputError(
            f"{name} cannot be evaluated: it is no model ({known}, baseline:freeze, a directory, a digest), no poses "
            f"and no video ({error})"
        ) from None


def _of_artifact(artifact: Artifact) -> EvaluationInput:
    short = artifact.digest[:8]
    if artifact.stage == "train":
        return EvaluationInput(short, MODEL, artifact.path)
    if artifact.stage in DANCES:
        song = next((Path(item.name).stem for item in artifact.inputs if item.role == "song"), "poses")
        return EvaluationInput(f"{song} {short}", POSES_KIND, artifact.path, artifact)
    if artifact.stage == "render":
        return EvaluationInput(f"video {short}", VIDEO_KIND, _video_of(artifact), artifact)
    raise InputError(f"{artifact.path} is a {artifact.stage} artifact: give models, poses or videos to evaluate")


def _video_of(artifact: Artifact) -> Path:
    """The video of a render, in whatever codec."""
    return artifact.file(next(entry.path for entry in artifact.files if entry.path in VIDEO_FILES))


def _of_directory(path: Path, store: Store) -> EvaluationInput:
    if (path / MANIFEST).is_file():
        return _of_artifact(store.find(path))
    if (path / "config.json").is_file():
        return EvaluationInput(path.resolve().name, MODEL, path)
    if (path / POSES).is_file():
        return EvaluationInput(path.resolve().name, POSES_KIND, path / POSES)
    if any(path.glob("*_keypoints.json")):
        return EvaluationInput(path.resolve().name, POSES_KIND, path)
    raise InputError(f"{path} is neither a model, nor an artifact, nor a folder of OpenPose's *_keypoints.json")


def _of_file(path: Path) -> EvaluationInput:
    suffix = path.suffix.lower()
    if suffix in (".npz", ".json"):
        name = path.resolve().parent.name if path.name in (POSES, "openpose.json") else path.stem
        return EvaluationInput(name, POSES_KIND, path)
    if suffix in VIDEO_SUFFIXES:
        return EvaluationInput(path.name, VIDEO_KIND, path)
    raise InputError(f"{path} cannot be evaluated: give poses (.npz, OpenPose .json), a video, or a model")


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"


def check_names(inputs: Sequence[EvaluationInput]) -> None:
    """InputError where a subject is called like a row that the table has anyway: real dance, or a baseline."""
    from dancegen.metrics.reference import REAL

    for subject in inputs:
        real_baseline = subject.kind == MODEL and is_baseline(subject.path)
        if subject.name == REAL or (is_baseline(subject.name) and not real_baseline):
            raise InputError(f"{subject.path} is called {subject.name!r}, like a row of the table; rename it")
