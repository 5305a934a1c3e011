"""import-poses: poses that come back from an editor, or from anywhere, become a dance of the store, with music."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancegen.context import Context
from dancegen.errors import InputError
from dancegen.options.dance import RenderOptions
from dancegen.stages.dance_files import (
    AUDIO,
    BEATS,
    FEATURES,
    GENERATED,
    IMPORTED,
    NO_MUSIC,
    POSES,
    find_dance,
    leave_music,
    leave_silence,
)  # fmt: skip
from dancegen.stages.filmed_dance import dance_of_video
from dancegen.stages.pose_files import PoseFile, is_pose_file, read_pose_file
from dancegen.stages.songs import SongFile, song_path
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.stages.track_beats import bars_in_words, finder, tracker_of
from dancegen.store import Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.audio.trackers import BeatTracker

VERSION = 1


@dataclass(frozen=True)
class Music:
    """What is heard with imported poses. song: a file, or the dance whose music it is; None: silence. start_s: where
    in the file the poses begin. position_s: the second of the song they begin at, as the poses tell it. said: in words.
    """

    song: SongFile | Artifact | None
    start_s: float
    position_s: float
    said: str

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What of it enters a recipe."""
        if self.song is None:
            return ()
        if isinstance(self.song, Artifact):
            return (Input.artifact("song", self.song),)
        return (replace(self.song.input, role="song"),)


def dance_to_render(options: RenderOptions, context: Context) -> Artifact:
    """The dance that a person means: an artifact, or a video, or a file or folder of poses, which becomes one.

    Without poses, footage that is drawn over shows them. Raises InputError, NotFoundError, PoseError for what is no
    dance, AudioError for what is no music.
    """
    from dancegen.video.info import is_video

    reference = options.poses if options.poses is not None else options.over
    if reference is not None and not isinstance(reference, Artifact) and is_video(reference):
        return dance_of_video(Path(reference), options, context)
    if options.start or options.seconds is not None:
        flag = "--start" if options.start else "--seconds"
        raise InputError(f"{flag} is for a video; poses are filmed from the first to the last")
    if reference is None or isinstance(reference, Artifact) or not is_pose_file(reference):
        return _of_the_store(options, context)
    found = read_pose_file(reference, context.store, json_fps=options.json_fps, canvas=options.json_canvas)
    return import_poses(found, _music(found, options), tracker_of(options), context)


def import_poses(found: PoseFile, music: Music, tracker: BeatTracker, context: Context) -> Artifact:
    """The dance of a pose file, with music, as generate-poses would have left it. tracker: who hears its beats."""
    sequence = replace(found.sequence, start_s=music.position_s)
    for remark in found.remarks:
        context.progress.warn(remark)
    context.progress.say(f"{found.path.name}: {len(sequence)} frames, {sequence.fps:g} a second; {music.said}")
    _check_length(found, music, context)
    heard = tracker.inputs if isinstance(music.song, SongFile) else ()
    recipe = Recipe(
        IMPORTED, VERSION,
        {"fps": sequence.fps, "size": list(sequence.size), "start": music.start_s, "position": sequence.start_s,
         "tracker": TRACKER},
        (found.input, *music.inputs, *heard),
    )  # fmt: skip

    def build(directory: Path) -> dict[str, Any]:
        from dancegen.audio.beats import Beats

        sequence.save(directory / POSES)
        _leave_music(directory, music, tracker, sequence.seconds, context)
        beats = Beats.load(directory / BEATS)
        return {
            "seconds": round(sequence.seconds, 3),
            "frames": len(sequence),
            "fps": sequence.fps,
            "tempo_bpm": round(beats.tempo_bpm, 1),
            "beats": len(beats.times_s),
            **bars_in_words(beats),
            "music": music.said,
        }

    return context.step(force=False).obtain(recipe, build)


def _of_the_store(options: RenderOptions, context: Context) -> Artifact:
    reference = options.poses
    for flag, value in (("--music", options.music), ("--music-start", options.music_start),
                        ("--json-fps", options.json_fps), ("--json-canvas", options.json_canvas)):  # fmt: skip
        if value is not None:
            raise InputError(
                f"{flag} is for poses from a file, and a dance of the store has its own music and canvas: give its "
                f"{POSES} as POSES to set it to another song"
            )
    if reference is None:
        return context.resolve(None, GENERATED)
    return find_dance(reference.path if isinstance(reference, Artifact) else reference, context.store)


def _music(found: PoseFile, options: RenderOptions) -> Music:
    """What a person wants to hear: the song they name; else that of the dance the poses were made from."""
    begins, asked = found.sequence.start_s, options.music_start
    if options.music is not None and str(options.music) != NO_MUSIC:
        song = SongFile(song_path(options.music))
        start = max(begins, 0.0) if asked is None else asked
        seconds = min(found.sequence.seconds, song.info.seconds - start)
        said = f"{song.path.name} is heard from {start:.1f} to {start + seconds:.1f} s"
        return Music(song, start, start, said)
    if asked is not None:
        raise InputError("--music-start says where in a song the poses begin: name the song with --music")
    beside = found.path.parent / AUDIO
    if options.music is None and beside.is_file():
        return Music(SongFile(beside), 0.0, begins, f"with the {AUDIO} that lies beside it")
    if options.music is None and found.origin is not None:
        name = next((item.name for item in found.origin.inputs if item.role == "song"), "music")
        said = f"edited from the dance {found.origin.digest[:8]}, with its music ({name} from {begins:.1f} s)"
        return Music(found.origin, 0.0, begins, said)
    return Music(None, 0.0, begins, "without sound: name a song with --music" if options.music is None else "silent")


def _check_length(found: PoseFile, music: Music, context: Context) -> None:
    """Say where the music ends before the dance. InputError where it ends before it begins."""
    if music.song is None or isinstance(music.song, Artifact):
        return
    length = music.song.info.seconds
    if not 0 <= music.start_s <= length - 1:
        raise InputError(
            f"{found.path.name} begins at {music.start_s:.1f} s of the song, and {music.song.path.name} is "
            f"{length:.1f} seconds long: say with --music-start where in it the dance begins"
        )
    lacking = music.start_s + found.sequence.seconds - length
    if lacking > 1 / found.sequence.fps:
        context.progress.warn(
            f"the poses last {found.sequence.seconds:.1f} s, the music from {music.start_s:.1f} s on "
            f"{length - music.start_s:.1f} s: the last {lacking:.1f} s are silent"
        )


def _leave_music(directory: Path, music: Music, tracker: BeatTracker, seconds: float, context: Context) -> None:
    from dancegen.audio.beats import Beats
    from dancegen.audio.load import probe

    if music.song is None:
        leave_silence(directory, seconds)
        return
    if not isinstance(music.song, Artifact):
        find = finder(music.song, context, tracker)
        leave_music(directory, music.song.info, find, music.start_s, seconds, context.progress)
        return
    if abs(float(music.song.summary["seconds"]) - seconds) < 0.02:
        for name in (AUDIO, FEATURES, BEATS):
            shutil.copyfile(music.song.file(name), directory / name)
        return
    beats = replace(Beats.load(music.song.file(BEATS)), start_s=0.0)
    leave_music(directory, probe(music.song.file(AUDIO)), lambda heard: beats, 0.0, seconds, context.progress)
