"""What the artifact of a dance holds, whoever made the dance: its files, and the span of music beside the poses.

Render, films and evaluate read these files and nothing else. So a dance that came from a pose editor is filmed as one
that a model made.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import DancegenError, InputError
from dancegen.progress import SILENT, Progress
from dancegen.store import SHORT, Artifact, Store

if TYPE_CHECKING:
    from dancegen.audio.load import SongInfo
    from dancegen.audio.song import FindBeats, SongFeatures

GENERATED, IMPORTED = "generate-poses", "import-poses"
DANCES = (GENERATED, IMPORTED)
"""The stages whose artifacts are dances."""
POSES, JSON, PREVIEW = "poses.npz", "openpose.json", "preview.mp4"
AUDIO, FEATURES, BEATS = "audio.flac", "features.npz", "beats.json"
"""The span of the song: its sound, log-mel and onsets, and beats, so that nobody has to listen to it again."""
MOTION, BVH = "motion.npz", "dance.bvh"
GENRES = "danced-genres.json"
"""Which genre is danced from when until when, in seconds of the song."""
"""Of a model that dances in three dimensions: the body's motion at the model's own rate, to edit and start from, and at
the rate of the poses, to take to Blender."""
NO_MUSIC = "none"
"""What a person calls silence."""
SILENT_RATE = 44_100
"""Hz of a silent sound track."""


def find_dance(reference: str | Path, store: Store) -> Artifact:
    """The dance that a person means, made by a model or imported. Raises InputError, NotFoundError as Store.find."""
    try:
        return store.find(reference, GENERATED)
    except InputError as error:
        try:
            return store.find(reference, IMPORTED)
        except InputError:
            raise error from None


def rendered_by(digest: str | None, store: Store) -> Artifact | None:
    """The render artifact that a video's metadata names, where the store has it whole.

    A video may come from anywhere and say anything: it names a digest and no path.
    """
    if digest is None or not re.fullmatch("[0-9a-f]{64}", digest):
        return None
    try:
        return store.find(digest, "render")
    except DancegenError:
        return None


def rendered_from(rendered: Artifact | None, store: Store) -> Artifact | None:
    """The poses of a render artifact, where the store still has them as they were."""
    poses = next((item for item in rendered.inputs if item.role == "poses"), None) if rendered else None
    if poses is None:
        return None
    try:
        stage, _, digest = poses.name.rpartition("/")
        found = store.find(digest[:SHORT], stage)
    except DancegenError:
        return None
    return found if found.content == poses.digest else None


def dance_behind(video: Path, store: Store) -> Artifact | None:
    """The dance that a film of dancegen's was made of, where the film says so and the store still has it.

    Raises InputError for a file that is no video.
    """
    from dancegen.video import probe_video

    return rendered_from(rendered_by(probe_video(video).metadata.get("digest"), store), store)


def leave_music(
    directory: Path, song: SongInfo, find_beats: FindBeats, start_s: float, seconds: float, progress: Progress
) -> SongFeatures:
    """Write `seconds` of a song from `start_s` on, with their features and beats; returns the features.

    Where the song ends before, the features go on with silence (the sound of a video does so anyway). Raises AudioError
    as `decode` does.
    """
    from dancegen.audio.load import SHORTEST_S
    from dancegen.audio.song import analyse_and_copy

    span = max(seconds, SHORTEST_S)
    excerpt = analyse_and_copy(
        song, directory / AUDIO, start_s=start_s, seconds=span, beats=find_beats, progress=progress
    )  # fmt: skip
    return _left(directory, excerpt.copy, seconds)


def leave_silence(directory: Path, seconds: float) -> SongFeatures:
    """Write so much silence, with its features; returns the features."""
    import numpy as np
    import soundfile

    from dancegen.audio.load import SHORTEST_S
    from dancegen.audio.song import analyse

    rest = round(max(seconds, SHORTEST_S) * SILENT_RATE)
    with soundfile.SoundFile(directory / AUDIO, "w", SILENT_RATE, 1, format="FLAC", subtype="PCM_16") as out:
        while rest > 0:
            step = min(rest, SILENT_RATE)
            out.write(np.zeros(step, np.float32))
            rest -= step
    return _left(directory, analyse(directory / AUDIO, progress=SILENT), seconds)


def _left(directory: Path, features: SongFeatures, seconds: float) -> SongFeatures:
    import numpy as np

    from dancegen.audio.features import FLOOR

    more = int(np.ceil(seconds * features.frame_rate)) - len(features.mel)
    if more > 0:
        mel = np.pad(features.mel, ((0, more), (0, 0)), constant_values=FLOOR)
        features = replace(features, mel=mel, onset=np.pad(features.onset, (0, more)), seconds=seconds)
    features.save(directory / FEATURES)
    features.beats.save(directory / BEATS)
    return features
