"""Reads dances that are keypoints already: OpenPose's JSON, a folder a take or a file a take, and dancegen's poses.npz.

Their song lies beside them (see `readers.beside`). OpenPose states no rate: it is that of the video beside, else 30.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dancegen.errors import DancegenError, PoseError
from dancegen.files import array_names
from dancegen.formatting import frame_rate
from dancegen.motion.readers.beside import POSES as POSES_FILE
from dancegen.motion.readers.beside import describe, song_beside, video_beside
from dancegen.motion.readers.protocol import FLAT_RANK, Hints, Reader, is_there
from dancegen.pose.flat_dance import FlatDance
from dancegen.pose.openpose_json import frame_step, read_openpose_json
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import Progress
from dancegen.video import VideoFile

GENRES = "genres.json"
"""What says of which genre the takes of a folder are (`dataset.genre_names`); no take itself."""
VIEW = "video"
"""The camera that filmed the dance."""
USUAL_FPS = 30.0
SPAN = "audio.flac"
"""What dancegen calls the part of the song that its own dance dances to; the poses beside it begin with it."""
_HEAD = 2000
"""Characters at the start of a JSON file, in which OpenPose's say what they are."""


def _read_openpose(path: Path, hints: Hints, progress: Progress) -> FlatDance:
    video = video_beside(path)
    rate, size = hints.fps, hints.canvas
    if video is not None and (rate is None or size is None):
        with suppress(DancegenError, OSError):
            filmed = VideoFile(video)
            rate = rate or filmed.fps / frame_step(path)
            size = size or filmed.size
    if rate is None:
        rate = USUAL_FPS
        progress.say(f"{path.name} says no frame rate: {frame_rate(rate)} frames a second are assumed (--source-fps).")
    poses = read_openpose_json(path, fps=rate, size=size, say=progress.say)
    return FlatDance({VIEW: _of_somebody(poses, path)})


def _read_poses(path: Path, hints: Hints, progress: Progress) -> FlatDance:
    poses = PoseSequence.load(path)
    if hints.fps is not None:
        poses = replace(poses, fps=hints.fps)
    song = song_beside(path)
    if song is not None and song[0].name == SPAN:
        poses = replace(poses, start_s=0.0)
    return FlatDance({VIEW: _of_somebody(replace(poses, joints3d=None), path)})


def _of_somebody(poses: PoseSequence, path: Path) -> PoseSequence:
    if not (poses.keypoints[..., 2] > 0).any():
        raise PoseError(f"{path} shows nobody in any of its {len(poses)} frames")
    return poses


def _claims_openpose(path: Path) -> bool:
    """A folder of frames, a file each, or a file that is a list of them."""
    if path.is_dir():
        if next(path.glob("*_keypoints.json"), None) is not None:
            return True
        frames = sorted(file for file in path.glob("*.json") if not (file.name.startswith(".") or file.name == GENRES))
        return len(frames) > 1 and _begins(frames[0], "{") and _begins(frames[-1], "{")
    if path.suffix.lower() != ".json" or not is_there(path):
        return False
    of_a_dance = path.name == "openpose.json" and (path.parent / POSES_FILE).is_file()
    return not of_a_dance and _begins(path, "[")


def _begins(path: Path, bracket: str) -> bool:
    """Whether a file begins as OpenPose's do: a frame with a curly bracket, a list of them with a square one."""
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(_HEAD).decode("utf-8", errors="replace").lstrip("\ufeff \t\r\n")
        return head.startswith(bracket) and any(name in head for name in ('"people"', '"pose_keypoints'))
    return False


def _claims_poses(path: Path) -> bool:
    if path.suffix.lower() != ".npz" or not path.is_file():
        return False
    with suppress(OSError):
        return {"keypoints", "fps", "size"} <= array_names(path)
    return False


OPENPOSE = Reader(
    "OpenPose JSON (a folder of frames, or a list of them in one file)", _claims_openpose, _read_openpose, describe,
    kind="poses", rank=FLAT_RANK,
)  # fmt: skip
POSES = Reader("poses (.npz)", _claims_poses, _read_poses, describe, kind="poses", rank=FLAT_RANK)
