"""The dataset of paired music and motion: what prepare writes, extract-poses adds to and train reads.

    clips.jsonl                     one Clip a line, sorted by id
    clips/<id>/motion.npz           motion capture: the dance in time with the music, its rotations where the source has
                                    them, and the warp that brought it there (ClipMotion)
    clips/<id>/frames.mp4           or a filmed dance: upright pictures with square pixels at the clip's rate, no sound
    clips/<id>/<view>/poses.npz     or a dance that is keypoints from the start
    clips/<id>/mel.npy              (F, 80) float16 log-mel, 90 frames a second, frame 0 at the clip's start
    clips/<id>/beats.json           the beats inside the clip, seconds from the clip's start
    clips/<id>/audio.flac           the span of the song that the clip dances to
    clips/<id>/<view>/poses.npz     (extract-poses) the dance as a camera sees it; view "a045" is 45 degrees of azimuth,
                                    "video" the camera that filmed it

A clip has one of motion.npz, frames.mp4 and poses; the footage of one clip may give several clips of a pose dataset.
A pose file's `start_s` is 0: it counts from the clip's start, as the audio and the beats beside it do.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from dancegen.audio.features import N_MELS
from dancegen.errors import InputError, MocapError, NotFoundError, reading
from dancegen.files import load_array, load_arrays
from dancegen.text import read_text

if TYPE_CHECKING:
    from dancegen.motion.motion import Motion
    from dancegen.store import Artifact

CLIPS_FILE = "clips.jsonl"
MUSIC_FILES = ("mel.npy", "beats.json", "audio.flac")
MOTION_FILE, FRAMES_FILE = "motion.npz", "frames.mp4"
VIDEO_VIEW = "video"
"""The view of the camera that filmed a dance."""
ClipKind = Literal["motion", "video", "poses"]


@dataclass(frozen=True)
class Clip:
    """One piece of dance with its piece of music.

    `source` is the SHA-256 of the motion file, `take` the performance it belongs to (two partners share one),
    `start` where in the source the clip begins and `song_start` where in the song, in seconds; `seconds` is the
    clip's length in song time; `overlap` seconds of them at its start the clip before holds too. All clips of a take
    are in the same split; songs may occur on both sides. `situation` and `camera` are as AIST's names have them.
    """

    id: str
    source: str
    start: float
    seconds: float
    fps: float
    split: str
    genre: str | None
    licence: str | None
    take: str
    song: str
    song_start: float
    performer: str | None = None
    overlap: float = 0.0
    situation: str | None = None
    camera: str | None = None

    @property
    def own_seconds(self) -> float:
        """What the clip adds to the dataset: its length without what the clip before holds too."""
        return self.seconds - self.overlap


@dataclass(frozen=True, eq=False)
class ClipMotion:
    """The contents of motion.npz: the dance at the clip's frame rate in the song's time, and how it got there.

    `song_s`, `take_s`, `rate` (K,) float64 are the knots of the warp over the clip (see `motion.time_warp.TimeMap`),
    song seconds from the clip's start. `footfalls_s` (F,) are the dancer's footfalls, seconds from the clip's start.
    """

    motion: Motion
    song_s: np.ndarray
    take_s: np.ndarray
    rate: np.ndarray
    footfalls_s: np.ndarray

    def save(self, path: Path) -> None:
        """Write motion.npz; `Motion.load` reads it too, and `BodyMotion.load` where there are rotations."""
        from dancegen.motion.motion import write_arrays

        write_arrays(path, self.motion.arrays() | {name: getattr(self, name) for name in _WARP})

    @classmethod
    def load(cls, path: Path) -> ClipMotion:
        """Read motion.npz. Raises MocapError where the file is missing, damaged or something else."""
        from dancegen.motion.motion import Motion

        return cls(Motion.load(path), **load_arrays(path, "clip of a dataset", MocapError, needed=_WARP))


_WARP = ("song_s", "take_s", "rate", "footfalls_s")


def clip_dir(root: Path, clip: Clip | str) -> Path:
    """Where a clip's files lie."""
    return Path(root) / "clips" / (clip if isinstance(clip, str) else clip.id)


def clip_kind(root: Path, clip: Clip | str) -> ClipKind:
    """What a clip of a prepared dataset is made of. Raises NotFoundError where it is nothing."""
    directory = clip_dir(root, clip)
    if (directory / MOTION_FILE).is_file():
        return "motion"
    if (directory / FRAMES_FILE).is_file():
        return "video"
    if clip_views(root, clip):
        return "poses"
    raise NotFoundError(f"{directory} holds no dance: neither motion nor pictures nor poses; prepare the dataset again")


def load_mel(root: Path, clip: Clip | str) -> np.ndarray:
    """The log-mel of a clip's music, (F, 80) float16. Raises InputError where its file is damaged or something else."""
    path = clip_dir(root, clip) / "mel.npy"
    mel = load_array(path, "log-mel of a clip")
    if mel.ndim != 2 or mel.shape[1] != N_MELS or mel.dtype.kind != "f" or not np.isfinite(mel).all():
        raise InputError(f"{path} is damaged: it is not the log-mel of a clip")
    return mel


def poses_path(root: Path, clip: Clip | str, view: str) -> Path:
    """The pose file of a clip from one camera."""
    return clip_dir(root, clip) / view / "poses.npz"


def view_name(azimuth_deg: float | str) -> str:
    """The directory of a camera: "a045" for 45 degrees (or -315); a camera that has a name keeps it."""
    if isinstance(azimuth_deg, str):
        return azimuth_deg
    return f"a{round(azimuth_deg) % 360:03d}"


def clip_views(root: Path, clip: Clip | str) -> list[str]:
    """The cameras a clip has poses from, sorted; empty before extract-poses."""
    return sorted(path.parent.name for path in clip_dir(root, clip).glob("*/poses.npz"))


def write_clips(directory: Path, clips: Iterable[Clip]) -> Path:
    """Write clips.jsonl, sorted by id."""
    path = Path(directory) / CLIPS_FILE
    lines = [json.dumps(_written(clip), ensure_ascii=False) for clip in sorted(clips, key=lambda c: c.id)]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def _written(clip: Clip) -> dict[str, object]:
    fields = dataclasses.asdict(clip)
    for name in ("performer", "situation", "camera"):
        if fields[name] is None:
            del fields[name]
    if not clip.overlap:
        del fields["overlap"]
    return fields


def read_clips(where: Artifact | str | Path) -> list[Clip]:
    """The clips of a dataset, given its artifact or its directory.

    Raises NotFoundError where there is no clips.jsonl, InputError where a line of it is not a clip.
    """
    path = (Path(where) if isinstance(where, str | Path) else where.path) / CLIPS_FILE
    if not path.is_file():
        raise NotFoundError(f"{path.parent} is not a dataset: it has no {CLIPS_FILE}; make one with dancegen prepare")
    lines = read_text(path, "list of clips").splitlines()
    return [_clip(line, f"line {number} of {path}") for number, line in enumerate(lines, 1)]


def share_of(dataset: Path, clip: Clip) -> float:
    """Which share of all clips in a dataset one of them is, overlaps and all."""
    return clip.seconds / sum(each.seconds for each in read_clips(dataset))


def _clip(line: str, where: str) -> Clip:
    with reading(where, "clip"):
        clip = Clip(**json.loads(line))
        texts = (clip.id, clip.source, clip.split, clip.take, clip.song)
        told = (clip.genre, clip.licence, clip.performer, clip.situation, clip.camera)
        told = (text for text in told if text is not None)
        numbers = (clip.start, clip.seconds, clip.fps, clip.song_start, clip.overlap)
        if not all(isinstance(text, str) for text in (*texts, *told)):
            raise InputError(f"{where} is not a clip: what should be text is not")
        if Path(clip.id).name != clip.id:
            raise InputError(f"{where} is not a clip: its files would lie outside the dataset ({clip.id!r})")
        if not all(isinstance(number, int | float) and abs(number) < 1e9 for number in numbers):
            raise InputError(f"{where} is not a clip: its times are out of all bounds")
        if not (clip.seconds > 0 and clip.fps > 0):
            raise InputError(f"{where} is not a clip: it has no length or no rate")
        if not 0 <= clip.overlap < clip.seconds:
            raise InputError(f"{where} is not a clip: it overlaps the one before by more than its own length")
        return clip


def link_or_copy(source: Path, target: Path) -> None:
    """`target` with the contents of `source`: a hard link where the file system allows one, else a copy."""
    import shutil

    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
