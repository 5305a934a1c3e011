"""What the denoiser learns from: EDGE's losses (Tseng, Castellon and Liu, CVPR 2023, section 3)."""

from __future__ import annotations

import torch
from torch import Tensor

from dancegen.choreographers.diffusion.beat_critic import BeatCritic, synchrony
from dancegen.choreographers.diffusion.features import CONTACTS, Normalizer, positions
from dancegen.motion.body import FEET

LOSSES = ("features", "position", "velocity", "acceleration", "contact", "synchrony")


REAL_SYNCHRONY = 0.3
"""How far the beat that a beat critic sees is from the music's in real dance: nobody need be nearer."""


def dance_losses(
    found: Tensor, wanted: Tensor, normalizer: Normalizer, offsets: Tensor, fps: float
) -> dict[str, Tensor]:
    """The terms by name, of found and wanted windows (B, T, 127), both normalised by `normalizer`.

    position, velocity, acceleration: of all joints through forward kinematics on limbs `offsets` (24, 3), squared
    metres and seconds. contact: how fast feet move that stand in the wanted window (EDGE asks the found one, which soon
    says that none stands). What was known counts as the rest does: a window restored as a whole has no seam.
    """
    real = normalizer.restore(wanted)
    made, true = positions(normalizer.restore(found), offsets), positions(real, offsets)
    error = made - true
    velocity = error.diff(dim=1) * fps
    acceleration = velocity.diff(dim=1) * fps
    feet = made[:, :, FEET].diff(dim=1) * fps
    stands = real[:, 1:, CONTACTS]
    return {
        "features": (found - wanted).square().mean(),
        "position": error.square().mean(),
        "velocity": velocity.square().mean(),
        "acceleration": acceleration.square().mean(),
        "contact": (feet * stands[..., None]).square().mean(),
    }


def synchrony_loss(
    found: Tensor, song: Tensor, counts: Tensor, normalizer: Normalizer, offsets: Tensor, beat_critic: BeatCritic
) -> Tensor:
    """How far the beat that restored windows show is from their music's, the mean over windows that count (B,).

    found: (B, T, 127) normalised; song: (B, T, music.WIDTH), the window's own frames of it.
    """
    apart = synchrony(beat_critic(positions(normalizer.restore(found), offsets)), song)
    apart = (apart - REAL_SYNCHRONY).clamp(min=0)
    return (apart * counts).sum() / counts.sum().clamp(min=1)


def q_sample(clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """The window (B, T, C) at times (B,) between 0, itself, and 1, noise: a cosine alpha_sigma of constant variance."""
    keep, add = alpha_sigma(time)
    return keep[:, None, None] * clean + add[:, None, None] * noise


def alpha_sigma(time: Tensor) -> tuple[Tensor, Tensor]:
    """How much of the window and of the noise there is at a time (Nichol and Dhariwal, 2021, in continuous time)."""
    return torch.cos(time * torch.pi / 2), torch.sin(time * torch.pi / 2)
