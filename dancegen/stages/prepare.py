"""prepare: motion capture and songs become a dataset of dances in time with their music."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.context import Context
from dancegen.dataset.format import Clip, write_clips
from dancegen.dataset.pairing import (
    FEWEST_BEATS,
    LAST_CLIP,
    ONLY_CLIP,
    MeasuredTake,
    OwnSong,
    PairedClips,
    Pairing,
    Song,
    choose_pairings,
    make_clips,
)
from dancegen.dataset.splits import Origin, split_performances
from dancegen.errors import DancegenError, InputError, MocapError
from dancegen.motion.readers.protocol import Hints
from dancegen.motion.readers.registry import Take, find_takes, known
from dancegen.options.data import PrepareOptions
from dancegen.options.declare import recipe_for
from dancegen.progress import Advance, Progress
from dancegen.stages.songs import SongFile, find_songs
from dancegen.store import Artifact, Input
from dancegen.store.hashing import hash_value
from dancegen.video import VIDEO_SUFFIXES

STAGE = "prepare"
VERSION = 3
SHOWN = 5
"""Messages of one kind that are shown in full."""


def prepare(options: PrepareOptions, context: Context) -> Artifact:
    """A dataset (see `dancegen.dataset.format`) of recorded dance with its music.

    Silent takes are warped in time until their steps fall on the beats of `pairs` songs each; a take with a song of its
    own keeps it. The last clip of a pairing may be half as long as the others, the only one of a short take a quarter.
    Partners stay together on one side of the split. What cannot be used is named in the summary, under `left_out`.
    Raises InputError where an argument, every source or every song is unusable.
    """
    takes = _find_sources(options.sources, context.progress)
    if options.music is None and any(item.song is None for item in takes):
        raise InputError("motion capture is silent: give the songs to dance to with --music FOLDER")
    songs = [] if options.music is None else find_songs(options.music, "--music")
    genres = {item.name: options.genre or item.take.info.genre or _folder_name(item.source) for item in takes}
    own = {item.song.input.digest: item.song for item in takes if item.song is not None}
    inputs = {
        "sources": tuple(entry for item in takes for entry in item.inputs),
        "music": tuple(item.input for item in songs),
        "own songs": tuple(song.input for song in own.values()),
    }
    recipe = recipe_for(STAGE, VERSION, options, inputs, genres=genres)
    return context.obtain(recipe, _Job(takes, songs, list(own.values()), genres, options, context.progress).build)


@dataclass(frozen=True)
class _TakeFile:
    """A take as it was found. name: its own among all takes, and what its clips are called by."""

    take: Take
    name: str
    source: str
    inputs: tuple[Input, ...]
    song: SongFile | None = None

    @property
    def digest(self) -> str:
        """Of all that the take is made of: two motions on two skeletons may have the same numbers."""
        return self.inputs[0].digest if len(self.inputs) == 1 else hash_value([each.digest for each in self.inputs])


@dataclass
class _Notes:
    """Progress that can travel to another process and back: it keeps what is said there."""

    said: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator[Advance]:
        yield lambda amount=1.0: None

    def say(self, message: str) -> None:
        self.said.append(("say", message))

    def warn(self, message: str) -> None:
        self.said.append(("warn", message))


@dataclass
class _Job:
    """The work behind one dataset, a step a method, in the order `build` runs them.

    left_out: the inputs that could not be used, each with the reason.
    """

    takes: list[_TakeFile]
    songs: list[SongFile]
    own_songs: list[SongFile]
    genres: Mapping[str, str]
    options: PrepareOptions
    progress: Progress
    warnings: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def build(self, directory: Path) -> dict:
        """Make the dataset in `directory`; returns its summary."""
        with tempfile.TemporaryDirectory(prefix="dancegen-prepare-") as scratch:
            songs, own_songs = self._analyse_songs(Path(scratch))
            takes = self._read_takes(Path(scratch))
            paired = self._make_clips(takes, songs, own_songs, directory)
        clips = [clip for one in paired for clip in one.clips]
        if not clips:
            least = self.options.clip_seconds * ONLY_CLIP
            reasons = "".join(f"; {reason}" for reason in self.left_out[:SHOWN])
            raise InputError(
                f"no take is long enough: a clip needs {least:g} s of dance; give a smaller --clip-seconds{reasons}"
            )
        if all(clip.split == "train" for clip in clips) and self.options.val_fraction > 0:
            self._warn("nothing is kept apart for validation: all clips are of one performance")
        write_clips(directory, clips)
        return self._summary(clips, paired)

    def _analyse_songs(self, scratch: Path) -> tuple[list[Song], list[Song]]:
        """The songs for silent takes, and those that takes were recorded with."""
        files = list({item.input.digest: item for item in (*self.songs, *self.own_songs)}.values())
        songs, failures = {}, []
        jobs = [(item, scratch / f"song{number}.npy") for number, item in enumerate(files)]
        for item, result in self._each("Listening to the songs", _analyse, jobs):
            if isinstance(result, str):
                failures.append(result)
            elif len(result.beats.times_s) < FEWEST_BEATS:
                failures.append(_reason(item.path, "it has no beat to dance to"))
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

    def _read_takes(self, scratch: Path) -> list[MeasuredTake]:
        takes, failures, said = [], [], []
        jobs = [
            (item, scratch / f"take{number}.npz", self.options.source_fps) for number, item in enumerate(self.takes)
        ]
        for _, (result, notes) in self._each("Reading the motion", _read, jobs):
            said += notes
            if isinstance(result, str):
                failures.append(result)
            else:
                takes.append(result)
        self._retell(said)
        if not takes:
            raise MocapError(failures[0])
        self._leave_out(failures)
        return takes

    def _retell(self, said: list[tuple[str, str]]) -> None:
        """Pass on what was said about the files, alike messages as one: forty files with one fault are one line."""
        alike: dict[tuple, list[str]] = {}
        for kind, text in said:
            # Messages about files differ in the file's name and in their figures.
            shape = tuple(word for word in text.split() if not any(c.isdigit() for c in word))
            alike.setdefault((kind, shape), []).append(text)
        for (kind, _), texts in alike.items():
            message = texts[0] + (f" (and {len(texts) - 1} more files like it)" if len(texts) > 1 else "")
            if kind == "warn":
                self._warn(message)
            else:
                self.progress.say(message)

    def _splits(self, takes: list[MeasuredTake]) -> dict[str, str]:
        """The side of every performance that was read."""
        read = {take.name for take in takes}
        found = (item for item in self.takes if item.name in read)
        origins = [Origin(item.take.info.performance, item.source, item.take.info.split) for item in found]
        return split_performances(origins, self.options.val_fraction, self.options.seed)

    def _make_clips(
        self, takes: list[MeasuredTake], songs: list[Song], own_songs: list[Song], directory: Path
    ) -> list[PairedClips]:
        options, splits = self.options, self._splits(takes)
        shortest = options.clip_seconds * LAST_CLIP
        pairings = choose_pairings(takes, songs, options.pairs, shortest, options.seed, own_songs)
        jobs = []
        for pairing in pairings:
            split, genre = splits[pairing.take.performance], self.genres[pairing.take.name]
            jobs.append((pairing, directory, options.clip_seconds, options.fps, split, genre, options.licence))
        results = list(self._each("Pairing with the songs", _make_clips, jobs))
        self._check_takes(takes, results)
        return [result for _, result in results if not isinstance(result, str)]

    def _check_takes(self, takes: list[MeasuredTake], results: list[tuple[Pairing, PairedClips | str]]) -> None:
        """Leave out the takes that no clip came of, and warn of those that lack some."""
        good = {pairing.take.name for pairing, result in results if not isinstance(result, str) and result.clips}
        faults = {pairing.take.name: result for pairing, result in results if isinstance(result, str)}
        short = {pairing.take.name for pairing, result in results if not isinstance(result, str) and not result.clips}
        reasons = dict.fromkeys((take.name for take in takes), "its own song cannot be used")
        reasons |= dict.fromkeys(short, "too short for a clip") | faults
        self._leave_out([f"{name}: {reason}" for name, reason in reasons.items() if name not in good])
        partly = sorted(good & {*short, *faults})
        if partly:
            self._warn(f"not paired with every song that was chosen for it: {_listed(partly)}")

    def _each(self, label: str, function: Callable, jobs: Sequence[tuple]) -> Iterator[tuple[Any, Any]]:
        """(first argument, result) of every job, in order, worked on by all processes."""
        from joblib import Parallel, delayed

        processes = max(min(self.options.workers or os.cpu_count() or 1, len(jobs)), 1)
        pool = Parallel(n_jobs=processes, return_as="generator")
        with self.progress.task(label, len(jobs)) as advance:
            for job, result in zip(jobs, pool(delayed(function)(*job) for job in jobs), strict=True):
                advance(1)
                yield job[0], result

    def _leave_out(self, reasons: list[str]) -> None:
        if reasons:
            self.left_out += reasons
            self.progress.warn(f"left out: {_listed(reasons)}")

    def _warn(self, message: str) -> None:
        self.warnings.append(message)
        self.progress.warn(message)

    def _summary(self, clips: list[Clip], paired: list[PairedClips]) -> dict:
        steps = max(1, sum(one.footfalls for one in paired))
        val_s = sum(clip.seconds for clip in clips if clip.split == "val")
        return {
            "clips": len(clips),
            "seconds": round(sum(clip.seconds for clip in clips), 1),
            "val_clips": sum(clip.split == "val" for clip in clips),
            "val_seconds": round(val_s, 1),
            "takes": len({clip.take for clip in clips}),
            "val_takes": sorted({clip.take for clip in clips if clip.split == "val"}),
            "motions": len({clip.source for clip in clips}),
            "songs": len({clip.song for clip in clips}),
            "footfall_alignment": round(sum(one.aligned for one in paired) / steps, 3),
            "footfall_alignment_shifted": round(sum(one.shifted for one in paired) / steps, 3),
            "acceleration_ratio": round(float(np.median([one.acceleration for one in paired])), 3),
            "warnings": self.warnings,
            "left_out": self.left_out,
        }


# In other processes: whatever is wrong with one input, the others can still be used, so every fault becomes a reason.
# Faults in writing are no input's, and end the run.


def _analyse(item: SongFile, mel: Path) -> Song | str:
    from dancegen.audio.song import analyse

    try:
        features = analyse(item.path)
    except Exception as error:
        return _reason(item.path, error)
    np.save(mel, features.mel)
    return Song(item.path.stem, item.path, item.input.digest, features.seconds, features.beats, mel)


def _read(item: _TakeFile, target: Path, source_fps: float | None) -> tuple[MeasuredTake | str, list[tuple[str, str]]]:
    from dancegen.motion.footfalls import active_span
    from dancegen.motion.time_warp import DanceEvents

    notes, info = _Notes(), item.take.info
    try:
        motion = item.take.read(Hints(source_fps), notes)
        events = DanceEvents.of(motion.joints3d, motion.fps, motion.height_m)
        active = active_span(motion.joints3d, motion.fps, motion.height_m)
    except Exception as error:
        return _reason(item.take.path, error), notes.said
    motion.save(target)
    own = OwnSong(item.song.input.digest, info.song_start_s) if item.song is not None else None
    digest = item.inputs[0].digest
    return MeasuredTake(item.name, info.performance, digest, target, active, events, own, info.performer), notes.said


def _make_clips(pairing: Pairing, *arguments: Any) -> PairedClips | str:
    try:
        return make_clips(pairing, *arguments)
    except OSError:
        raise
    except Exception as error:
        return f"cannot be paired with {pairing.song.name}: {_worded(error)}"


def _reason(path: Path, fault: Exception | str) -> str:
    """Why an input is left out, beginning with its name."""
    said = fault if isinstance(fault, str) else _worded(fault)
    return said if str(path) in said else f"{path}: {said}"


def _worded(error: Exception) -> str:
    return str(error) if isinstance(error, DancegenError) else f"it is damaged ({type(error).__name__}: {error})"


def _listed(items: list[str]) -> str:
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return "; ".join(items[:SHOWN]) + more


def _find_sources(sources: Sequence[str | Path], progress: Progress) -> list[_TakeFile]:
    """Every take of the sources, once each, sorted by name within its source."""
    if not sources:
        raise InputError(f"nothing to prepare: name a folder of motion capture ({known()})")
    found: dict[str, _TakeFile] = {}
    hashed = cache(Input.file)  # takes may share a skeleton, or a song
    for source in map(Path, sources):
        for take in _takes(source, progress):
            item = _TakeFile(take, _clip_name(take.path), str(source), _inputs(take, hashed), _own_song(take))
            same = found.setdefault(item.digest, item)
            if same is not item:
                progress.warn(f"{take.path} is the same motion as {same.take.path}: used once")
    return _with_own_names(list(found.values()))


def _takes(source: Path, progress: Progress) -> list[Take]:
    if not source.exists():
        raise InputError(f"there is no {source}: name a folder or file of motion capture")
    files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
    videos = sum(path.suffix.lower() in VIDEO_SUFFIXES for path in files)
    try:
        takes = find_takes(source)
    except MocapError:
        if videos:
            raise InputError(
                f"{source} holds video, which prepare cannot read yet: motion capture only ({known()})"
            ) from None
        raise
    if videos:
        progress.warn(f"{videos} videos in {source} are left out: motion capture only, so far")
    return takes


def _folder_name(source: str) -> str:
    """The name of a source's folder: what dance it holds, where people sort their takes."""
    place = Path(os.path.abspath(source))  # not resolved: a link's name is what the person calls it
    return place.parent.name if place.is_file() else place.name


def _inputs(take: Take, hashed: Callable[[str, Path], Input]) -> tuple[Input, ...]:
    """The recording and what belongs to it, such as the skeleton of an .amc.

    File names enter the roles, and so the digest: they say who dances with whom.
    """
    role = f"motion {take.path.stem}"
    own = hashed(role, take.path) if take.path.is_file() else Input.directory(role, take.path)
    return (own, *(hashed("skeleton", path) for path in take.reader.companions(take.path)))


def _own_song(take: Take) -> SongFile | None:
    return None if take.info.song is None else SongFile(take.info.song)


def _clip_name(path: Path) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem) or "take"


def _with_own_names(files: list[_TakeFile]) -> list[_TakeFile]:
    counts = Counter(item.name.lower() for item in files)
    return [
        replace(item, name=f"{item.name}-{item.digest[:6]}") if counts[item.name.lower()] > 1 else item
        for item in files
    ]
