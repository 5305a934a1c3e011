"""prepare: motion capture with songs, and filmed dances, become a dataset of dances in time with their music."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.context import Context
from dancegen.dataset.format import Clip, write_clips
from dancegen.dataset.pairing import (
    FEWEST_BEATS,
    MeasuredTake,
    OwnSong,
    PairedClips,
    Pairing,
    Song,
    choose_pairings,
    make_clips,
    remove_clips,
)
from dancegen.dataset.pieces import SHORTEST_S
from dancegen.dataset.seen import SeenPairing, SeenTake, make_pose_clips, own_pairings
from dancegen.dataset.splits import Origin, SplitChoice, split_choice, split_performances
from dancegen.dataset.use import use_of
from dancegen.errors import InputError, MocapError
from dancegen.motion.motion import Motion
from dancegen.motion.readers.joint_names import read_joint_map
from dancegen.motion.readers.protocol import Hints
from dancegen.options.data import PrepareOptions
from dancegen.options.declare import recipe_for
from dancegen.pose.flat_dance import FlatDance
from dancegen.progress import Progress
from dancegen.stages.cut_video import Cut
from dancegen.stages.filmed_takes import Filmed, already_cut, cut_films
from dancegen.stages.one_by_one import Fault, Notes, one_by_one
from dancegen.stages.prepare_forecast import forecast
from dancegen.stages.songs import SongFile, find_songs
from dancegen.stages.takes import TakeFile, find_sources, genres_of, of_the_side
from dancegen.stages.track_beats import NO_BEAT, finder, tracker_of
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.stages.workers import on_other_machines
from dancegen.store import Artifact, Input, Store

if TYPE_CHECKING:
    from dancegen.audio.trackers import BeatTracker

STAGE = "prepare"
VERSION = 6
USUAL_FPS = 30.0
"""Of clips of motion."""
SHOWN = 5
"""Messages of one kind that are shown in full."""


def prepare(options: PrepareOptions, context: Context) -> Artifact:
    """A dataset (see `dancegen.dataset.format`) of recorded dance with its music.

    Silent takes are warped in time until their steps fall on the beats of `pairs` songs each; a take with a song of its
    own keeps it, and so does a video. All of a dance is in a clip: the last one overlaps the one before, and a short
    take gives a short one.
    Partners stay together on one side of the split. What cannot be used is named in the summary, under `left_out`.
    Raises InputError where an argument, every source or every song is unusable.
    """
    options.check_workers()
    takes, unreadable = find_sources(options.sources, context.progress)
    choice = split_choice(options.split)
    takes = of_the_side(takes, choice, context.progress)
    films = [item for item in takes if item.kind == "video"]
    danced = [item for item in takes if item.kind != "video"]
    if options.music is None and any(item.song is None for item in danced):  # keypoints have one
        raise InputError("motion capture is silent: give the songs to dance to with --music FOLDER")
    songs = [] if options.music is None else find_songs(options.music, "--music", unreadable)
    if songs and not danced:
        context.progress.say("--music is for silent motion; the videos keep their own")
    genres = genres_of(takes, options.genre, context.progress)
    own = {item.song.input.digest: item.song for item in takes if item.song is not None}
    inputs = {
        "sources": tuple(entry for item in takes for entry in item.inputs),
        "music": tuple(item.input for item in songs),
        "own songs": tuple(song.input for song in own.values()),
    }
    tracker = tracker_of(options)
    inputs["beat_tracker"] = tracker.inputs
    joints = {}
    if options.joints is not None:
        inputs["joints"] = (Input.file("joint names", options.joints),)
        joints = read_joint_map(options.joints)
    more = {"unreadable": unreadable} if unreadable else {}  # where that is so, an earlier result may have more
    recipe = recipe_for(STAGE, VERSION, options, inputs, genres=genres, split=choice.recipe, tracker=TRACKER, **more)
    needed = {item.song.input.digest for item in danced if item.song is not None}
    own_songs = [song for digest, song in own.items() if digest in needed]
    job = _Job(
        danced, films, songs, own_songs, genres, joints, choice, tracker, options, context.store, context.progress,
        context.force,
    )  # fmt: skip
    made = context.obtain(recipe, lambda directory: job.build(directory, unreadable))
    context.tell(lambda: job.ahead(unreadable))
    return made


@dataclass
class _Job:
    """The work behind one dataset, a step a method, in the order `build` runs them.

    left_out: the inputs that could not be used, each with the reason.
    """

    takes: list[TakeFile]
    films: list[TakeFile]
    songs: list[SongFile]
    own_songs: list[SongFile]
    genres: dict[str, str]
    joints: Mapping[str, str]
    choice: SplitChoice
    tracker: BeatTracker
    options: PrepareOptions
    store: Store
    progress: Progress
    force: bool = False
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def build(self, directory: Path, unreadable: list[str]) -> dict:
        """Make the dataset in `directory`; returns its summary. unreadable: files that were left out already."""
        self._leave_out(unreadable)
        self.tracker.fetched(self.progress)  # before several processes need it
        shared = directory if on_other_machines(self.options) else None  # where all of them see it
        with tempfile.TemporaryDirectory(prefix=".dancegen-prepare-", dir=shared) as scratch:
            songs, own_songs = self._analyse_songs(Path(scratch)) if self.takes else ([], [])
            takes = self._read_takes(Path(scratch)) if self.takes else []
            filmed = self._cut_films(directory, takes)
            splits = self._splits({*filmed.names, *(take.name for take in takes)})
            paired = self._make_clips(takes, songs, own_songs, splits, directory) if takes else []
            used = self._use_of(takes, paired) if takes else {}
        clips = [*filmed.with_splits(splits), *(clip for one in paired for clip in one.clips)]
        if not clips:
            least = min(self.options.clip_seconds, SHORTEST_S)
            reasons = "".join(f"; {reason}" for reason in self.left_out[:SHOWN])
            raise InputError(f"no take is long enough: a clip needs {least:g} s of dance{reasons}")
        if all(clip.split == "train" for clip in clips):
            asked = self.options.val_fraction > 0 and self.choice.how != "train"
            why = ": all clips are of one performance" if asked else ""
            self._warn(f"nothing is kept apart for validation{why}; dancegen train needs some clips for that")
        write_clips(directory, self._with_names(clips))
        told = {"warnings": self.warnings, "left_out": self.left_out}
        return self._summary(clips, paired, used) | filmed.summary() | told

    def ahead(self, unreadable: list[str]) -> list[str]:
        """What there is to do, for people."""
        found = forecast(self.takes, self.films, self.songs, self.hints, self.options, USUAL_FPS, unreadable)
        return [*found.lines(), *already_cut(self.films, self.cut)]

    def _with_names(self, clips: list[Clip]) -> list[Clip]:
        """The clips with what only the names of their takes say."""
        infos = {item.inputs[0].digest: item.take.info for item in (*self.takes, *self.films)}
        named = ((clip, infos[clip.source]) for clip in clips)
        return [replace(clip, situation=info.situation, camera=info.camera) for clip, info in named]

    @property
    def hints(self) -> Hints:
        """What the person says of the recordings."""
        return Hints(self.options.source_fps, self.joints, self.options.json_canvas)

    @property
    def cut(self) -> Cut:
        """How the videos are cut."""
        return Cut.of(self.options, self.tracker, self.store, self.force)

    def _analyse_songs(self, scratch: Path) -> tuple[list[Song], list[Song]]:
        """The songs for silent takes, and those that takes were recorded with."""
        files = list({item.input.digest: item for item in (*self.songs, *self.own_songs)}.values())
        silent = {item.input.digest for item in self.songs}
        locked = silent | {item.song.input.digest for item in self.takes if item.song and item.kind == "motion"}
        songs, failures = {}, []
        stems = Counter(item.path.stem.lower() for item in files)
        jobs = []
        for number, item in enumerate(files):
            told_apart = stems[item.path.stem.lower()] == 1
            name = item.path.stem if told_apart else f"{item.path.absolute().parent.name} {item.path.stem}"
            jobs.append((item, scratch / f"song{number}.npy", self.store, self.tracker, name))
        for item, result in self._each("Listening to the songs", _analyse, jobs):
            if isinstance(result, Fault):
                failures.append(_about_song(item, result.reason))
            elif item.input.digest in locked and len(result.beats.times_s) < FEWEST_BEATS:
                failures.append(_about_song(item, NO_BEAT))
            else:
                songs[item.input.digest] = result
        for_silent, own = (
            [songs[item.input.digest] for item in wanted if item.input.digest in songs]
            for wanted in (self.songs, self.own_songs)
        )
        if not for_silent and (not own or any(item.song is None for item in self.takes)):
            raise InputError("none of the songs can be danced to: " + "; ".join(failures[:SHOWN]))
        self._leave_out(failures)
        return for_silent, own

    def _read_takes(self, scratch: Path) -> list[MeasuredTake | SeenTake]:
        takes, failures, said = [], [], []
        clip_s = self.options.clip_seconds
        jobs = [(item, scratch / f"take{number}", self.hints, clip_s) for number, item in enumerate(self.takes)]
        for item, result in self._each("Reading the dances", _read, jobs):
            if isinstance(result, Fault):
                failures.append(item.worded(result.reason))
            else:
                takes.append(result[0])
                said += result[1]
        self._retell(said)
        if not takes and not self.films:
            only = f"none of the {len(failures)} takes can be used: " if len(failures) > 1 else ""
            raise MocapError(only + _listed(failures))
        self._leave_out(failures)
        return takes

    def _cut_films(self, directory: Path, takes: list[MeasuredTake | SeenTake]) -> Filmed:
        filmed = cut_films(self.films, self.genres, self.options, directory, self.cut, self._each, self.progress)
        self._retell(filmed.said)
        if self.films and not filmed.videos and not takes:
            only = f"none of the {len(filmed.failures)} videos can be used: " if len(filmed.failures) > 1 else ""
            raise InputError(only + _listed(list(filmed.failures)))
        self._leave_out(list(filmed.failures))
        return filmed

    def _retell(self, said: list[tuple[str, str]]) -> None:
        """Pass on what was said about the files, alike messages as one: forty files with one fault are one line."""
        alike: dict[tuple, list[str]] = {}
        for kind, text in said:
            # Messages about files differ in the file's name, which they begin with, and in their figures.
            shape = tuple(word for word in text.split()[1:] if not any(c.isdigit() for c in word))
            alike.setdefault((kind, shape), []).append(text)
        for (kind, _), texts in alike.items():
            more = {0: "", 1: " (and one more file like it)"}.get(
                len(texts) - 1, f" (and {len(texts) - 1} more like it)"
            )
            message = texts[0] + more
            if kind == "warn":
                self._warn(message)
            else:
                self.progress.say(message)

    def _splits(self, read: set[str]) -> dict[str, str]:
        """The side of every performance that was read."""
        found = (item for item in (*self.takes, *self.films) if item.name in read)
        origins = [
            Origin(info.performance, item.source, self.choice.side(item.name, info.performance, info.split))
            for item, info in ((item, item.take.info) for item in found)
        ]
        return split_performances(origins, self.options.val_fraction, self.options.seed)

    def _make_clips(
        self,
        takes: list[MeasuredTake | SeenTake],
        songs: list[Song],
        own_songs: list[Song],
        splits: dict[str, str],
        directory: Path,
    ) -> list[PairedClips]:
        options, fps = self.options, self.options.fps or USUAL_FPS
        motions = [take for take in takes if isinstance(take, MeasuredTake)]
        pairings: list[Pairing | SeenPairing] = [
            *choose_pairings(motions, songs, options.pairs, options.seed, own_songs),
            *own_pairings([take for take in takes if isinstance(take, SeenTake)], own_songs),
        ]
        jobs = []
        for pairing in pairings:
            split, genre = splits[pairing.take.performance], self.genres[pairing.take.name]
            jobs.append((pairing, directory, options.clip_seconds, fps, split, genre, options.licence))
        results = list(self._each("Pairing with the songs", _make_clips, jobs))
        self._check_takes(takes, results)
        return [result for _, result in results if not isinstance(result, Fault)]

    def _check_takes(
        self, takes: list[MeasuredTake | SeenTake], results: list[tuple[Pairing | SeenPairing, PairedClips | Fault]]
    ) -> None:
        """Leave out the takes that no clip came of, and warn of those that lack some."""
        good = {pairing.take.name for pairing, result in results if not isinstance(result, Fault) and result.clips}
        faults = {
            pairing.take.name: f"cannot be paired with {pairing.song.name}: {result.reason}"
            for pairing, result in results
            if isinstance(result, Fault)
        }
        short = {pairing.take.name for pairing, result in results if not isinstance(result, Fault) and not result.clips}
        reasons = dict.fromkeys((take.name for take in takes), "its own song cannot be used")
        reasons |= dict.fromkeys(short, "too short for a clip") | faults
        shown = {item.name: item.shown for item in self.takes}
        self._leave_out([f"{shown[name]}: {reason}" for name, reason in reasons.items() if name not in good])
        partly = sorted(shown[name] for name in good & {*short, *faults})
        if partly:
            self._warn(f"not paired with every song that was chosen for it: {_listed(partly)}")

    def _use_of(self, takes: list[MeasuredTake | SeenTake], paired: list[PairedClips]) -> dict[str, float]:
        """How many seconds of the takes are used; warns of dances that more is missing of."""
        use = use_of(takes, paired, {item.name: item.shown for item in self.takes})
        if use.missing:
            self._warn(f"the song has no room for all of it: {_listed(list(use.missing))}")
        return use.summary()

    def _each(self, label: str, function: Callable, jobs: Sequence[tuple]) -> Iterator[tuple[Any, Any]]:
        return one_by_one(label, function, jobs, self.options, self.progress)

    def _leave_out(self, reasons: list[str]) -> None:
        if reasons:
            self.left_out += reasons
            self.progress.warn(f"left out: {_listed(reasons)}")

    def _warn(self, message: str) -> None:
        self.warnings.append(message)
        self.progress.warn(message)

    def _summary(self, clips: list[Clip], paired: list[PairedClips], used: Mapping[str, float]) -> dict:
        val_s, test_s = (sum(clip.own_seconds for clip in clips if clip.split == side) for side in ("val", "test"))
        tests = sum(clip.split == "test" for clip in clips)
        return {
            "clips": len(clips),
            "seconds": round(sum(clip.own_seconds for clip in clips), 1),
            **used,
            "val_clips": sum(clip.split == "val" for clip in clips),
            "val_seconds": round(val_s, 1),
            **({"test_clips": tests, "test_seconds": round(test_s, 1)} if tests else {}),
            "takes": len({clip.take for clip in clips}),
            "val_takes": sorted({clip.take for clip in clips if clip.split == "val"}),
            "motions": len({clip.source for clip in clips}),
            "songs": len({clip.song for clip in clips}),
            **_locked(paired),
        }


def _locked(paired: list[PairedClips]) -> dict[str, float]:
    """How well dances are in time with their music that were warped to be; nothing where none was."""
    ratios = [one.acceleration for one in paired if one.acceleration is not None]
    if not ratios:
        return {}
    steps = max(1, sum(one.footfalls for one in paired))
    return {
        "footfall_alignment": round(sum(one.aligned for one in paired) / steps, 3),
        "footfall_alignment_shifted": round(sum(one.shifted for one in paired) / steps, 3),
        "acceleration_ratio": round(float(np.median(ratios)), 3),
    }


# In other processes. Whatever these raise is the fault of the input that they were given.


def _analyse(item: SongFile, mel: Path, store: Store, tracker: BeatTracker, name: str) -> Song:
    from dancegen.audio.song import analyse

    features = analyse(item.info, beats=finder(item, Context(store), tracker))
    np.save(mel, features.mel)
    return Song(name, item.path, item.input.digest, features.seconds, features.beats, mel)


def _read(
    item: TakeFile, target: Path, hints: Hints, clip_s: float
) -> tuple[MeasuredTake | SeenTake, list[tuple[str, str]]]:
    """A take, kept as `target` in the form that its clips are made from, and what was said about it."""
    notes, info = Notes(), item.take.info
    recording = item.take.recording(hints, notes)
    own = OwnSong(item.song.input.digest, info.song_start_s) if item.song is not None else None
    if isinstance(recording, Motion):
        own = own and replace(own, start_s=own.start_s + recording.begins_s)
        return _measured(item, recording, target.with_suffix(".npz"), own, clip_s), notes.said
    if not isinstance(recording, FlatDance) or own is None:
        raise InputError(f"{item.take.path} has no song")
    recording.save(target)
    own = replace(own, start_s=own.start_s + recording.start_s)
    digest = item.inputs[0].digest
    seen = SeenTake(item.name, info.performance, digest, target, recording.seconds, own, info.performer)
    return seen, notes.said


def _measured(item: TakeFile, motion: Motion, target: Path, own: OwnSong | None, clip_s: float) -> MeasuredTake:
    from dancegen.motion.cleaning import stands_still
    from dancegen.motion.footfalls import active_span, danced_spans
    from dancegen.motion.time_warp import DanceEvents

    if stands_still(motion.joints3d, motion.fps):
        raise MocapError(f"{item.take.path}: nobody moves in it")
    events = DanceEvents.of(motion.joints3d, motion.fps, motion.height_m)
    seconds = (len(motion) - 1) / motion.fps
    # A dancer who waits with music waits for it.
    active = active_span(motion.joints3d, motion.fps, motion.height_m) if item.song is None else (0.0, seconds)
    motion.save(target)
    return MeasuredTake(
        name=item.name,
        performance=item.take.info.performance,
        digest=item.inputs[0].digest,
        motion=target,
        seconds=seconds,
        spans=danced_spans(active, motion.gaps, min(SHORTEST_S, clip_s)),
        events=events,
        song=own,
        performer=item.take.info.performer,
    )


def _about_song(item: SongFile, reason: str) -> str:
    return reason.replace(str(item.path), item.path.name) if str(item.path) in reason else f"{item.path.name}: {reason}"


def _make_clips(pairing: Pairing | SeenPairing, root: Path, *arguments: Any) -> PairedClips:
    remove_clips(pairing.id, root)  # of a process that died of another pairing
    try:
        if isinstance(pairing, Pairing):
            return make_clips(pairing, root, *arguments)
        return make_pose_clips(pairing, root, *arguments)
    except Exception:
        remove_clips(pairing.id, root)
        raise


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(items[:SHOWN]) + more
