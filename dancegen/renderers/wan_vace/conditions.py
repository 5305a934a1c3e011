"""What leads the painting: poses, frames that are known already, pictures to take looks from, as latents and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

Encode = Callable[["torch.Tensor"], "torch.Tensor"]
"""From (1, 3, F, H, W) pictures, -1 to 1, to their (1, C, n, h, w) latents."""


def conditioning(
    encode: Encode, poses: np.ndarray, before: np.ndarray | None, pictures: np.ndarray | None, share: int
) -> torch.Tensor:
    """(1, 2C + share², R + n, h, w) float32: what VACE is led by (Jiang et al. 2025).

    poses: (F, H, W, 3) uint8 RGB. before: (N, H, W, 3) the first N frames, which are known. pictures: (R, H, W, 3) to
    take looks from, each a latent of its own before the others, the last one first. share: pixels a side of a latent.

    Known frames and frames to be painted are encoded apart, each with middle grey in place of the other; the mask is 1
    where a frame is painted.
    """
    import torch

    known = 0 if before is None else len(before)
    video = scaled(poses if before is None else np.concatenate([before, poses[known:]]))
    painted = torch.ones(len(poses))
    painted[:known] = 0
    there = painted.view(1, 1, -1, 1, 1)
    led = torch.cat([encode(video * (1 - there)), encode(video * there)], 1)
    mask = mask_of(painted, led.shape[2:], share).to(led)
    for picture in () if pictures is None else pictures:
        seen = encode(scaled(picture[None]))
        led = torch.cat([torch.cat([seen, torch.zeros_like(seen)], 1), led], 2)
        mask = torch.cat([torch.zeros_like(mask[:, :, :1]), mask], 2)
    return torch.cat([led, mask], 1)


def mask_of(painted: torch.Tensor, latents: tuple[int, ...], share: int) -> torch.Tensor:
    """(1, share², n, h, w) of (F,) frames, 1 where they are painted. latents: (n, h, w).

    A latent has the mask of the frame at its own middle when F frames are spread over n latents, as in training. Of
    frames that are known at the beginning, 2 make the first latent known, 6 two, 10 three.
    """
    from torch.nn.functional import interpolate

    picked = interpolate(painted[None, None], size=latents[0], mode="nearest-exact")
    return picked.view(1, 1, -1, 1, 1).expand(1, share**2, *latents)


def scaled(pictures: np.ndarray) -> torch.Tensor:
    """(1, 3, F, H, W) float32 from -1 to 1, of (F, H, W, 3) uint8."""
    import torch

    return torch.from_numpy(pictures.astype(np.float32) / 255).permute(3, 0, 1, 2)[None] * 2 - 1
