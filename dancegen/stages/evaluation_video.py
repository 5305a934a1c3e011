"""Videos that evaluate looks at: what their pixels do, and whether they show the poses they were painted from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import SILENT, Progress
from dancegen.stages.dance_files import POSES, rendered_by, rendered_from
from dancegen.stages.evaluation_inputs import EvaluationInput
from dancegen.store import Artifact, Input, Store

if TYPE_CHECKING:
    import numpy as np

    from dancegen.detectors import Detector
    from dancegen.detectors.registry import DetectorSpec
    from dancegen.metrics.table import Row
    from dancegen.video import VideoInfo


@dataclass(frozen=True)
class EvaluationVideo:
    """A video of a row, the poses artifact it was painted from if that is known, and what finds the dancer in it."""

    row: str
    path: Path
    info: VideoInfo
    requested: Artifact | None
    inputs: tuple[Input, ...]
    detector: DetectorSpec | None = None

    def seen_by(self, detector: DetectorSpec) -> EvaluationVideo:
        """The same video, to be looked at with a detector."""
        return replace(self, detector=detector, inputs=(*self.inputs, detector.input("detector")))


def find_video(subject: EvaluationInput, store: Store) -> EvaluationVideo:
    """The video of a subject, and the poses it was painted from: a video that render made says which.

    Raises InputError where it is no video.
    """
    from dancegen.video import probe_video

    info = probe_video(subject.path)
    requested = rendered_from(subject.artifact or rendered_by(info.metadata.get("digest"), store), store)
    inputs = [subject.input]
    if requested is not None:
        inputs.append(Input.artifact(f"requested {subject.name}", requested))
    return EvaluationVideo(subject.name, subject.path, info, requested, tuple(inputs))


def watch(video: EvaluationVideo, device: str = "cpu", progress: Progress = SILENT) -> Row:
    """The row of a video: its flicker and, with a detector and the poses it was painted from, its pose fidelity."""
    from dancegen.metrics.pixels import flicker
    from dancegen.metrics.table import Row
    from dancegen.video import read_frames

    info = video.info
    shown: list[np.ndarray] = []
    every = max(1, info.frames // 8)

    def frames() -> Iterator[np.ndarray]:
        with progress.task(f"Watching {video.path.name}", info.frames) as advance:
            for number, frame in enumerate(read_frames(video.path)):
                if number % every == 0 and len(shown) < 8:
                    shown.append(_small(frame))
                advance(1)
                yield frame

    figures = {"seconds": info.frames / info.fps, "flicker": flicker(frames())}
    if not shown:
        raise InputError(f"{video.path} holds no pictures that can be decoded")
    remarks = []
    if video.detector is not None and video.requested is None:
        remarks.append("pose fidelity was not measured: the store does not know the poses this video was painted from")
    elif video.detector is not None and video.requested is not None:
        figures |= _fidelity(video, video.detector.fetched(progress).load(device), video.requested, progress)
        if not isfinite(figures["pose_error"]):
            remarks.append("the detector found none of the joints that were asked for in any picture")
    from dancegen.metrics.report.pictures import sheet_of

    return Row(video.row, figures, [figures], [video.path.stem], pictures=[sheet_of(shown)], remarks=remarks)


def _fidelity(video: EvaluationVideo, detector: Detector, poses: Artifact, progress: Progress) -> dict[str, float]:
    from dancegen.detectors import detect_video
    from dancegen.metrics.pixels import placed_like, pose_fidelity
    from dancegen.pose.sequence import PoseSequence

    detected = detect_video(detector, video.path, progress)
    requested = PoseSequence.load(poses.file(POSES))
    pck, error = pose_fidelity(detected, placed_like(requested, detected))
    return {"pck": pck, "pose_error": error}


def _small(frame: np.ndarray, height: int = 144) -> np.ndarray:
    import cv2

    width = max(1, round(frame.shape[1] * height / frame.shape[0]))
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
