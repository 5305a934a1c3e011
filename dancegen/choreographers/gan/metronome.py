"""What hears the beat of a dance by looking at it alone: the judge of whether a generated dance keeps time.

A discriminator has so much else to look at that it hardly learns whether a dance fits its music. A network that has
learnt nothing but the beat, from real dance, and is frozen then, does (Wav2Lip's "lip-sync expert", Prajwal et al.,
2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from dancegen.audio.features import FRAME_RATE
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import Take, clip_length
from dancegen.choreographers.gan.losses import synchrony_loss
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT, Progress

HIPS = (8, 11)
SHAKE = 0.05 / 32
"""Standard deviation of the noise on the poses it learns from, in image widths: it shall not look for what is too small
to see."""
BATCH, LONGEST_S = 128, 2.5


class Metronome(nn.Module):
    """Tells the phase of the beat from how a body moves.

    `forward` takes poses (B, N, 18, 3) in image pixels and returns (B, N - 1, 4), for every pose but the first: cosine
    and sine of the beat's phase and of twice that, the half-beat's, the smaller the less sure it is.
    """

    def __init__(self, config: GanConfig, width: int = 96):
        super().__init__()
        self.size = config.image.size
        joints = BODY.stop - BODY.start
        layers: list[nn.Module] = []
        for inputs, dilation in ((5 * joints, 1), (width, 1), (width, 2), (width, 4)):
            layers += [nn.Conv1d(inputs, width, 3, padding=dilation, dilation=dilation), nn.LeakyReLU(0.2)]
            layers += [nn.Dropout(0.2)] if dilation > 1 else []
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, 4, 1))

    def forward(self, poses: Tensor) -> Tensor:
        there = (poses[..., BODY, 2:] > 0).float()
        places = poses[..., BODY, :2] * (4 / self.size)
        hips = poses[..., HIPS, :2].mean(-2, keepdim=True) * (4 / self.size)
        moves = 8 * places.diff(dim=1) * (there[:, 1:] * there[:, :-1])
        speed = moves.square().sum(-1, keepdim=True).add(1e-8).sqrt()
        seen = torch.cat([((places - hips) * there)[:, 1:], moves, speed], -1)
        return self.layers(seen.flatten(2).transpose(1, 2)).transpose(1, 2)

    def learn(self, takes: Sequence[Take], config: GanConfig, *, seed: int, progress: Progress = SILENT) -> None:
        """Learn the beat from real clips, then freeze."""
        steps, device = config.train.metronome_steps, next(self.parameters()).device
        chance, rolls = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        optimiser = torch.optim.AdamW(self.parameters(), 1e-3, weight_decay=1e-2)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
        self.train()
        with torch.enable_grad(), progress.task("learning the beat of real dance", steps) as advance:
            for _ in range(steps):
                poses, heard = draw_clips(takes, config, BATCH, chance)
                shaken = poses[..., :2] + SHAKE * self.size * torch.randn(poses[..., :2].shape, generator=rolls)
                told = self(torch.cat([shaken, poses[..., 2:]], -1).to(device))
                loss = synchrony_loss(told, heard[:, 1:].to(device), torch.ones(told.shape[:2], device=device))
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                plan.step()
                advance(1)
        self.freeze()

    def freeze(self) -> Metronome:
        return self.requires_grad_(False).eval()


def draw_clips(
    takes: Sequence[Take], config: GanConfig, clips: int, chance: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pieces of one random length from random views of the takes, half of them mirrored: poses (clips, N, 18, 3) and
    what is heard at each, (clips, N, bands)."""
    shortest = clip_length(config)
    longest = min(min(take.frames for take in takes), max(shortest, round(LONGEST_S * config.image.fps)))
    frames = int(chance.integers(min(shortest, longest), longest + 1))
    poses, heard = [], []
    for index in chance.integers(len(takes), size=clips):
        take = takes[index]
        view = take.views[chance.integers(len(take.views))]
        view = view.mirror() if chance.random() < 0.5 else view
        start = int(chance.integers(take.frames - frames + 1))
        piece = view.keypoints[start : start + frames]
        poses.append(piece)
        heard.append(take.mel[np.rint((start + np.arange(frames)) / config.image.fps * FRAME_RATE).astype(int)])
    return torch.from_numpy(np.stack(poses)), torch.from_numpy(np.stack(heard))
