"""Prepared datasets of filmed dances, cut from real footage or drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from dancegen.audio.song import analyse
from dancegen.dataset.format import FRAMES_FILE, Clip, clip_dir, poses_path, write_clips
from dancegen.pose.drawing import draw_openpose
from dancegen.pose.sequence import PoseSequence
from dancegen.store import Artifact, Input, Recipe, Store
from dancegen.video.source import VideoFile
from dancegen.video.writer import VideoWriter
from helpers.pose_examples import dancing, standing
from helpers.songs import clicks

RATE = 22_050


@dataclass(frozen=True)
class Shot:
    """So many seconds of a video, from a moment on, as a clip of a dataset."""

    video: Path
    start_s: float = 0.0
    seconds: float = 2.5
    fps: float = 30.0


def filmed_dataset(store: Store, shots: Mapping[str, Shot]) -> Artifact:
    """A prepared dataset whose clips are these pieces of video, each with a click track for its music."""
    named = {name: shot for name, shot in sorted(shots.items())}
    inputs = tuple(Input.file(f"source {name}", shot.video) for name, shot in named.items())
    spans = {name: [shot.start_s, shot.seconds, shot.fps] for name, shot in named.items()}

    def build(directory: Path) -> dict:
        clips = [_write(directory, name, shot) for name, shot in named.items()]
        write_clips(directory, clips)
        return {"clips": len(clips)}

    return store.obtain(Recipe("prepare", 5, spans, inputs), build)


def drawn_dataset(store: Store, name: str, folder: Path) -> Artifact:
    """A prepared dataset with one clip in which a figure is drawn; each name has a drawing of its own."""
    video = folder / f"{name}.mp4"
    with VideoWriter(video, (128, 128), 10) as out:
        for number in range(15):
            moved = standing() * np.float32([0.25, 0.25, 1]) + np.float32([number + len(name), ord(name[0]) % 7, 0])
            out.write(draw_openpose(moved, (128, 128)))
    return filmed_dataset(store, {name: Shot(video, 0.0, 1.5, 10.0)})


def keypoints_dataset(store: Store) -> Artifact:
    """A prepared dataset of one clip of keypoints, 8 s from two cameras; the second misses the dancer for a second."""

    def build(directory: Path) -> dict:
        clip = Clip("flat-00a00", "0" * 64, 5.0, 8.0, 30.0, "train", None, None, "flat", "song", 1.0)
        _write_music(clip_dir(directory, clip), clip.seconds)
        for view, gone in (("c01", slice(0, 0)), ("c02", slice(105, 135))):
            keypoints = dancing(240)
            keypoints[gone] = 0
            path = poses_path(directory, clip, view)
            path.parent.mkdir()
            PoseSequence(keypoints * np.float32([2, 2, 1]), 30.0, (1920, 1080)).save(path)
        write_clips(directory, [clip])
        return {"clips": 1}

    return store.obtain(Recipe("prepare", 5, {"flat": True}), build)


def _write(directory: Path, name: str, shot: Shot) -> Clip:
    place = clip_dir(directory, name)
    place.mkdir(parents=True)
    filmed = VideoFile(shot.video)
    width, height = (side - side % 2 for side in filmed.size)
    with VideoWriter(place / FRAMES_FILE, (width, height), shot.fps) as out:
        for frame in filmed.frames(shot.fps, shot.start_s, shot.seconds):
            out.write(np.ascontiguousarray(frame[:height, :width]))
    seconds = out.frames / shot.fps
    _write_music(place, seconds)
    return Clip(name, "0" * 64, shot.start_s, round(seconds, 6), shot.fps, "train", None, None, name, name, 0.0)


def _write_music(place: Path, seconds: float) -> None:
    """Two clicks a second, the first after a quarter of one."""
    place.mkdir(parents=True, exist_ok=True)
    sound = clicks(np.arange(0.25, seconds, 0.5), seconds + 0.5, rate=RATE)
    soundfile.write(place / "audio.flac", sound[: round(seconds * RATE)], RATE, subtype="PCM_16")
    features = analyse(place / "audio.flac")
    np.save(place / "mel.npy", features.mel[: int(np.ceil(seconds * features.frame_rate))].astype(np.float16))
    features.beats.save(place / "beats.json")
