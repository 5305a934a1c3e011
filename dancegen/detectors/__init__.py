"""Person detectors: video frames to keypoints. `detectors.registry` knows which there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    import numpy as np

    from dancegen.pose.detections import People
    from dancegen.pose.sequence import PoseSequence

MOST_FPS = 10.0
"""Pictures a second that are looked at in a video that is only measured: a detector takes a tenth of a second each."""


class Detector(Protocol):
    """Finds people in pictures.

    batch: how many pictures it likes to be given at once. A call knows nothing of the one before.
    """

    @property
    def batch(self) -> int: ...

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures, such as follow each other in a video -> the people in each, in its pixels."""
        ...


def look(detector: Detector, frames: Iterable[np.ndarray]) -> Iterator[People]:
    """The people in each of many pictures; no more than two batches of pictures are held."""
    coming = iter(frames)
    while batch := list(islice(coming, detector.batch)):
        yield from detector.detect(batch)


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
        for people in look(detector, filmed.frames(fps)):
            found.append(people.body)
            advance(1)
    nobody = np.zeros((N_JOINTS, 3), np.float32)
    chosen = track_dancer(found, fps)
    keypoints = [nobody if who is None else people[who] for people, who in zip(found, chosen, strict=True)]
    return PoseSequence(np.stack(keypoints), fps, filmed.size)
