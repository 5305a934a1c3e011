"""The dance of one batch of clips, frame by frame, as training and validation see it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.generator import UNetGenerator, noise_walk
from dancegen.choreographers.gan.image import paint, past, read


@dataclass(frozen=True)
class Rollout:
    """images: (B, L - 1, C, S, S), the generated frames 1 to L - 1, with their gradient;
    shown: (B, L, 18, 3), the poses that the generator was shown as its past: real ones, or its own as decoded;
    keypoints: (B, L - 1, 18, 3), what was decoded from `images`. Poses are in image pixels."""

    images: Tensor
    shown: np.ndarray
    keypoints: np.ndarray


def unroll(
    generator: UNetGenerator, first: np.ndarray, mel: Tensor, noise: Tensor, real: np.ndarray | None, own: Tensor | None
) -> Rollout:
    """Carry the ConvLSTM through a clip.

    first: (B, 18, 3), the pose of frame 0; mel: (B, L, mel_width, N_MELS); noise: (B, L, noise_channels). Frame t is
    shown the generator's own pose of frame t - 1 where `own[:, t - 1]`, else that of `real` (B, L, 18, 3); with `real`
    None always its own (free-running). Poses are drawn clean before they are shown.
    """
    config, (batch, frames) = generator.config, mel.shape[:2]
    state = generator.start_state(batch, mel.device)
    song = generator.listen(mel[:, 1:].flatten(0, 1)).unflatten(0, (batch, frames - 1))
    shown, images, joints = [first], [], []
    for t in range(1, frames):
        seen = past(shown[-1], shown[max(0, t - 2)], config).to(mel.device, memory_format=torch.channels_last)
        image, state = generator(seen, song[:, t - 1], noise[:, t], state)
        images.append(image)
        joints.append(read(image, config.image))
        shown.append(joints[-1] if real is None else np.where(own[:, t, None, None].numpy(), joints[-1], real[:, t]))
    return Rollout(torch.stack(images, 1), np.stack(shown, 1), np.stack(joints, 1))


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


def history(poses: np.ndarray, times: Tensor, config: GanConfig) -> Tensor:
    """Red, green and blue of the frames that the discriminator sees beside each one it judges, held at the start.

    poses: (B, L, 18, 3); times: (B, K). Returns (B * K, 3 * frames, S, S).
    """
    back = np.array(config.discriminator.history)
    frames = np.maximum(times.numpy()[..., None] - back, 0)
    chosen = poses[np.arange(len(poses))[:, None, None], frames]
    colours = replace(config.image, heatmaps=False)
    return paint(chosen.reshape(-1, 18, 3), colours).unflatten(0, (-1, len(back))).flatten(1, 2)


def at(frames: Tensor, times: Tensor) -> Tensor:
    """Frames (B, L, ...) at each clip's times (B, K): (B * K, ...)."""
    return frames[torch.arange(len(frames))[:, None], times].flatten(0, 1)
