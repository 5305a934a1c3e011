"""DWPose (Yang et al. 2023) through rtmlib: body, hands and face, in boxes that YOLOX finds.

Code and weights are under Apache-2.0. rtmlib comes with the extra `dwpose`; it would download other weights by itself,
so it is only ever given files.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import ModelError, reading
from dancegen.pose.detections import People
from dancegen.pose.keypoint_sets import N_WHOLE_BODY, coco133_to_openpose

LEAST_JOINT = 0.3
_PERSON = 0
"""COCO's number of the label."""


class Dwpose:
    """boxes, pose: ONNX files. hands, face: whether these are kept. Raises ModelError for files that are none."""

    batch = 1

    def __init__(self, boxes: Path, pose: Path, *, hands: bool = False, face: bool = False, device: str = "cpu"):
        from rtmlib import YOLOX, RTMPose  # pyright: ignore[reportMissingImports]

        self._hands, self._face = hands, face
        how = {"backend": "onnxruntime", "device": _device(device)}
        self._boxes = _loaded(YOLOX, boxes, "YOLOX model in ONNX", det_mode="multiclass", **how)
        self._pose = _loaded(RTMPose, pose, "DWPose model in ONNX", **how)
        # A detector whose graph picks the boxes itself knows people alone.
        if self._boxes.session.get_outputs()[0].shape[-1] == 5:
            self._boxes.det_mode = "human"

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures -> the people in each, in its pixels."""
        return [self._people(np.ascontiguousarray(frame[:, :, ::-1])) for frame in frames]

    def _people(self, picture: np.ndarray) -> People:
        boxes = self._boxes(picture)
        if self._boxes.det_mode == "multiclass":
            found, labels = boxes
            boxes = found[labels == _PERSON]
        # rtmlib would take the whole picture for a person where there is none.
        joints = np.zeros((0, N_WHOLE_BODY, 3)) if not len(boxes) else self._joints(picture, boxes)
        body, hands, face = coco133_to_openpose(joints)
        return People(body, hands if self._hands else None, face if self._face else None)

    def _joints(self, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        places, scores = self._pose(picture, bboxes=boxes)
        return np.dstack([places, np.where(scores < LEAST_JOINT, 0, np.clip(scores, 0, 1))])


def _loaded(kind: Any, path: Path, what: str, **how: Any) -> Any:
    """One of rtmlib's tools, which says what it loads on standard output. Its input's size is the file's own."""
    with reading(path, what, ModelError), contextlib.redirect_stdout(io.StringIO()):
        if not path.is_file():
            raise ModelError(f"there is no {what} {path}")
        tool = kind(str(path), **how)
    sides = tool.session.get_inputs()[0].shape[2:]
    if all(isinstance(side, int) for side in sides):
        tool.model_input_size = tuple(sides) if kind.__name__ == "YOLOX" else tuple(sides[::-1])
    return tool


def _device(device: str) -> str:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    on_gpu = device.startswith("cuda") and "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    return "cuda" if on_gpu else "cpu"
