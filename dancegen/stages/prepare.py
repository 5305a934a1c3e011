"""prepare: motion capture and songs become a dataset of dances in time with their music."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from dancegen.context import Context
from dancegen.dataset.pairing import (
    FEWEST_BEATS,
    LAST_CLIP,
    ONLY_CLIP,
    Danced,
    Song,
    Take,
    choose_dances,
    dance,
    performance,
    split_performances,
)
from dancegen.errors import AudioError, InputError, MocapError
from dancegen.options.declare import recipe_for
from dancegen.options.verbs import PrepareOptions
from dancegen.progress import Progress
from dancegen.stages.songs import SongFile, find_songs
from dancegen.store import Artifact, Input
from dancegen.video import VIDEO_SUFFIXES

STAGE = "prepare"
VERSION = 2

MOTION_SUFFIXES = {".bvh", ".amc"}


def prepare(options: PrepareOptions, context: Context) -> Artifact:
    """A dataset (see `dancegen.dataset.format`) of motion capture danced to songs.

    Every take is warped in time until its steps fall on the beats of `pairs` songs each. The last clip of a dance may
    be half as long as the others, the only one of a short take a quarter. Partners stay together on one side of the
    split. Raises InputError where an argument, every source or every song is unusable.
    """
    motions = _find_motions(options.sources, context.progress)
    if options.music is None:
        raise InputError("motion capture is silent: give the songs to dance to with --music FOLDER")
    songs = find_songs(options.music, "--music")
    genres = {item.name: options.genre or _folder_name(item.source) for item in motions}
    inputs = {
        "sources": tuple(entry for item in motions for entry in item.inputs),
        "music": tuple(item.input for item in songs),
    }
    recipe = recipe_for(STAGE, VERSION, options, inputs, genres=genres)
    job = _Job(motions, songs, dict(recipe.params), options.workers or os.cpu_count() or 1, context.progress)
    return context.obtain(recipe, job.build)


@dataclass(frozen=True)
class _MotionFile:
    path: Path
    name: str
    source: str
    inputs: tuple[Input, ...]


@dataclass
class _Notes:
    """Progress that can travel to another process and back: it keeps what is said there."""

    said: list[tuple[str, str]] = field(default_factory=list)

    @contextmanager
    def task(self, label: str, total: float | None = None) -> Iterator:
        yield lambda amount=1.0: None

    def say(self, message: str) -> None:
        self.said.append(("say", message))

    def warn(self, message: str) -> None:
        self.said.append(("warn", message))


@dataclass
class _Job:
    """The work behind one dataset, a step a method, in the order `build` runs them."""

    motions: list[_MotionFile]
    songs: list[SongFile]
    params: dict
    workers: int
    progress: Progress
    warnings: list[str] = field(default_factory=list)

    def build(self, directory: Path) -> dict:
        """Make the dataset in `directory`; returns its summary."""
        from dancegen.dataset.format import write_clips

        with tempfile.TemporaryDirectory(prefix="dancegen-prepare-") as scratch:
            songs = self._analyse_songs(Path(scratch))
            takes = self._read_takes(Path(scratch))
            splits = split_performances(self._sources(takes), self.params["val_fraction"], self.params["seed"])
            danced = self._dance(takes, songs, splits, directory)
        clips = [clip for one in danced for clip in one.clips]
        if not clips:
            least = self.params["clip_seconds"] * ONLY_CLIP
            raise InputError(
                f"no take is long enough: a clip needs {least:g} s of dance; give a smaller --clip-seconds"
            )
        if all(clip.split == "train" for clip in clips) and self.params["val_fraction"] > 0:
            self._warn_all("nothing is kept apart for validation", ["all clips are of one performance"])
        write_clips(directory, clips)
        return self._summary(clips, danced)

    def _analyse_songs(self, scratch: Path) -> list[Song]:
        songs, failures = [], []
        jobs = [(item, scratch / f"song{number}.npy") for number, item in enumerate(self.songs)]
        for item, result in self._each("Listening to the songs", _analyse, jobs):
            if isinstance(result, str):
                failures.append(result)
            elif len(result.beats.times_s) < FEWEST_BEATS:
                failures.append(f"{item.path} has no beat to dance to")
            else:
                songs.append(result)
        if not songs:
            raise InputError("none of the songs can be danced to: " + "; ".join(failures[:5]))
        self._warn_all("left out", failures)
        return songs

    def _read_takes(self, scratch: Path) -> list[Take]:
        takes, failures, said = [], [], []
        fps = self.params["source_fps"]
        jobs = [(item, scratch / f"take{number}.npz", fps) for number, item in enumerate(self.motions)]
        for _, (result, notes) in self._each("Reading the motion", _read, jobs):
            said += notes
            if isinstance(result, str):
                failures.append(result)
            else:
                takes.append(result)
        self._retell(said)
        if not takes:
            raise MocapError(failures[0])
        self._warn_all("left out", failures)
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
                self.warnings.append(message)
                self.progress.warn(message)
            else:
                self.progress.say(message)

    def _dance(self, takes: list[Take], songs: list[Song], splits: dict[str, str], directory: Path) -> list[Danced]:
        params = self.params
        orders = choose_dances(takes, songs, params["pairs"], params["clip_seconds"] * LAST_CLIP, params["seed"])
        how = (directory, params["clip_seconds"], params["fps"])
        genres = params["genres"]
        jobs = [(order, *how, splits[order.take.group], genres[order.take.name], params["licence"]) for order in orders]
        danced = [result for _, result in self._each("Dancing to the songs", dance, jobs)]
        short = sorted({order.take.name for order, one in zip(orders, danced, strict=True) if not one.clips})
        if short:
            self._warn_all("too short for a clip with at least one song, left out there", short)
        return danced

    def _each(self, label: str, function, jobs: list[tuple]) -> Iterator[tuple]:
        """(first argument, result) of every job, in order, worked on by all processes."""
        from joblib import Parallel, delayed

        pool = Parallel(n_jobs=min(self.workers, len(jobs)), return_as="generator")
        with self.progress.task(label, len(jobs)) as advance:
            for job, result in zip(jobs, pool(delayed(function)(*job) for job in jobs), strict=True):
                advance(1)
                yield job[0], result

    def _warn_all(self, what: str, items: list[str]) -> None:
        if items:
            more = f" and {len(items) - 5} more" if len(items) > 5 else ""
            self.warnings.append(f"{what}: " + "; ".join(items[:5]) + more)
            self.progress.warn(self.warnings[-1])

    def _sources(self, takes: list[Take]) -> dict[str, str]:
        where = {item.name: item.source for item in self.motions}
        found: dict[str, str] = {}
        for take in takes:
            found.setdefault(take.group, where[take.name])
        return found

    def _summary(self, clips: list, danced: list[Danced]) -> dict:
        steps = max(1, sum(one.footfalls for one in danced))
        seconds = Counter()
        for clip in clips:
            seconds[clip.split] += clip.seconds
        return {
            "clips": len(clips),
            "seconds": round(sum(seconds.values()), 1),
            "val_clips": sum(clip.split == "val" for clip in clips),
            "val_seconds": round(seconds["val"], 1),
            "takes": len({clip.take for clip in clips}),
            "val_takes": sorted({clip.take for clip in clips if clip.split == "val"}),
            "motions": len({clip.source for clip in clips}),
            "songs": len({clip.song for clip in clips}),
            "footfall_alignment": round(sum(one.aligned for one in danced) / steps, 3),
            "footfall_alignment_shifted": round(sum(one.shifted for one in danced) / steps, 3),
            "acceleration_ratio": round(float(np.median([one.acceleration for one in danced])), 3),
            "warnings": self.warnings,
        }


def _analyse(item: SongFile, mel: Path) -> Song | str:
    from dancegen.audio.song import analyse

    try:
        features = analyse(item.path)
    except AudioError as error:
        return str(error)
    np.save(mel, features.mel)
    return Song(item.path.stem, item.path, item.input.digest, features.seconds, features.beats, mel)


def _read(item: _MotionFile, target: Path, source_fps: float | None) -> tuple[Take | str, list[tuple[str, str]]]:
    from dancegen.motion.footfalls import active_span
    from dancegen.motion.readers.registry import load_motion
    from dancegen.motion.time_warp import DanceEvents

    notes = _Notes()
    try:
        motion = load_motion(item.path, source_fps=source_fps, progress=notes)
    except MocapError as error:
        return str(error), notes.said
    motion.save(target)
    events = DanceEvents.of(motion.joints3d, motion.fps, motion.height_m)
    active = active_span(motion.joints3d, motion.fps, motion.height_m)
    group = performance(item.path.stem)
    return Take(item.name, group, item.inputs[0].digest, target, active, events), notes.said


def _find_motions(sources: Sequence[str | Path], progress: Progress) -> list[_MotionFile]:
    """Every motion file of the sources, once each, sorted by name within its source."""
    if not sources:
        raise InputError("nothing to prepare: name a folder of motion capture (.bvh, or .amc with its .asf)")
    found: dict[str, _MotionFile] = {}
    for source in map(Path, sources):
        for path in _motion_files(source, progress):
            inputs = _motion_inputs(path)
            same = found.get(inputs[0].digest)
            if same:
                progress.warn(f"{path} is the same motion as {same.path}: used once")
                continue
            found[inputs[0].digest] = _MotionFile(path, _clip_name(path), str(source), inputs)
    return _with_own_names(list(found.values()))


def _motion_files(source: Path, progress: Progress) -> list[Path]:
    if not source.exists():
        raise InputError(f"there is no {source}: name a folder or file of motion capture")
    files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    motions = [path for path in files if path.suffix.lower() in MOTION_SUFFIXES]
    videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
    if motions:
        if videos:
            progress.warn(f"{len(videos)} videos in {source} are left out: motion capture only, so far")
        return motions
    if videos:
        raise InputError(f"{source} holds video, which prepare cannot read yet: motion capture only (.bvh, .amc)")
    raise InputError(f"{source} holds no motion capture: give .bvh files, or .amc files with their .asf beside them")


def _folder_name(source: str) -> str:
    """The name of a source's folder: what dance it holds, where people sort their takes."""
    place = Path(os.path.abspath(source))  # not resolved: a link's name is what the person calls it
    return place.parent.name if place.is_file() else place.name


def _motion_inputs(path: Path) -> tuple[Input, ...]:
    """The motion file and, for an .amc, its skeleton.

    File names enter the roles, and so the digest: they say who dances with whom.
    """
    inputs = [Input.file(f"motion {path.stem}", path)]
    if path.suffix.lower() == ".amc":
        from dancegen.motion.readers.asf_amc import find_asf

        # A missing one is said when the motion is read, where the other files can still be used.
        with suppress(MocapError):
            inputs.append(Input.file("skeleton", find_asf(path)))
    return tuple(inputs)


def _clip_name(path: Path) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem) or "take"


def _with_own_names(files: list[_MotionFile]) -> list[_MotionFile]:
    counts = Counter(item.name.lower() for item in files)
    return [
        replace(item, name=f"{item.name}-{item.inputs[0].digest[:6]}") if counts[item.name.lower()] > 1 else item
        for item in files
    ]
