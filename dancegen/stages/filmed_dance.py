"""A filmed dance as a source: what a video shows and plays becomes a dance of the store, as a song's choreography is.

The dancer is found in the pictures, cleaned, and stays where the camera saw them: a film of it is framed as the video.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.context import Context
from dancegen.detectors.registry import AUTO, DetectorSpec, resolve
from dancegen.dry_run import Pending
from dancegen.errors import InputError
from dancegen.options.dance import RenderOptions
from dancegen.options.shared import NO_DETECTOR
from dancegen.pose.cleaning import CleaningSettings, clean_detections, fill_gaps
from dancegen.pose.cleaning.smoothing import smooth_joints
from dancegen.pose.detections import Detections
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, N_JOINTS
from dancegen.progress import Progress
from dancegen.stages.dance_files import (
    BEATS,
    IMPORTED,
    NO_MUSIC,
    POSES,
    dance_behind,
    find_dance,
    leave_music,
    leave_silence,
)  # fmt: skip
from dancegen.stages.detect_people import FILE, Look, Part, detect_people, detected, let_go
from dancegen.stages.detect_people import VERSION as LOOKING
from dancegen.stages.songs import SongFile, song_path
from dancegen.stages.track_beats import VERSION as TRACKER
from dancegen.stages.track_beats import bars_in_words, finder, tracker_of
from dancegen.store import SHORT, Artifact, Input, Recipe

if TYPE_CHECKING:
    from dancegen.audio.trackers import BeatTracker
    from dancegen.pose.cleaning import Cleaned
    from dancegen.video import VideoFile

VERSION = 2
FOOTAGE = "video"
"""The role of the video in the recipe of the dance that it shows."""
MOST_FPS = 60.5
"""Frames a second: of a video with more, every second picture is looked at, or fewer."""
SETTINGS = CleaningSettings(min_seconds=0.3, min_quality=0.0)
"""A film is as long as the video, so that whatever can be used is shown."""
UPPER_BODY = 6
"""Joints from neck to ankles, of 13: what a close-up shows of a dancer, and less is nobody."""
SAME_SHAPE = 0.05
"""By how much the proportions of a film may differ from those of the video, to be framed as that is."""
SHORTEST_S = 1.0


@dataclass(frozen=True)
class Filmed:
    """The part of a video that is taken, and who looks at it. video: the file; part: which of its pictures."""

    video: VideoFile
    part: Part
    look: Look
    pictures: Input


def dance_of_video(path: Path, options: RenderOptions, context: Context) -> Artifact:
    """The dance that a video shows, with its own sound or --music.

    A film that dancegen made shows the poses that it was made of, where the store has them. Raises InputError for
    what is no video, for one that shows nobody, and where there is no detector, AudioError for sound that is damaged.
    """
    _check(options)
    known = None if _changed(options) else dance_behind(path, context.store)
    if known is not None:
        context.progress.say(f"{path.name} was made of the dance {known.digest[:SHORT]}: that is taken")
        return known
    filmed, tracker = _filmed(path, options, context), tracker_of(options)
    music = None if options.music in (None, NO_MUSIC) else SongFile(song_path(options.music))
    recipe = Recipe(IMPORTED, VERSION, _params(filmed, options), _inputs(filmed, music, tracker))
    spec, video = filmed.look.detector, filmed.video
    context.progress.say(
        f"{path.name}: the dance that it shows is taken, {_heard(options)}; {spec.name} looks for the dancer"
    )
    spec.tell(context.progress)

    def build(directory: Path) -> dict[str, Any]:
        from dancegen.audio.beats import Beats

        found = detections_of(filmed, context)
        cleaned = clean_detections(found, SETTINGS)
        sequence = one_sequence(found, cleaned, filmed.part.start_s)
        seen = _shown(sequence, cleaned, path, spec, context.progress)
        sequence.save(directory / POSES)
        if options.music == NO_MUSIC:
            leave_silence(directory, sequence.seconds)
        elif music is not None:
            find = finder(music, context, tracker)
            start = options.music_start or 0.0
            leave_music(directory, music.info, find, start, sequence.seconds, context.progress)
        else:
            leave_own_sound(directory, video, sequence, tracker, context.progress)
        beats = Beats.load(directory / BEATS)
        return {
            "seconds": round(sequence.seconds, 3),
            "frames": len(sequence),
            "fps": sequence.fps,
            "seen": round(seen, 3),
            "shots": len(sequence.shots) + 1,
            "tempo_bpm": round(beats.tempo_bpm, 1),
            "beats": len(beats.times_s),
            **bars_in_words(beats),
        }

    made = context.step(force=False).obtain(recipe, build)
    context.tell(lambda: spec.downloads if isinstance(made, Pending) else [])
    return made


def detections_of(filmed: Filmed, context: Context) -> Detections:
    """What the detector sees in a part of a video, from the store or found now."""
    from dancegen.video.survey import survey

    path, part = filmed.video.path, filmed.part
    rate = part.fps or filmed.video.fps
    left = survey(filmed.video).seconds - part.start_s
    total = round(min(left, left if part.seconds is None else part.seconds) * rate)
    look = filmed.look
    if not detected(look, filmed.pictures, context.store, part):
        look = look.fetched(context.progress)
    try:
        with context.progress.task(f"Looking for the dancer in {path.name}", total) as advance:
            found = detect_people(look, path, filmed.pictures, context.store, part=part, advance=advance)
    finally:
        let_go()  # what paints needs the memory
    return Detections.load(found.file(FILE))


def one_sequence(found: Detections, cleaned: Cleaned, start_s: float) -> PoseSequence:
    """The pieces of a clip where they were in it, with its cuts; frame 0 is at `start_s`.

    Between them nobody is shown, or the part of a dancer that is seen, as in a close-up.
    """
    kinds = [
        name for name in ("hands", "face") if any(getattr(piece.poses, name) is not None for piece in cleaned.pieces)
    ]
    arrays: dict[str, np.ndarray] = {}
    for name in ("keypoints", *kinds):
        for piece in cleaned.pieces:
            own = getattr(piece.poses, name)
            if own is not None:
                whole = arrays.setdefault(name, np.zeros((len(found), *own.shape[1:]), np.float32))
                whole[piece.first : piece.first + len(own)] = own
    keypoints = arrays.setdefault("keypoints", np.zeros((len(found), N_JOINTS, 3), np.float32))
    for part in cleaned.rejected:
        if part.keypoints is not None:
            keypoints[part.first : part.first + part.frames] = partly_seen(part.keypoints, found.fps)
    cuts = np.array(cleaned.cuts, np.int64)
    return PoseSequence(**arrays, fps=found.fps, size=found.size, start_s=start_s, cuts=cuts)


def partly_seen(keypoints: np.ndarray, fps: float) -> np.ndarray:
    """(T, 18, 3) of somebody who is not seen whole: without frames that show less than an upper body, smoothed."""
    enough = (keypoints[:, BODY, 2] > 0).sum(axis=1) >= UPPER_BODY
    kept = np.where(enough[:, None, None], keypoints, 0)
    kept = fill_gaps(kept, round(SETTINGS.max_gap * fps)) if enough.any() else kept
    return smooth_joints(kept, fps, SETTINGS.smooth)


def leave_own_sound(
    directory: Path, video: VideoFile, sequence: PoseSequence, tracker: BeatTracker, progress: Progress
) -> None:
    """Write the sound of a video from the first pose on, in step with the pictures, and what is heard in it."""
    from dancegen.audio.load import probe
    from dancegen.audio.song import find_beats
    from dancegen.video.sound import write_own_sound
    from dancegen.video.survey import survey

    if video.sound_starts_s is None:
        progress.warn(f"{video.path.name} has no sound: the dance is silent, unless --music gives it a song")
        leave_silence(directory, sequence.seconds)
        return
    # Beats are tracked in all of it, however little is danced.
    length = max(survey(video).seconds, sequence.start_s + sequence.seconds, SHORTEST_S)
    with TemporaryDirectory(dir=directory) as place:
        whole = Path(place) / f"{video.path.stem}.flac"
        write_own_sound(video.path, whole, video.begins_s, length)
        info = probe(whole)
        leave_music(
            directory, info, lambda heard: find_beats(info, heard, tracker=tracker, progress=progress),
            sequence.start_s, sequence.seconds, progress,
        )  # fmt: skip


def picture_size(reference: Artifact | str | Path | None, context: Context) -> tuple[int, int] | None:
    """(width, height) of the pictures in which poses were seen; None for poses that nobody filmed.

    reference: what a person gives as POSES. Raises as `find_dance` does.
    """
    from dancegen.stages.pose_files import is_pose_file
    from dancegen.video import VideoFile
    from dancegen.video.info import is_video

    if reference is None:
        return None
    if not isinstance(reference, Artifact):
        if is_video(reference):
            return VideoFile(Path(reference)).size
        if is_pose_file(reference):
            return None
        reference = find_dance(reference, context.store)
    width, height = reference.params.get("size", (0, 0)) if is_filmed(reference) else (0, 0)
    return (int(width), int(height)) if width and height else None


def is_filmed(dance: Artifact) -> bool:
    """Whether a dance was seen in a video."""
    return any(item.role == FOOTAGE for item in dance.inputs)


def framed_as_filmed(dance: Artifact, size: tuple[int, int]) -> bool:
    """Whether a film of this size shows the dancer where the video does: it has its proportions."""
    shown = dance.params.get("size") if is_filmed(dance) else None
    return shown is not None and abs(np.log(shown[0] / shown[1] * size[1] / size[0])) <= SAME_SHAPE


def _check(options: RenderOptions) -> None:
    for flag, value in (("--json-fps", options.json_fps), ("--json-canvas", options.json_canvas)):
        if value is not None:
            raise InputError(f"{flag} is for OpenPose JSON, and a video has its own rate and size")
    if options.music_start is not None and options.music in (None, NO_MUSIC):
        raise InputError("--music-start says where in a song the poses begin: name the song with --music")


def _changed(options: RenderOptions) -> bool:
    """Whether more is asked for than the dance of a film as it is."""
    asked = ("detector", "beat_tracker", "hands", "face", "music", "start", "seconds")
    return any(name in options.given() for name in asked)


def _filmed(path: Path, options: RenderOptions, context: Context) -> Filmed:
    from dancegen.video import VideoFile
    from dancegen.video.survey import survey

    path = context.store.checked_path(path)
    video = VideoFile(path)
    length, start, seconds = survey(video).seconds, options.start, options.seconds
    if not 0 <= start <= length - SHORTEST_S:
        raise InputError(f"--start {start:g}: {path.name} is {length:.1f} s long, and at least a second is needed")
    if seconds is not None and not SHORTEST_S <= seconds < float("inf"):
        raise InputError(f"--seconds {seconds:g}: a dance lasts at least one second")
    slower = max(1, int(np.ceil(video.fps / MOST_FPS)))
    part = Part(start, None if seconds is None else min(seconds, length - start), video.fps / slower)
    spec = chosen_detector(options, path)
    look = Look(spec, spec.input("detector", context.progress), context.device)
    return Filmed(video, part, look, Input.file(FOOTAGE, path))


def chosen_detector(options: RenderOptions, path: Path) -> DetectorSpec:
    """Who looks for the dancer. Raises InputError where nobody can."""
    if str(options.detector) == NO_DETECTOR:
        raise InputError(f"--detector none: {path.name} is a video, and to find the dancer in it takes a detector")
    offline = bool(getattr(options, "offline", False))  # an option of painted films
    try:
        return resolve(options.detector or AUTO, hands=options.hands, face=options.face, offline=offline)
    except InputError as error:
        if options.detector is not None:
            raise
        raise InputError(
            f"nobody can look for the dancer in {path.name}: {error}\n"
            "If only its music is wanted, dance takes it with --sound-only"
        ) from error


def _heard(options: RenderOptions) -> str:
    if options.music is None:
        return "with its own sound"
    return "without sound" if options.music == NO_MUSIC else f"to {Path(options.music).name}"


def _params(filmed: Filmed, options: RenderOptions) -> dict[str, Any]:
    spec, part = filmed.look.detector, filmed.part
    return {
        "size": list(filmed.video.size), "fps": part.fps, "start": part.start_s, "seconds": part.seconds,
        "detector": spec.name, "hands": spec.hands, "face": spec.face, "looking": LOOKING, "tracker": TRACKER,
        "music": NO_MUSIC if options.music == NO_MUSIC else "own" if options.music is None else "song",
        "music_start": options.music_start or 0.0, **asdict(SETTINGS),
    }  # fmt: skip


def _inputs(filmed: Filmed, music: SongFile | None, tracker: BeatTracker) -> tuple[Input, ...]:
    song = () if music is None else (replace(music.input, role="song"),)
    return (filmed.pictures, filmed.look.weights, *song, *tracker.inputs)


def _shown(
    sequence: PoseSequence, cleaned: Cleaned, path: Path, spec: DetectorSpec, progress: Progress
) -> float:  # fmt: skip
    """In which share of the frames somebody is shown; what is missing is said. InputError where nobody ever is."""
    shown = np.asarray((sequence.keypoints[..., 2] > 0).any(axis=1))
    if not shown.any():
        reasons = "; ".join(dict.fromkeys(each.reason for each in cleaned.rejected))
        raise InputError(
            f"{path.name}: {spec.name} looked at {len(sequence)} pictures and found nobody who dances"
            f"{reasons and f' ({reasons})'}; if only its music is wanted, dance takes it with --sound-only"
        )
    missing = int((~shown).sum())
    if missing:
        progress.warn(f"{path.name}: nobody is seen in {missing} of {len(shown)} frames, and a film of it shows nobody")
    return float(shown.mean())
