"""Between keypoints and the pose image the GAN paints: red, green, blue and one heat channel a joint, all in -1..1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.gan.config import GanConfig, ImageConfig
from dancegen.pose.decoding import decode_image
from dancegen.pose.drawing import draw_poses
from dancegen.pose.heatmaps import decode_heatmaps, draw_heatmaps

THRESHOLD = 0.15
"""Heat under which a joint is taken to be missing: low, because a blurred joint is still a joint."""


def paint(keypoints: np.ndarray, image: ImageConfig) -> Tensor:
    """The clean picture of each pose: `(N, 18, 3)` in image pixels to `(N, C, S, S)` float32 in -1..1."""
    size = (image.size, image.size)
    rgb = torch.from_numpy(draw_poses(keypoints, size)).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    if not image.heatmaps:
        return rgb
    heat = torch.from_numpy(draw_heatmaps(keypoints, size, image.sigma)).mul_(2).sub_(1)
    return torch.cat([rgb, heat], 1)


def carried(keypoints: np.ndarray, before: np.ndarray, momentum: float) -> np.ndarray:
    """Where the joints are one frame after `keypoints` if `momentum` of their motion since `before` goes on.

    All (N, 18, 3); a joint that was not there before stays where it is.
    """
    moved = keypoints.copy()
    known = (keypoints[..., 2:] > 0) & (before[..., 2:] > 0)
    moved[..., :2] += np.where(known, momentum * (keypoints[..., :2] - before[..., :2]), 0)
    return moved


def past(keypoints: np.ndarray, before: np.ndarray, config: GanConfig) -> Tensor:
    """What the generator is shown of the past, (N, 2 * C, S, S): where momentum carries the dancer, and where she was.

    `keypoints` is the previous frame and `before` the one before that. Without momentum only the former: (N, C, S, S).
    """
    momentum = config.generator.momentum
    if momentum is None:
        return paint(keypoints, config.image)
    both = paint(np.concatenate([carried(keypoints, before, momentum), keypoints]), config.image)
    return both.unflatten(0, (2, len(keypoints))).transpose(0, 1).flatten(1, 2)


def read(images: Tensor, image: ImageConfig) -> np.ndarray:
    """The joints seen in generated pictures, and in nothing else: `(N, C, S, S)` in -1..1 to `(N, 18, 3)` pixels."""
    pixels = images.detach().float().cpu().numpy()
    if image.heatmaps:
        return decode_heatmaps((pixels[:, 3:] + 1.0) / 2.0, THRESHOLD, image.sigma)
    pictures = np.clip((pixels.transpose(0, 2, 3, 1) + 1.0) * 127.5, 0, 255).astype(np.uint8)
    return np.stack([decode_image(picture) for picture in pictures])
