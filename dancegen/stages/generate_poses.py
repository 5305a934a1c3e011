"""generate-poses: a song becomes a choreography."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import GeneratePosesOptions
from dancegen.options.declare import recipe_for
from dancegen.progress import Progress
from dancegen.stages.dance_controls import read_controls
from dancegen.stages.dance_files import AUDIO, BEATS, BVH, FEATURES, GENERATED, JSON, MOTION, POSES, PREVIEW
from dancegen.stages.danced_genres import genres_of_dance, write_genres
from dancegen.stages.song_level import level_of_song
from dancegen.stages.songs import SongFile, song_path
from dancegen.stages.track_beats import ADVICE, asked_beats, bars_in_words
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.store import Artifact, Input
from dancegen.store.hashing import hash_value

if TYPE_CHECKING:
    from dancegen.audio.load import SongInfo
    from dancegen.audio.song import FindBeats, Level, SongFeatures
    from dancegen.choreographers import Choreographer, ChosenModel, DanceControls
    from dancegen.pose.sequence import PoseSequence

STAGE = GENERATED
SUMMARY_FIGURES = (
    "speed_median", "accel_mean", "freeze_ratio", "missing", "bas_music", "bas_shifted", "footfall", "footfall_shifted",
    "footfall_lead", "skating",
)  # fmt: skip
"""What of evaluate's figures the summary shows."""
PREVIEW_SIDE, PREVIEW_FPS = 256, 15.0
"""Pixels of a preview's longer side, and pictures a second, at most: it is there to be glanced at."""


def generate_poses(
    options: GeneratePosesOptions,
    context: Context,
    *,
    song: SongFile | None = None,
    model: ChosenModel | None = None,
    dataset: Artifact | None = None,
) -> Artifact:
    """A choreography of the song's span: poses, OpenPose JSON, the span's music and its features, and a preview video.

    A model that dances in three dimensions also leaves the motion, and a BVH file at the rate of the poses. The same
    song, model and seed give the same dance, another song gives another. song, model: those of the options, where they
    were looked at already. dataset: the pose dataset that baselines dance with; else the newest. Raises AudioError
    for what is not a song, ModelError for what is not a model, InputError for settings out of range.
    """
    from dancegen.choreographers import choose_model

    song = song or SongFile(song_path(options.song))
    info = song.info
    check_span(options.start, options.seconds, info.seconds)
    chosen = model or choose_model(options.model, context.store, lambda: context.resolve(dataset, "extract-poses"))
    asked = read_controls(options, chosen, context)
    chosen.check(asked.controls)
    end = info.seconds if options.seconds is None else options.start + options.seconds
    beats = asked_beats(options, context.store, (options.start, end))
    source = replace(song.input, role="song")
    inputs = {"song": (source,), "model": chosen.inputs, "poses": (), "beats": beats.inputs,
              "beat_tracker": beats.tracker.inputs, **asked.inputs}  # fmt: skip
    recipe = recipe_for(STAGE, chosen.version, options, inputs, tracker=TRACKER, **asked.moments)

    def build(directory: Path) -> dict:
        seed = _chance(options.seed, source)
        find = beats.finder(song, context)
        with ThreadPoolExecutor(1, thread_name_prefix="loading") as beside:  # torch is loaded while the song is heard
            dancer = beside.submit(chosen.load, context.device)
            level = level_of_song(song, context, (options.start, end))
            return _build(
                directory, info, find, level, dancer.result, options, asked.controls, seed, context.progress
            )  # fmt: skip

    return context.obtain(recipe, build)


def _chance(seed: int, song: Input) -> int:
    """A song's own number for a seed, however much of it is danced: two songs are not danced alike."""
    return int(hash_value([int(seed), song.digest])[:16], 16)


def check_span(start: float, seconds: float | None, length: float) -> None:
    """InputError where less than a second of a song of `length` seconds lies in the span that is asked for."""
    if not start >= 0:
        raise InputError(f"--start {start:g}: a song begins at 0 seconds")
    if start > length - 1:
        raise InputError(f"--start {start:g}: the song is {length:.1f} seconds long; leave at least one to dance to")
    if seconds is not None and not 1 <= seconds < float("inf"):
        raise InputError(f"--seconds {seconds:g}: a dance lasts at least one second")


def _build(
    directory: Path,
    song: SongInfo,
    find_beats: FindBeats,
    level: Level | None,
    load: Callable[[], Choreographer],
    options: GeneratePosesOptions,
    controls: DanceControls,
    seed: int,
    progress: Progress,
) -> dict:
    from dancegen.audio.song import analyse_and_copy
    from dancegen.metrics.dance import Dance, measure, rounded
    from dancegen.metrics.diagnosis import NO_BEAT, faults, timing
    from dancegen.pose.openpose_json import write_openpose_json
    from dancegen.pose.sequence import PoseSequence

    excerpt = analyse_and_copy(
        song, directory / AUDIO, start_s=options.start, seconds=options.seconds, beats=find_beats, progress=progress
    )  # fmt: skip
    features = replace(excerpt.song, level=level)
    excerpt.copy.save(directory / FEATURES)
    features.beats.save(directory / BEATS)
    chunks, unmoved = _danced(load(), features, directory, options, controls, seed, progress)
    sequence = PoseSequence.concatenate(chunks)
    with ThreadPoolExecutor(1, thread_name_prefix="preview") as beside:
        preview = beside.submit(_write_preview, sequence, directory)
        sequence.save(directory / POSES)
        write_openpose_json(sequence, directory / JSON)
        figures = measure(Dance.of(sequence if unmoved is None else unmoved, features.beats.times_s))
        preview.result()
    kept, wrong = timing(figures), faults(figures)
    progress.say(kept)
    for fault in wrong:
        progress.warn(f"{fault}: {ADVICE}" if fault == NO_BEAT else fault)
    return {
        "seconds": round(sequence.seconds, 3),
        "frames": len(sequence),
        "fps": options.fps,
        "tempo_bpm": round(features.beats.tempo_bpm, 1),
        "beats": len(features.beats.times_s),
        **bars_in_words(features.beats),
        "timing": kept,
        **genres_of_dance(directory),
        "verdict": "; ".join(wrong) or "nothing looks wrong",
        **rounded({name: figures[name] for name in SUMMARY_FIGURES}),
    }


def _danced(
    dancer: Choreographer,
    song: SongFeatures,
    directory: Path,
    options: GeneratePosesOptions,
    controls: DanceControls,
    seed: int,
    progress: Progress,
) -> tuple[Iterator[PoseSequence], PoseSequence | None]:
    """The pieces of the dance; one in three dimensions is first written as such.

    Of one in three dimensions also what a camera sees that does not move, unless that is what is shown: what is
    measured is the dancer.
    """
    from dancegen.choreographers import BodyChoreographer, choreograph, filmed
    from dancegen.motion.cameras import film
    from dancegen.motion.export.bvh import write_bvh

    fps, size = options.fps, options.canvas
    if not isinstance(dancer, BodyChoreographer):
        return choreograph(dancer, song, controls, seed=seed, fps=fps, size=size, progress=progress), None
    write_genres(dancer, song, controls, seed, directory, progress)
    motion = dancer.dance(song, controls, seed=seed, progress=progress)
    motion.save(directory / MOTION)
    write_bvh(motion.resample(fps, max(1, round(song.seconds * fps))), directory / BVH)
    shown = filmed(motion, song, controls.camera, fps=fps, size=size)
    if options.camera == "front" and fps == motion.fps:
        return shown, None
    return shown, film(motion.motion(), "front", size=size, start_s=motion.start_s, lasting=True)


def _write_preview(sequence: PoseSequence, directory: Path) -> None:
    """Draw a dance into the preview video: small, and not every pose."""
    from dancegen.pose.drawing import draw_pose, to_canvas
    from dancegen.video import VideoWriter

    every, small = max(1, math.ceil(sequence.fps / PREVIEW_FPS)), preview_size(sequence.size)
    with VideoWriter(directory / PREVIEW, small, sequence.fps / every, audio=directory / AUDIO) as video:
        for keypoints in to_canvas(sequence.keypoints[::every], sequence.size, small):
            video.write(draw_pose(keypoints, small))


def preview_size(size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) in pixels of the preview of a canvas: even, and at most PREVIEW_SIDE the longer one."""
    from dancegen.video.writer import MIN_SIDE

    shrink = min(1.0, PREVIEW_SIDE / max(size))
    width, height = (max(MIN_SIDE, 2 * math.ceil(side * shrink / 2)) for side in size)
    return width, height
