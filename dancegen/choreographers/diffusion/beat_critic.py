"""The beat critic of bodies in space: it learns the beat of real windows, and is frozen before the denoiser learns."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dancegen.choreographers.beat_critic import BeatCritic, beat_error
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.training.guarded_step import GuardedStep
from dancegen.progress import SILENT, Progress

JOINTS = 24
MAX_NOISE_M = 0.04
"""Metres of noise, at most, on the joints it learns from: it must not look for what is too small to see, or a denoiser
would learn to tremble on the beat."""
_POSITION_SCALE, _SPEED_SCALE = 2.0, 0.5  # per metre, and per metre a second


class BodyBeatCritic(BeatCritic):
    """`forward` takes joints (B, T, 24, 3) in metres and returns (B, T - 1, 4), for every frame but the first."""

    def __init__(self, fps: float):
        super().__init__(7 * JOINTS, kernel=5, dilations=(1, 1, 2, 3))
        self.fps = fps

    def forward(self, joints: Tensor) -> Tensor:
        moves = joints.diff(dim=1) * (_SPEED_SCALE * self.fps)
        speed = moves.square().sum(-1, keepdim=True).add(1e-6).sqrt()
        return self.read(torch.cat([_POSITION_SCALE * (joints - joints[:, :, :1])[:, 1:], moves, speed], -1))

    def learn(
        self,
        draw: Callable[[int], tuple[Tensor, Tensor]],
        steps: int,
        guarded: GuardedStep,
        *,
        seed: int,
        progress: Progress = SILENT,
    ) -> BodyBeatCritic:
        """Learn the beat from real windows, then freeze. `draw` gives joints and their song (B, T, music.WIDTH)."""
        rng = torch.Generator().manual_seed(seed)

        def loss(step: int) -> Tensor:
            joints, song = draw(step)
            size = MAX_NOISE_M * torch.rand(len(joints), 1, 1, 1, generator=rng)
            noisy = joints + (size * torch.randn(joints.shape, generator=rng)).to(joints)
            return synchrony(self(noisy), song).mean()

        self.pretrain(loss, steps, guarded, progress)
        return self


def synchrony(shown: Tensor, song: Tensor) -> Tensor:
    """(B,) squared distance between the beat that a dance shows and its song's, 0 for a song without beat.

    shown: (B, T - 1, 4), as the beat critic gives it; song: (B, T, music.WIDTH). Half for a dance that shows no beat.
    """
    cosine, sine, there = music.beat_of(song[:, 1:]).unbind(-1)
    error = beat_error(shown, cosine, sine) * there
    return error.sum(1) / there.sum(1).clamp(min=1)
