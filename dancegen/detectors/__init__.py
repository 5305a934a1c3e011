"""Person detectors: video frames to keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.store import Input

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence


BLAZEPOSE = "blazepose"
MOST_FPS = 10.0
"""Pictures a second that are looked at: a detector takes a tenth of a second or more for each."""


class Detector(Protocol):
    """Finds people in pictures."""

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (P, 18, 3) keypoints of the people in it, in its pixels."""
        ...


def find_weights(path: str | Path) -> Path:
    """The file of OpenPose weights that a path means: it, or body_pose_model.pth in a folder. Raises InputError."""
    from dancegen.detectors.openpose import BODY_WEIGHTS, SUFFIXES

    file = Path(path) / BODY_WEIGHTS if Path(path).is_dir() else Path(path)
    if not file.is_file() or file.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"--detector {path}: give blazepose, or OpenPose weights, {BODY_WEIGHTS} or a folder that holds it "
            "(209 MB, from https://huggingface.co/lllyasviel/Annotators, for non-commercial use only), or a .pb graph "
            "of the network"
        )
    return file


def weights_input(path: str | Path) -> Input:
    """The weights as a recipe's input: OpenPose's by their bytes, BlazePose's by the version they come with."""
    if str(path) == BLAZEPOSE:
        from dancegen.detectors.blazepose import installed_version

        return Input.weights("detector", BLAZEPOSE, installed_version())
    return Input.file("detector", find_weights(path))


def load_detector(path: str | Path) -> Detector:
    """The detector whose weights lie at a path, or `blazepose`. Raises InputError."""
    if str(path) == BLAZEPOSE:
        from dancegen.detectors.blazepose import Blazepose

        return Blazepose()
    from dancegen.detectors.openpose import Openpose

    return Openpose(find_weights(path))


def usual_detector() -> str | None:
    """The detector that needs no weights of a person's own, if its extra is installed."""
    from dancegen.detectors.blazepose import found_version

    return BLAZEPOSE if found_version() else None


def detect_video(detector: Detector, video: Path, progress: Progress = SILENT) -> PoseSequence:
    """The dancer of a video (`pose.cleaning.track_dancer`), at most ten times a second, in upright pictures.

    The rate of the result is the video's divided by a whole number.
    """
    import numpy as np

    from dancegen.pose.cleaning import track_dancer
    from dancegen.pose.sequence import PoseSequence
    from dancegen.pose.skeleton import N_JOINTS
    from dancegen.video import VideoFile, probe_video

    filmed = VideoFile(video)
    fps = filmed.fps / max(1, int(np.ceil(filmed.fps / MOST_FPS)))
    found: list[np.ndarray] = []
    with progress.task(
        f"Detecting the dancer in {video.name}", round(probe_video(video).video.seconds * fps)
    ) as advance:
        for frame in filmed.frames(fps):
            found.append(detector.detect(frame))
            advance(1)
    nobody = np.zeros((N_JOINTS, 3), np.float32)
    keypoints = [nobody if who is None else people[who] for people, who in zip(found, track_dancer(found), strict=True)]
    return PoseSequence(np.stack(keypoints), fps, filmed.size)
