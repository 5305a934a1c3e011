"""Body joints that a real clip does not show, as in poses of video: nothing may be learnt of them, not even that they
are gone.

A face point that is missing is another matter: the head hides it from the camera, which is part of the dance. Motion
capture lacks no body joint, and everything here leaves it as it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dancegen.pose.skeleton import BODY, FACE, INDEX, N_JOINTS

_IN_BODY = torch.tensor([joint not in FACE for joint in range(N_JOINTS)])


def unseen(poses: Tensor) -> Tensor:
    """Which body joints of poses (..., 18, 3) are missing: (..., 18, 1) bool."""
    return (poses[..., 2:] <= 0) & _IN_BODY.to(poses.device)[:, None]


def completed(real: Tensor, own: Tensor) -> Tensor:
    """Real poses (..., 18, 3) whose missing body joints are where the generated ones, `own`, have them: there the
    dance is neither right nor wrong."""
    return torch.where(unseen(real), own, real)


def hidden(own: Tensor, real: Tensor) -> Tensor:
    """Generated poses (..., 18, 3) without the body joints that the real ones lack: who compares the two must not tell
    them apart by that."""
    return torch.where(unseen(real), torch.zeros_like(own), own)


def fullest(keypoints: np.ndarray) -> np.ndarray:
    """The frames (F,) int of (T, 18, 3) keypoints that show the most joints of the body: all of them, if any does."""
    shown = (keypoints[:, BODY, 2] > 0).sum(1)
    return np.flatnonzero(shown == shown.max())


def facing(keypoints: np.ndarray) -> np.ndarray:
    """Those of the `fullest` frames in which the dancer looks into the camera."""
    frames = fullest(keypoints)
    return frames[keypoints[frames, INDEX["nose"], 2] > 0]
