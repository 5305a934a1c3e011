"""The filmed half of prepare: each video with its own music becomes clips, in a process of its own."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.dataset.format import Clip
from dancegen.errors import AudioError, InputError
from dancegen.options.data import PrepareOptions
from dancegen.stages.one_by_one import Fault, Notes
from dancegen.stages.songs import SongFile
from dancegen.stages.takes import TakeFile
from dancegen.store import Store

if TYPE_CHECKING:
    from dancegen.audio.trackers import BeatTracker

SOUND_ENDS_S = 1.0
"""A sound that ends so much before the pictures is worth a word."""
OUT_OF_STEP_S = 0.02
"""A sound that begins so much after the pictures, or before them, is worth a word."""

Each = Callable[[str, Callable, Sequence[tuple]], Iterator[tuple[Any, Any]]]
"""What runs a function on many inputs: `one_by_one` with the workers that were asked for."""


@dataclass(frozen=True)
class FilmedClips:
    """What came of one video. beats: whether its music has a steady beat. said: what there was to say of it."""

    name: str
    clips: tuple[Clip, ...]
    seconds: float
    beats: bool
    said: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filmed:
    """What came of all videos, and why nothing came of others."""

    videos: tuple[FilmedClips, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def clips(self) -> list[Clip]:
        """Of all videos."""
        return [clip for video in self.videos for clip in video.clips]

    @property
    def names(self) -> set[str]:
        """The takes that clips came of."""
        return {video.name for video in self.videos}

    @property
    def said(self) -> list[tuple[str, str]]:
        """Of all videos."""
        return [each for video in self.videos for each in video.said]

    def with_splits(self, splits: dict[str, str]) -> list[Clip]:
        """The clips, each on the side of its performance."""
        return [replace(clip, split=splits[clip.take]) for clip in self.clips]

    def summary(self) -> dict[str, Any]:
        """Figures for the summary of a dataset; none where there are no videos."""
        if not self.videos:
            return {}
        rates = Counter(f"{video.clips[0].fps:.5g}" for video in self.videos)
        return {
            "videos": len(self.videos),
            "video_seconds": round(sum(video.seconds for video in self.videos), 1),
            "video_rates": dict(sorted(rates.items(), key=lambda item: float(item[0]))),
            "videos_without_beat": sum(not video.beats for video in self.videos),
        }


def cut_films(
    takes: Sequence[TakeFile],
    genres: dict[str, str],
    options: PrepareOptions,
    root: Path,
    store: Store,
    tracker: BeatTracker,
    each: Each,
) -> Filmed:
    """The clips of all videos, written under `root`; whatever is wrong with one of them is that one's fault alone."""
    from dancegen.dataset.filmed import remove_film_clips

    jobs = [(item, genres[item.name], options, root, store, tracker) for item in takes]
    videos, failures = [], []
    for item, result in each("Cutting the videos", _cut, jobs) if jobs else ():
        if isinstance(result, Fault):
            remove_film_clips(item.name, root)  # of a process that died of it
            failures.append(item.worded(result.reason))
        else:
            videos.append(result)
    return Filmed(tuple(videos), tuple(failures))


# In other processes. Whatever this raises is the fault of the video that it was given.


def _cut(
    item: TakeFile, genre: str, options: PrepareOptions, root: Path, store: Store, tracker: BeatTracker
) -> FilmedClips:
    from dancegen.dataset.filmed import remove_film_clips

    remove_film_clips(item.name, root)  # of a process that died of another video
    try:
        with tempfile.TemporaryDirectory(prefix="dancegen-sound-") as scratch:
            return _clips_of(item, genre, options, root, store, tracker, Path(scratch))
    except Exception:
        remove_film_clips(item.name, root)
        raise


def _clips_of(
    item: TakeFile,
    genre: str,
    options: PrepareOptions,
    root: Path,
    store: Store,
    tracker: BeatTracker,
    scratch: Path,
) -> FilmedClips:
    from dancegen.dataset.filmed import FilmedTake, make_film_clips, planned_pieces, usual_rate
    from dancegen.stages.track_beats import beats_of_song
    from dancegen.video.source import VideoFile
    from dancegen.video.survey import survey

    notes, info = Notes(), item.take.info
    video = item.take.recording(progress=notes)
    assert isinstance(video, VideoFile)
    length = survey(video)
    fps = options.fps or usual_rate(video.fps)
    planned_pieces(length, options.clip_seconds, fps)
    sound = scratch / f"{item.take.path.stem}.flac"
    song = _write_sound(item, video, length.seconds, sound, notes)
    beats = beats_of_song(SongFile(sound), Context(store), tracker)
    if not len(beats.times_s):
        notes.warn(f"{item.shown}: no steady beat was heard in its music; it is kept, with its music as it is")
    take = FilmedTake(
        item.name, item.inputs[0].digest, info.performance, genre, video, length, song, sound, info.performer,
        options.licence,
    )  # fmt: skip
    clips = make_film_clips(take, beats, root, options.clip_seconds, fps)
    return FilmedClips(item.name, tuple(clips), length.seconds, bool(len(beats.times_s)), tuple(notes.said))


def _write_sound(item: TakeFile, video: Any, seconds: float, sound: Path, notes: Notes) -> str:
    """Write a video's music: a sound file of its name before its own sound; returns the name of the music."""
    from dancegen.video.sound import write_other_sound, write_own_sound

    if item.song is not None:
        notes.say(f"{item.shown}: its sound is taken from {item.song.path.name}")
        begins, ends = write_other_sound(item.song.info, sound, seconds)
    elif video.sound_starts_s is None:
        raise InputError("it has no sound: put its music beside it, as a sound file of the same name")
    else:
        begins, ends = write_own_sound(item.take.path, sound, video.begins_s, seconds)
    if ends <= 0 or begins >= seconds:
        raise AudioError("its sound and its pictures are at different times, so none of them go together")
    if begins > OUT_OF_STEP_S:
        notes.say(f"{item.shown}: its sound begins {begins:.2f} s after the pictures; kept in step with them")
    if seconds - ends > SOUND_ENDS_S:
        notes.warn(f"{item.shown}: its sound ends {seconds - ends:.1f} s before the pictures; silence follows")
    return item.song.path.stem if item.song is not None else item.take.path.stem
