"""Video frame to keypoints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.store import Input

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.sequence import PoseSequence


MOST_FPS = 10.0
"""Pictures a second that are looked at: a detector takes a tenth of a second or more for each."""


class Detector(Protocol):
    """Finds people in pictures."""

    def detect(self, frame: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB -> (P, 18, 3) keypoints of the people in it, in its pixels."""


def find_weights(path: str | Path) -> Path:
    """The file of OpenPose weights that a path means: it, or body_pose_model.pth in a folder. Raises InputError."""
    from dancegen.detectors.openpose import BODY_WEIGHTS, SUFFIXES

    file = Path(path) / BODY_WEIGHTS if Path(path).is_dir() else Path(path)
    if not file.is_file() or file.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"--detector {path}: give OpenPose weights, {BODY_WEIGHTS} or a folder that holds it (209 MB, from "
            "https://huggingface.co/lllyasviel/Annotators, for non-commercial use only), or a .pb graph of the network"
        )
    return file


def weights_input(path: str | Path) -> Input:
    """The weights as a recipe's input, by their bytes."""
    return Input.file("detector", find_weights(path))


def load_detector(path: str | Path) -> Detector:
    """The detector whose weights lie at a path. Raises InputError."""
    from dancegen.detectors.openpose import Openpose

    return Openpose(find_weights(path))


def detect_video(detector: Detector, video: Path, progress: Progress = SILENT) -> PoseSequence:
    """The dancer of a video, at most ten times a second: whoever is largest at first, then whoever is nearest to that.

    The rate of the result is the video's divided by a whole number.
    """
    import numpy as np

    from dancegen.pose.sequence import PoseSequence
    from dancegen.pose.skeleton import N_JOINTS
    from dancegen.video import probe_video, read_frames

    info = probe_video(video)
    keypoints, last = [], None
    every = max(1, int(np.ceil(info.fps / MOST_FPS)))
    with progress.task(f"Detecting the dancer in {video.name}", info.frames) as advance:
        for number, frame in enumerate(read_frames(video)):
            advance(1)
            if number % every:
                continue
            people = detector.detect(frame)
            if len(people):
                last = people[_who(people, last)]
            keypoints.append(last if len(people) else np.zeros((N_JOINTS, 3), np.float32))
    return PoseSequence(np.stack(keypoints), info.fps / every, info.size)


def _who(people: np.ndarray, last: np.ndarray | None) -> int:
    """Index of the person to follow among (P, 18, 3)."""
    import numpy as np

    seen = people[..., 2] > 0
    if last is None:
        return int(np.argmax([np.ptp(p[s, 1]) * s.sum() for p, s in zip(people, seen, strict=True)]))
    both = seen & (last[:, 2] > 0)
    apart = np.linalg.norm(people[..., :2] - last[:, :2], axis=-1)
    # A person who shares no joint with the one followed is no candidate, unless nobody does.
    return int(np.argmin(np.where(both.any(1), (apart * both).sum(1) / both.sum(1).clip(1), np.inf)))
