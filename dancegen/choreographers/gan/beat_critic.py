"""What hears the beat of a dance by looking at it alone: the judge of whether a generated dance keeps time.

A discriminator has so much else to look at that it hardly learns whether a dance fits its music. A network that has
learnt nothing but the beat, from real dance, does (Wav2Lip's "lip-sync expert", Prajwal et al., 2020). Frozen for good
it would soon be pleased by twitches that no eye reads as a beat; so it goes on learning beside the generator, and what
it learns of generated dances is that they show no beat: what it still reads in them looks like real dance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from dancegen.audio.features import FRAME_RATE
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import Take, clip_length
from dancegen.choreographers.gan.losses import synchrony_loss
from dancegen.choreographers.training.descent import Descent
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT, Progress

HIPS, LEGS = (8, 11), slice(8, 14)
SHAKE = 0.05 / 32
"""Standard deviation of the noise on the poses it learns from, in image widths: it shall not look for what is too small
to see."""
DOUBT = 0.25
"""What it counts beside the beat of real dance that generated dances have none: with more it would read in them, once
they are like real ones, hardly any."""
LEGS_ALONE = 0.8
"""Share of the dances of which it sees the legs alone."""
STILL = 0.02
"""Pixels a frame and joint, of which no beat can be read."""
BATCH, LONGEST_S, RATE = 128, 2.5, 2e-4


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
        self.optimiser = torch.optim.AdamW(self.parameters(), RATE, weight_decay=1e-2)

    def forward(self, poses: Tensor) -> Tensor:
        there = (poses[..., BODY, 2:] > 0).float()
        places = poses[..., BODY, :2] * (4 / self.size)
        hips = poses[..., HIPS, :2].mean(-2, keepdim=True) * (4 / self.size)
        moves = places.diff(dim=1) * (there[:, 1:] * there[:, :-1])
        # How far they go is none of its business: who moves wildly shall not be easier to read.
        moves = 0.5 * moves / (moves.square().mean((1, 2, 3), keepdim=True).sqrt() + STILL * 4 / self.size)
        speed = moves.square().sum(-1, keepdim=True).add(1e-8).sqrt()
        seen = torch.cat([((places - hips) * there)[:, 1:], moves, speed], -1)
        return self.layers(seen.flatten(2).transpose(1, 2)).transpose(1, 2)

    def learn(
        self, takes: Sequence[Take], config: GanConfig, descent: Descent, *, seed: int, progress: Progress = SILENT
    ) -> None:
        """Learn the beat from real clips."""
        steps = config.train.metronome_steps
        chance, rolls = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
        first = torch.optim.AdamW(self.parameters(), RATE, weight_decay=1e-2)
        plan = torch.optim.lr_scheduler.OneCycleLR(first, 10 * RATE, total_steps=steps)
        with progress.task("learning the beat of real dance", steps) as advance:
            for step in range(steps):
                with self._learning(first, descent) as losses:
                    clips = draw_clips(takes, BATCH, draw_length(takes, config, chance), config, chance)
                    losses.append(self._error(*clips, rolls))
                descent.finish(step)
                plan.step()
                advance(1)

    def keep_up(
        self, takes: Sequence[Take], danced: Tensor, config: GanConfig, descent: Descent, *, seed: Sequence[int]
    ) -> None:
        """Learn on for a step: the beat of real clips, and of generated ones, `danced` (B, N, 18, 3), that they have
        none."""
        chance = np.random.default_rng(seed)
        rolls = torch.Generator().manual_seed(int(chance.integers(2**62)))
        danced = danced[:, -min(take.frames for take in takes) :].detach()
        with self._learning(self.optimiser, descent) as losses:
            losses.append(self._error(*draw_clips(takes, BATCH // 4, danced.shape[1], config, chance), rolls))
            if len(danced):  # of several processes, another one may have all that go their own way
                losses.append(DOUBT * self(self.glance(danced, rolls)).square().mean())

    def _error(self, poses: Tensor, heard: Tensor, rolls: torch.Generator) -> Tensor:
        device = next(self.parameters()).device
        told = self(self.glance(poses.to(device), rolls))
        return synchrony_loss(told, heard[:, 1:].to(device), torch.ones(told.shape[:2], device=device))

    @contextmanager
    def _learning(self, optimiser: torch.optim.Optimizer, descent: Descent) -> Iterator[list[Tensor]]:
        """One step down the sum of the losses that are put into the list."""
        self.requires_grad_(True).train()
        yield (losses := [])
        total = sum(losses)
        descent.step("metronome", optimiser, total, {"beat": total})
        self.judge()

    def judge(self) -> Metronome:
        """Ready to judge: what it says of a dance leads a gradient to the dance, and none to itself."""
        return self.requires_grad_(False).eval()

    def glance(self, poses: Tensor, rolls: torch.Generator | None = None) -> Tensor:
        """The poses (B, N, 18, 3) as they are judged: each joint a little off, and of most dances the legs alone.

        Who may show the beat anywhere shows it where it is cheap; dancers step on it.
        """
        off = SHAKE * self.size * torch.randn(poses[..., :2].shape, generator=rolls)
        shown = torch.ones(len(poses), 1, 18, 1)
        shown[torch.rand(len(poses), generator=rolls) < LEGS_ALONE] = 0
        shown[:, :, LEGS] = 1
        return torch.cat([poses[..., :2] + off.to(poses.device), poses[..., 2:] * shown.to(poses.device)], -1)


def draw_length(takes: Sequence[Take], config: GanConfig, chance: np.random.Generator) -> int:
    """Frames from those of a training clip to `LONGEST_S`."""
    shortest = clip_length(config)
    longest = min(min(take.frames for take in takes), max(shortest, round(LONGEST_S * config.image.fps)))
    return int(chance.integers(min(shortest, longest), longest + 1))


def draw_clips(
    takes: Sequence[Take], clips: int, frames: int, config: GanConfig, chance: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pieces of random views of the takes, half of them mirrored: poses (clips, frames, 18, 3) and what is heard at
    each, (clips, frames, bands)."""
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
