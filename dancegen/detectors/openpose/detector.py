"""Everybody in pictures, as OpenPose sees them: each network looks at many pictures, or parts of them, at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from dancegen.detectors.openpose import GRAPH
from dancegen.detectors.openpose.networks import Network, load_body, load_face, load_hands
from dancegen.detectors.openpose.parser import find_people
from dancegen.detectors.openpose.parts import find_faces, find_hands
from dancegen.detectors.openpose.upsampling import STRIDE, upsampling
from dancegen.pose.detections import People

LONGEST_SIDE = 512
"""Pixels that a picture is reduced to: ControlNet's own sees no more of it."""
BODY_SCALE = 0.5 * 368
"""Pixels of height that the body's network sees."""
_GREY = 128
BATCH = {"cpu": 4, "cuda": 32}


class Openpose:
    """body: weights, or a graph that OpenCV runs. hands, face: weights of theirs, where they are to be found too.

    Raises ModelError for what are none.
    """

    def __init__(self, body: Path, hands: Path | None = None, face: Path | None = None, device: str = "cpu"):
        self.batch = BATCH["cuda" if device.startswith("cuda") and body.suffix.lower() != GRAPH else "cpu"]
        self._body: Network = load_body(body, device)
        self._hands: Network | None = None if hands is None else load_hands(hands, device)
        self._face: Network | None = None if face is None else load_face(face, device)

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures -> the people in each, in its pixels."""
        return [people for _, alike in groupby(frames, np.shape) for people in self._detect(list(alike))]

    def _detect(self, frames: list[np.ndarray]) -> list[People]:
        """Of pictures of one size."""
        small = [np.ascontiguousarray(reduced(frame)[:, :, ::-1]) for frame in frames]  # BGR from here on
        bodies = self._bodies(small)
        hands = None if self._hands is None else find_hands(self._hands, small, bodies)
        faces = None if self._face is None else find_faces(self._face, small, bodies)
        scale = np.array(frames[0].shape[1::-1]) / small[0].shape[1::-1]
        found = [
            People(body, None if hands is None else hands[number], None if faces is None else faces[number])
            for number, body in enumerate(bodies)
        ]
        return [people.scaled(scale) for people in found]

    def _bodies(self, pictures: list[np.ndarray]) -> list[np.ndarray]:
        from controlnet_aux.open_pose.util import padRightDownCorner, smart_resize_k

        height, width = pictures[0].shape[:2]
        scale = BODY_SCALE / height
        seen = [smart_resize_k(picture, scale, scale) for picture in pictures]
        given = np.stack([padRightDownCorner(picture, STRIDE, _GREY)[0] for picture in seen])
        heatmaps, affinities = self._body(given.transpose(0, 3, 1, 2).astype(np.float32) / 256 - 0.5)
        enlarging = upsampling(heatmaps.shape[2:], seen[0].shape[:2], (height, width))
        return [find_people(*maps, enlarging) for maps in zip(heatmaps, affinities, strict=True)]


def reduced(frame: np.ndarray) -> np.ndarray:
    """A picture as large as OpenPose is shown it."""
    import cv2

    scale = LONGEST_SIDE / max(frame.shape[:2])
    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else frame
