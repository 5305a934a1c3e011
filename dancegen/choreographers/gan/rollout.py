"""The dance of one batch of clips, frame by frame, as training and validation see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.generator import State, UNetGenerator, noise_walk
from dancegen.choreographers.gan.image import follow, past, read


@dataclass(frozen=True)
class Memory:
    """All that a dance hands on from frame to frame: the ConvLSTM's state and the last two poses, (B, 18, 3) each."""

    state: State
    latest: Tensor
    before: Tensor

    @classmethod
    def start(cls, generator: UNetGenerator, pose: Tensor) -> Memory:
        """An empty memory at the first pose of a dance."""
        return cls(generator.start_state(len(pose), pose.device), pose, pose)

    def tensors(self) -> list[Tensor]:
        return [*self.state, self.latest, self.before]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Memory:
        """What `tensors` gave, without gradient."""
        hidden, cell, latest, before = (tensor.detach() for tensor in tensors)
        return cls((hidden, cell), latest, before)

    def with_rows(self, rows: Tensor, other: Memory) -> Memory:
        """This memory, but the dances in `rows` go on as in `other`."""
        mixed = [mine.clone() for mine in self.tensors()]
        for mine, theirs in zip(mixed, other.tensors(), strict=True):
            mine[rows] = theirs[rows].to(mine.dtype)
        return Memory.of(mixed)


@dataclass(frozen=True)
class Rollout:
    """N frames of a dance, with their gradient.

    images: (B, N, C, S, S), as generated; joints: (B, N, 18, 3) image pixels, as decoded from them; pictures:
    (B, N, 3, S, S) in 0..1, the pose before each image, its own or one that led it, drawn clean; memory: what the next
    frame needs."""

    images: Tensor
    joints: Tensor
    pictures: Tensor
    memory: Memory


def unroll(
    generator: UNetGenerator,
    memory: Memory,
    mel: Tensor,
    noise: Tensor,
    real: Tensor | None = None,
    led: Tensor | None = None,
) -> Rollout:
    """Carry the ConvLSTM through N frames.

    mel: (B, N, mel_width, N_MELS); noise: (B, N, noise_channels). The generator is shown its own poses, as decoded,
    drawn clean; where `led` (B, N) it is shown the pose of `real` (B, N, 18, 3) after that frame instead. The gradient
    goes through where the poses are.
    """
    config, (batch, frames) = generator.config, mel.shape[:2]
    song = generator.listen(mel.flatten(0, 1)).unflatten(0, (batch, frames))
    state, latest, before = memory.state, memory.latest, memory.before
    images, joints, pictures = [], [], []
    for n in range(frames):
        seen = past(latest, before, config).contiguous(memory_format=torch.channels_last)
        pictures.append((seen[:, :3] + 1) / 2)
        image, state = generator(seen, song[:, n], noise[:, n], state)
        images.append(image)
        before, latest = latest, follow(read(image, config.image), image, config.image)
        joints.append(latest)
        if led is not None:
            leads = led[:, n, None, None]
            before = torch.where(leads, real[:, n - 1] if n else memory.latest, before)
            latest = torch.where(leads, real[:, n], latest)
    memory = Memory(state, latest, before)
    return Rollout(torch.stack(images, 1), torch.stack(joints, 1), torch.stack(pictures, 1), memory)


def clip_noise(config: GanConfig, batch: int, frames: int, chance: torch.Generator) -> Tensor:
    """A walk of noise for each clip: (batch, frames, noise_channels)."""
    g = config.generator
    walks = [
        noise_walk(frames, g.noise_channels, config.image.fps, g.noise_correlation_s, chance) for _ in range(batch)
    ]
    return torch.stack(walks)


def lead_frames(config: GanConfig, batch: int, frames: int, maturity: float, chance: torch.Generator) -> Tensor:
    """How many of its `frames` each clip is led through by real poses before it dances alone, (batch,).

    At `maturity` 0 all but the last; at 1 half of the clips are led through the warm-up or less, as at a song's
    beginning, and the others for a random while.
    """
    longest = max(1, round(maturity * (frames - 1)))
    alone = 1 + (torch.rand(batch, generator=chance) * longest).long()
    early = frames - (torch.rand(batch, generator=chance) * (config.train.warmup_frames + 1)).long()
    alone = torch.where(torch.rand(batch, generator=chance) < maturity / 2, early, alone)
    return frames - alone


def trust(led: Tensor, frames: int, horizon: float) -> Tensor:
    """How far the real clip can tell what should have come, (batch, frames) in 0..1: less the longer it danced alone.

    A frame painted after `age` frames of its own counts exp(-age / horizon). Held to the clip for longer, a generator
    that cannot know the future learns the mean of all futures, which stands still.
    """
    age = (torch.arange(frames) - led[:, None]).clamp(min=0)
    return torch.exp(-age / horizon)


def history(pictures: Tensor, times: Tensor, config: GanConfig) -> Tensor:
    """Clean pictures of the frames that the discriminator sees beside each one it judges, held at the start.

    pictures: (B, N, 3, S, S), the poses before each frame; times: (B, K).
    Returns (B * K, 3 * frames, S, S), with gradient.
    """
    rows = torch.arange(len(pictures))[:, None]
    seen = [pictures[rows, (times + 1 - back).clamp(min=0)].flatten(0, 1) for back in config.discriminator.history]
    return torch.cat(seen, 1)


def at(frames: Tensor, times: Tensor) -> Tensor:
    """Frames (B, N, ...) at each clip's times (B, K): (B * K, ...)."""
    return frames[torch.arange(len(frames))[:, None], times].flatten(0, 1)
