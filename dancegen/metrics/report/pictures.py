"""Pictures and videos that travel inside the page, as data URLs."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dancegen.pose.drawing import draw_poses
from dancegen.pose.sequence import PoseSequence

SIDE = 256
PREVIEW_S, PREVIEW_FPS = 12.0, 15.0
SHEET_COLUMNS, SHEET_SIZE = 12, (112, 148)


def contact_sheet(sequence: PoseSequence) -> str:
    """Twelve poses, evenly spread over the dance, in a row: a data URL of a JPEG."""
    keypoints = sequence.keypoints[np.linspace(0, len(sequence) - 1, SHEET_COLUMNS).astype(int)].copy()
    seen = keypoints[..., 2] > 0
    for pose, shown in zip(keypoints, seen, strict=True):  # each in the middle, so that all can be large
        if shown.any():
            pose[shown, 0] += sequence.size[0] / 2 - (pose[shown, 0].min() + pose[shown, 0].max()) / 2
    large = PoseSequence(keypoints, sequence.fps, sequence.size).fitted(SHEET_SIZE, margin=0.1)
    return sheet_of(draw_poses(large.keypoints, SHEET_SIZE, stroke=1 / 60))


def sheet_of(pictures: Iterable[np.ndarray]) -> str:
    """(H, W, 3) uint8 pictures of one height in a row: a data URL of a JPEG."""
    import cv2

    row = np.concatenate(list(pictures), axis=1)
    coded = cv2.imencode(".jpg", cv2.cvtColor(row, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return _url("image/jpeg", coded.tobytes())


def preview(sequence: PoseSequence, audio: Path | None) -> tuple[str, str]:
    """The first twelve seconds, with their music if there is any, and their first frame: data URLs of MP4 and JPEG."""
    from dancegen.video import VideoWriter

    every = max(1, round(sequence.fps / PREVIEW_FPS))
    part = sequence.slice(0, round(PREVIEW_S * sequence.fps))
    small = PoseSequence(part.keypoints[::every], part.fps / every, part.size).fitted((SIDE, SIDE), margin=0.12)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "preview.mp4"
        with VideoWriter(path, (SIDE, SIDE), float(np.clip(small.fps, 1, 240)), audio=audio) as video:
            for first in range(0, len(small), 64):
                for picture in draw_poses(small.keypoints[first : first + 64], (SIDE, SIDE)):
                    video.write(picture)
        return _url("video/mp4", path.read_bytes()), sheet_of(draw_poses(small.keypoints[:1], (SIDE, SIDE)))


def _url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
