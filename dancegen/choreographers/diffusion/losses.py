"""What the denoiser learns from: EDGE's losses (Tseng, Castellon and Liu, CVPR 2023, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from dancegen.choreographers.diffusion.features import CONTACTS, positions
from dancegen.mocap.body import FEET

LOSSES = ("features", "position", "velocity", "acceleration", "contact")


def dance_losses(found: Tensor, wanted: Tensor, clean: Tensor, real: Tensor, offsets: Tensor, fps: float, new: Tensor):
    """The terms by name.

    found, wanted: (B, T, 127) normalised, new (B, T, 127): 1 where the denoiser had to find it. clean, real: the same
    windows in metres, with what was known in place, so that a seam costs what any other jump costs. position,
    velocity, acceleration: of all joints through forward kinematics, squared metres and seconds. contact: how fast
    feet move that the window itself says stand.
    """
    made, true = positions(clean, offsets), positions(real, offsets)
    error = made - true
    velocity = error.diff(dim=1) * fps
    acceleration = velocity.diff(dim=1) * fps
    feet = made[:, :, FEET].diff(dim=1) * fps
    stands = clean[:, 1:, CONTACTS].clamp(0, 1)
    return {
        "features": ((found - wanted).square() * new).sum() / new.sum().clamp(min=1),
        "position": error.square().mean(),
        "velocity": velocity.square().mean(),
        "acceleration": acceleration.square().mean(),
        "contact": (feet * stands[..., None]).square().mean(),
    }


def noised(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """The window (B, T, C) at times (B,) between 0, itself, and 1, noise: a cosine schedule of constant variance."""
    keep, add = schedule(time)
    return keep[:, None, None] * clean + add[:, None, None] * noise


def schedule(time: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the window and of the noise there is at a time (Nichol and Dhariwal, 2021, in continuous time)."""
    return torch.cos(time * torch.pi / 2), torch.sin(time * torch.pi / 2)
