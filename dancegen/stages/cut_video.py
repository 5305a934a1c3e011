"""cut-video: the clips of one video with their music; those of each video are an artifact of their own.

So a `prepare` that was interrupted goes on, also within a video, and of a larger dataset only the new videos are
decoded. The files of the dataset are the same ones under other names, which takes no more room where the disk knows
hard links.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.dataset.format import FRAMES_FILE, MUSIC_FILES, Clip, clip_dir, link_or_copy, read_clips, write_clips
from dancegen.errors import AudioError, InputError
from dancegen.options.data import PrepareOptions
from dancegen.stages.one_by_one import Notes
from dancegen.stages.songs import SongFile
from dancegen.stages.takes import TakeFile
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.stages.track_beats import beats_of_song
from dancegen.store import SHORT, Artifact, Recipe, Store

if TYPE_CHECKING:
    from dancegen.audio.trackers import BeatTracker
    from dancegen.video.source import VideoFile

STAGE = "cut-video"
VERSION = 1
SOUND_ENDS_S = 1.0
"""A sound that ends so much before the pictures is worth a word."""
OUT_OF_STEP_S = 0.02
"""A sound that begins so much after the pictures, or before them, is worth a word."""


@dataclass(frozen=True)
class Cut:
    """How videos are cut: what is the same for all of them. fps: of the clips; None: each video's own."""

    clip_s: float
    fps: float | None
    tracker: BeatTracker
    store: Store
    force: bool = False

    @classmethod
    def of(cls, options: PrepareOptions, tracker: BeatTracker, store: Store, force: bool = False) -> Cut:
        """As the options of `prepare` ask for it."""
        return cls(options.clip_seconds, options.fps, tracker, store, force)

    def recipe(self, item: TakeFile) -> Recipe:
        """What makes the clips of a video: neither its name, nor what else is said of it, nor the dataset."""
        own = () if item.song is None else (replace(item.song.input, role="song"),)
        inputs = (replace(item.inputs[0], role="video"), *own, *self.tracker.inputs)
        params = {"clip_seconds": self.clip_s, "fps": self.fps, "tracker": self.tracker.name, "tracking": TRACKER}
        return Recipe(STAGE, VERSION, params, inputs)

    def is_done(self, item: TakeFile) -> bool:
        """Whether a store has the clips of a video; whether they are whole is seen when they are used."""
        short = self.recipe(item).digest[:SHORT]
        return not self.force and any((root / STAGE / short).is_dir() for root in self.store.roots)


def cut_video(item: TakeFile, cut: Cut) -> Artifact:
    """The clips of one video, from the store or made now, numbered from 0; their `clips.jsonl` knows no names.

    Its summary has `seconds` of the video, `beats` of its music and `said`, what there was to say: kinds and messages.
    Raises InputError and AudioError where the video, or its music, cannot be used.
    """

    recipe = cut.recipe(item)

    def build(directory: Path) -> dict:
        with tempfile.TemporaryDirectory(prefix="dancegen-sound-") as scratch:
            return _cut(item, cut, directory, Path(scratch), cut.store.scratch(recipe))

    return cut.store.obtain(recipe, build, force=cut.force, standalone=False)


def put_into(root: Path, made: Artifact, item: TakeFile, genre: str, licence: str | None) -> list[Clip]:
    """The clips of a video in the dataset under `root`, with the video's name; their split is left empty."""
    info, clips = item.take.info, []
    song = item.take.path.stem if item.song is None else item.song.path.stem
    for clip in read_clips(made):
        named = replace(
            clip, id=f"{item.name}-{clip.id}", genre=genre, licence=licence, take=info.performance, song=song,
            performer=info.performer,
        )  # fmt: skip
        for name in (FRAMES_FILE, *MUSIC_FILES):
            link_or_copy(clip_dir(made.path, clip) / name, clip_dir(root, named) / name)
        clips.append(named)
    return clips


def said_of(made: Artifact, item: TakeFile) -> list[tuple[str, str]]:
    """What there is to say of a video, with its name: kinds ("say", "warn") and messages."""
    said: Sequence[tuple[str, str]] = made.summary["said"]
    source = [] if item.song is None else [("say", f"its sound is taken from {item.song.path.name}")]
    return [(kind, f"{item.shown}: {text}") for kind, text in (*source, *said)]


def _cut(item: TakeFile, cut: Cut, directory: Path, scratch: Path, kept: Path) -> dict:
    """kept: where clips that are done outlive this process."""
    from dancegen.dataset.filmed import FilmedTake, make_film_clips, planned_pieces, usual_rate
    from dancegen.video.source import VideoFile
    from dancegen.video.survey import survey

    notes = Notes()
    video = item.take.recording()
    assert isinstance(video, VideoFile)
    length = survey(video)
    fps = cut.fps or usual_rate(video.fps)
    planned_pieces(length, cut.clip_s, fps)
    sound = scratch / f"{item.take.path.stem}.flac"
    _write_sound(item, video, length.seconds, sound, notes)
    beats = beats_of_song(SongFile(sound), Context(cut.store), cut.tracker)
    if not len(beats.times_s):
        notes.warn("no steady beat was heard in its music; it is kept, with its music as it is")
    take = FilmedTake(item.inputs[0].digest, video, length, sound)
    clips = make_film_clips(take, beats, directory, cut.clip_s, fps, kept)
    write_clips(directory, clips)
    return {"clips": len(clips), "seconds": length.seconds, "beats": len(beats.times_s), "said": notes.said}


def _write_sound(item: TakeFile, video: VideoFile, seconds: float, sound: Path, notes: Notes) -> None:
    """Write a video's music: a sound file of its name before its own sound."""
    from dancegen.video.sound import write_other_sound, write_own_sound

    if item.song is not None:
        begins, ends = write_other_sound(item.song.info, sound, seconds)
    elif video.sound_starts_s is None:
        raise InputError("it has no sound: put its music beside it, as a sound file of the same name")
    else:
        begins, ends = write_own_sound(item.take.path, sound, video.begins_s, seconds)
    if ends <= 0 or begins >= seconds:
        raise AudioError("its sound and its pictures are at different times, so none of them go together")
    if begins > OUT_OF_STEP_S:
        notes.say(f"its sound begins {begins:.2f} s after the pictures; kept in step with them")
    if seconds - ends > SOUND_ENDS_S:
        notes.warn(f"its sound ends {seconds - ends:.1f} s before the pictures; silence follows")
