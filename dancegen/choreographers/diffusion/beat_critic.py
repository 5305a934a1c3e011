"""What hears the beat of a dance by looking at it alone: the judge of whether a restored window keeps time.

Most of how a body goes on is told by how it moved a moment ago, so that a denoiser hardly needs the music. A network
that has learnt nothing but the beat, from real dance, and is frozen then, tells it what it misses (Wav2Lip's "lip-sync
expert", Prajwal et al., 2020).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dancegen.choreographers.diffusion import music
from dancegen.choreographers.training.descent import Descent
from dancegen.progress import SILENT, Progress

JOINTS = 24
MOST_SHAKE_M = 0.04
"""Metres of noise, at most, on the joints it learns from: it shall not look for what is too small to see, or a denoiser
would learn to tremble on the beat."""
_SLOW, _FAST = 2.0, 0.5  # metres, and metres a second, of which one is one


class Metronome(nn.Module):
    """Tells the phase of the beat from how a body moves.

    `forward` takes joints (B, T, 24, 3) in metres and returns (B, T - 1, 4), for every frame but the first: cosine and
    sine of the beat's phase and of twice that, the half-beat's, the smaller the less sure it is.
    """

    def __init__(self, fps: float, width: int = 96):
        super().__init__()
        self.fps = fps
        layers: list[nn.Module] = []
        for inputs, dilation in ((7 * JOINTS, 1), (width, 1), (width, 2), (width, 3)):
            layers += [nn.Conv1d(inputs, width, 5, padding=2 * dilation, dilation=dilation), nn.LeakyReLU(0.2)]
            layers += [nn.Dropout(0.2)] if dilation > 1 else []
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, 4, 1))

    def forward(self, joints: Tensor) -> Tensor:
        moves = joints.diff(dim=1) * (_FAST * self.fps)
        speed = moves.square().sum(-1, keepdim=True).add(1e-6).sqrt()
        seen = torch.cat([_SLOW * (joints - joints[:, :, :1])[:, 1:], moves, speed], -1)
        return self.layers(seen.flatten(2).transpose(1, 2)).transpose(1, 2)

    def learn(
        self,
        draw: Callable[[int], tuple[Tensor, Tensor]],
        steps: int,
        descent: Descent,
        *,
        seed: int,
        progress: Progress = SILENT,
    ) -> Metronome:
        """Learn the beat from real windows, then freeze. `draw` gives joints and their song (B, T, music.WIDTH)."""
        chance = torch.Generator().manual_seed(seed)
        optimiser = torch.optim.AdamW(self.parameters(), 1e-3, weight_decay=1e-2)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
        self.train()
        with progress.task("learning the beat of real dance", steps) as advance:
            for step in range(steps):
                joints, song = draw(step)
                shake = MOST_SHAKE_M * torch.rand(len(joints), 1, 1, 1, generator=chance)
                shaken = joints + (shake * torch.randn(joints.shape, generator=chance)).to(joints)
                loss = synchrony(self(shaken), song).mean()
                descent.step("metronome", optimiser, loss, {"beat": loss})
                descent.finish(step)
                plan.step()
                advance(1)
        return self.freeze()

    def freeze(self) -> Metronome:
        return self.requires_grad_(False).eval()


def synchrony(shown: Tensor, song: Tensor) -> Tensor:
    """(B,) squared distance between the beat that a dance shows and its song's, 0 for a song without beat.

    shown: (B, T - 1, 4), as the metronome gives it; song: (B, T, music.WIDTH). Half for a dance that shows no beat.
    """
    cosine, sine, there = music.beat_of(song[:, 1:]).unbind(-1)
    true = torch.stack([cosine, sine, cosine**2 - sine**2, 2 * cosine * sine], -1)
    error = (shown.float() - true).square().mean(-1) * there
    return error.sum(1) / there.sum(1).clamp(min=1)
