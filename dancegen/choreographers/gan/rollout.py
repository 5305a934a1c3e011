"""The dance of one batch of clips, frame by frame, as training and validation see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.generator import State, UNetGenerator
from dancegen.choreographers.gan.image import follow, past, read, tidy

AHEAD_S = 0.02
"""By how much steps come before the beat where a dance goes its own way: a foot whose way is smooth slows down sooner.
Such a dance hears its song that much later. (Measured on the bundled model, with five songs.)"""


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
    (B, N, 3, S, S) in 0..1, the pose before each image, its own or one that led it, drawn clean; divergence: (B, N)
    nats that the encoder told of each frame; origin: (B, 2, 18, 3), the last two poses before them; memory: what the
    next frame needs."""

    images: Tensor
    joints: Tensor
    pictures: Tensor
    divergence: Tensor
    origin: Tensor
    memory: Memory


@dataclass(frozen=True)
class Lesson:
    """What training tells of a clip: poses (B, N, 18, 3) and images (B, N, C, S, S) that really came, which clips' own
    encoder tells what comes next, `told` (B,), and which frames are followed by the real pose, `led` (B, N)."""

    poses: Tensor
    images: Tensor
    told: Tensor
    led: Tensor


def unroll(
    generator: UNetGenerator, memory: Memory, mel: Tensor, noise: Tensor, mood: Tensor, lesson: Lesson | None = None
) -> Rollout:
    """Carry the ConvLSTM through N frames.

    mel: (B, N, mel_width, bands); noise: (B, N, noise_channels), standard normal; mood: (B, 9). The generator is shown
    its own poses, as decoded, drawn clean, but where the lesson leads. The gradient goes through where the poses are.
    """
    config, (batch, frames) = generator.config, mel.shape[:2]
    moods = mood[:, None].expand(-1, frames, -1).flatten(0, 1)
    song = generator.listen(mel.flatten(0, 1), moods).unflatten(0, (batch, frames))
    state, latest, before = memory.state, memory.latest, memory.before
    images, joints, pictures, divergences = [], [], [], []
    for n in range(frames):
        seen = past(latest, before, config).contiguous(memory_format=torch.channels_last)
        pictures.append((seen[:, :3] + 1) / 2)
        answer = (lesson.images[:, n], lesson.told) if lesson else ()
        latent, divergence = generator.imagine(seen, song[:, n], noise[:, n], state, *answer)
        image, state = generator(seen, song[:, n], latent, state)
        images.append(image)
        divergences.append(divergence)
        seen = tidy(read(image, config.image), latest.detach().cpu().numpy(), generator.longest)
        before, latest = latest, follow(seen, image, config.image)
        joints.append(latest)
        if lesson:
            leads = lesson.led[:, n, None, None]
            before = torch.where(leads, lesson.poses[:, n - 1] if n else memory.latest, before)
            latest = torch.where(leads, lesson.poses[:, n], latest)
    origin, memory = torch.stack([memory.before, memory.latest], 1), Memory(state, latest, before)
    stacked = (torch.stack(frames, 1) for frames in (images, joints, pictures, divergences))
    return Rollout(*stacked, origin, memory)


def clip_noise(config: GanConfig, batch: int, frames: int, chance: torch.Generator) -> Tensor:
    """Standard normal noise for each frame of each clip: (batch, frames, noise_channels)."""
    return torch.randn(batch, frames, config.generator.noise_channels, generator=chance)


def lead_frames(told: Tensor, frames: int, share: float, chance: torch.Generator) -> Tensor:
    """After which frames the real pose takes the place of the generated one, (B, frames) bool (scheduled sampling,
    Bengio et al., 2015): after that share of the frames of clips that are told.

    told: (B,) bool, which clips follow their real dance.
    """
    return (torch.rand(len(told), frames, generator=chance) < share) & told[:, None]


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
