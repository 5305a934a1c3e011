"""The dance of one batch of clips, frame by frame, as training and validation see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.generator import UNetGenerator, noise_walk
from dancegen.choreographers.gan.image import paint, read


@dataclass(frozen=True)
class Rollout:
    """images: (B, L - 1, C, S, S), the generated frames 1 to L - 1, with their gradient;
    shown: (B, L, C, S, S), what the generator was shown as the past: real frames, or its own, decoded and redrawn;
    keypoints: (B, L - 1, 18, 3), what was decoded from `images`, in image pixels."""

    images: Tensor
    shown: Tensor
    keypoints: np.ndarray


def unroll(
    generator: UNetGenerator, first: Tensor, mel: Tensor, noise: Tensor, real: Tensor | None, own: Tensor | None
) -> Rollout:
    """Carry the ConvLSTM through a clip.

    first: (B, C, S, S), frame 0; mel: (B, L, mel_width, N_MELS); noise: (B, L, noise_channels). Frame t is shown its
    own drawing of frame t - 1 where `own[:, t - 1]`, else the real one; with `real` None always its own (free-running).
    """
    config, (batch, frames) = generator.config, mel.shape[:2]
    state = generator.start_state(batch, first.device)
    song = generator.listen(mel[:, 1:].flatten(0, 1)).unflatten(0, (batch, frames - 1))
    shown, images, joints = [first], [], []
    for t in range(1, frames):
        image, state = generator(latest(shown, config.generator.seen_poses), song[:, t - 1], noise[:, t], state)
        images.append(image)
        keypoints = read(image, config.image)
        joints.append(keypoints)
        redrawn = paint(keypoints, config.image).to(first.device)
        if real is not None:
            redrawn = torch.where(own[:, t, None, None, None], redrawn, real[:, t])
        shown.append(redrawn.contiguous(memory_format=torch.channels_last))
    return Rollout(torch.stack(images, 1), torch.stack(shown, 1), np.stack(joints, 1))


def latest(shown: list[Tensor], count: int) -> Tensor:
    """The last `count` pose images, latest first, (B, count * C, S, S); the first stands in for those before it."""
    return torch.cat([shown[max(0, len(shown) - 1 - back)] for back in range(count)], 1)


def clip_noise(config: GanConfig, batch: int, frames: int, chance: torch.Generator) -> Tensor:
    """A walk of noise for each clip: (batch, frames, noise_channels)."""
    g = config.generator
    walks = [
        noise_walk(frames, g.noise_channels, config.image.fps, g.noise_correlation_s, chance) for _ in range(batch)
    ]
    return torch.stack(walks)


def choose_own(config: GanConfig, batch: int, frames: int, share: float, chance: torch.Generator) -> Tensor:
    """Which frames are shown as the generator's own (batch, frames) bool: a growing share, never in the warm-up.

    A quarter of the clips start from a single real frame, as a song does.
    """
    warmup = torch.where(torch.rand(batch, 1, generator=chance) < 0.25, 1, config.train.warmup_frames)
    chosen = torch.rand(batch, frames, generator=chance) < share
    return chosen & (torch.arange(frames) >= warmup)


def past(shown: Tensor, times: Tensor, history: tuple[int, ...]) -> Tensor:
    """Red, green and blue of the frames `history` back from each clip's `times`, held at the start.

    shown: (B, L, C, S, S); times: (B, K). Returns (B * K, 3 * len(history), S, S).
    """
    rows = torch.arange(len(shown))[:, None]
    frames = [shown[rows, (times - back).clamp(min=0), :3] for back in history]
    return torch.cat(frames, 2).flatten(0, 1)


def at(frames: Tensor, times: Tensor) -> Tensor:
    """Frames (B, L, ...) at each clip's times (B, K): (B * K, ...)."""
    return frames[torch.arange(len(frames))[:, None], times].flatten(0, 1)
