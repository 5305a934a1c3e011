"""Between keypoints and the pose image the GAN paints: red, green, blue and one heat channel a joint, all in -1..1."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.gan.config import ImageConfig
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


def read(images: Tensor, image: ImageConfig) -> np.ndarray:
    """The joints seen in generated pictures, and in nothing else: `(N, C, S, S)` in -1..1 to `(N, 18, 3)` pixels."""
    pixels = images.detach().float().cpu().numpy()
    if image.heatmaps:
        return decode_heatmaps((pixels[:, 3:] + 1.0) / 2.0, THRESHOLD, image.sigma)
    pictures = np.clip((pixels.transpose(0, 2, 3, 1) + 1.0) * 127.5, 0, 255).astype(np.uint8)
    return np.stack([decode_image(picture) for picture in pictures])
