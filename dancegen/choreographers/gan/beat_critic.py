"""The beat critic of poses in the plane: it learns the beat of real clips, and goes on learning beside the generator.

Frozen for good it would soon be pleased by twitches that no eye reads as a beat. So it also learns that generated
dances show no beat: what it still reads in them looks like real dance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from dancegen.audio.features import FRAME_RATE
from dancegen.choreographers.beat_critic import WEIGHT_DECAY, BeatCritic
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipViews, clip_length
from dancegen.choreographers.gan.losses import synchrony_loss
from dancegen.choreographers.training.guarded_step import GuardedStep
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT, Progress

HIPS, LEGS = (8, 11), slice(8, 14)
NOISE = 0.05 / 32
"""Standard deviation of the noise on the poses it learns from, in image widths: it must not look for what is too small
to see."""
FAKE_WEIGHT = 0.25
"""What it counts beside the beat of real dance that generated dances have none: with more it would read in them, once
they are like real ones, hardly any."""
LEGS_ALONE = 0.8
"""Share of the dances of which it sees the legs alone."""
STILL = 0.02
"""Pixels a frame and joint, of which no beat can be read."""
BATCH, LONGEST_S, RATE = 128, 2.5, 2e-4


class PoseBeatCritic(BeatCritic):
    """`forward` takes poses (B, N, 18, 3) in image pixels and returns (B, N - 1, 4), for every pose but the first."""

    def __init__(self, config: GanConfig):
        super().__init__(5 * (BODY.stop - BODY.start), kernel=3, dilations=(1, 1, 2, 4))
        self.size = config.image.size
        self.optimiser = torch.optim.AdamW(self.parameters(), RATE, weight_decay=WEIGHT_DECAY)
        """Of what it learns beside the generator."""

    def forward(self, poses: Tensor) -> Tensor:
        there = (poses[..., BODY, 2:] > 0).float()
        places = poses[..., BODY, :2] * (4 / self.size)
        hips = poses[..., HIPS, :2].mean(-2, keepdim=True) * (4 / self.size)
        hips_there = (poses[..., HIPS, 2:] > 0).all(-2, keepdim=True)
        moves = places.diff(dim=1) * (there[:, 1:] * there[:, :-1])
        # How far they go does not count: who moves wildly must not be easier to read.
        moves = 0.5 * moves / (moves.square().mean((1, 2, 3), keepdim=True).sqrt() + STILL * 4 / self.size)
        speed = moves.square().sum(-1, keepdim=True).add(1e-8).sqrt()
        return self.read(torch.cat([((places - hips) * there * hips_there)[:, 1:], moves, speed], -1))

    def learn(
        self,
        clips: Sequence[ClipViews],
        config: GanConfig,
        guarded: GuardedStep,
        *,
        seed: int,
        progress: Progress = SILENT,
    ) -> None:
        """Learn the beat from real clips."""
        rng, noise_rng = np.random.default_rng(seed), torch.Generator().manual_seed(seed)

        def loss(step: int) -> Tensor:
            pieces = draw_clips(clips, BATCH, draw_length(clips, config, rng), config, rng)
            return self._error(*pieces, noise_rng)

        self.pretrain(loss, config.train.beat_critic_steps, guarded, progress)

    def learn_on(
        self,
        clips: Sequence[ClipViews],
        danced: Tensor,
        config: GanConfig,
        guarded: GuardedStep,
        *,
        seed: Sequence[int],
    ) -> None:
        """A step beside the generator's: the beat of real clips, and of generated ones, `danced` (B, N, 18, 3), that
        they have none."""
        rng = np.random.default_rng(seed)
        noise_rng = torch.Generator().manual_seed(int(rng.integers(2**62)))
        danced = danced[:, -min(clip.frames for clip in clips) :].detach()
        with self._learning():
            pieces = draw_clips(clips, BATCH // 4, danced.shape[1], config, rng)
            total = self._error(*pieces, noise_rng)
            if len(danced):  # of several processes, another one may have all free-running dances
                total = total + FAKE_WEIGHT * self(self.observe(danced, noise_rng)).square().mean()
            guarded.update("beat critic", self.optimiser, total, {"beat": total})

    def _error(self, poses: Tensor, mel: Tensor, rng: torch.Generator) -> Tensor:
        device = next(self.parameters()).device
        shown = self(self.observe(poses.to(device), rng))
        return synchrony_loss(shown, mel[:, 1:].to(device), torch.ones(shown.shape[:2], device=device))

    @contextmanager
    def _learning(self) -> Iterator[None]:
        self.requires_grad_(True).train()
        yield
        self.freeze()

    def observe(self, poses: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """The poses (B, N, 18, 3) as they are judged: each joint a little off, and of most dances the legs alone.

        A dance that may show the beat anywhere shows it where it is cheap; dancers step on it.
        """
        off = NOISE * self.size * torch.randn(poses[..., :2].shape, generator=rng)
        shown = torch.ones(len(poses), 1, 18, 1)
        shown[torch.rand(len(poses), generator=rng) < LEGS_ALONE] = 0
        shown[:, :, LEGS] = 1
        return torch.cat([poses[..., :2] + off.to(poses.device), poses[..., 2:] * shown.to(poses.device)], -1)


def draw_length(clips: Sequence[ClipViews], config: GanConfig, rng: np.random.Generator) -> int:
    """Frames from those of a training clip to `LONGEST_S`."""
    shortest = clip_length(config)
    longest = min(min(clip.frames for clip in clips), max(shortest, round(LONGEST_S * config.image.fps)))
    return int(rng.integers(min(shortest, longest), longest + 1))


def draw_clips(
    clips: Sequence[ClipViews], count: int, frames: int, config: GanConfig, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Pieces of random views of clips, half of them mirrored: poses (count, frames, 18, 3) and the mel frame at each,
    (count, frames, bands)."""
    poses, mels = [], []
    for index in rng.integers(len(clips), size=count):
        clip = clips[index]
        view = clip.views[rng.integers(len(clip.views))]
        view = view.mirror() if rng.random() < 0.5 else view
        start = int(rng.integers(clip.frames - frames + 1))
        piece = view.keypoints[start : start + frames]
        poses.append(piece)
        mels.append(clip.mel[np.rint((start + np.arange(frames)) / config.image.fps * FRAME_RATE).astype(int)])
    return torch.from_numpy(np.stack(poses)), torch.from_numpy(np.stack(mels))
