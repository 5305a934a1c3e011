"""The dance of one batch of clips, frame by frame, as training and validation see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dancegen.choreographers.gan.blocks import State
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.image import follow, past, read, tidy
from dancegen.choreographers.gan.missing import completed

AHEAD_S = 0.02
"""By how much steps come before the beat where a dance is free-running: a foot whose way is smooth slows down sooner.
Such a dance hears its song that much later. (Measured on the bundled model, with five songs.)"""


@dataclass(frozen=True)
class RolloutState:
    """All that a dance hands on from frame to frame: the ConvLSTM's state and the last two poses, (B, 18, 3) each."""

    state: State
    latest: Tensor
    before: Tensor

    @classmethod
    def start(cls, generator: UNetGenerator, pose: Tensor) -> RolloutState:
        """An empty memory at the first pose of a dance."""
        return cls(generator.start_state(len(pose), pose.device), pose, pose)

    def tensors(self) -> list[Tensor]:
        return [*self.state, self.latest, self.before]

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> RolloutState:
        """What `tensors` gave, without gradient."""
        hidden, cell, latest, before = (tensor.detach() for tensor in tensors)
        return cls((hidden, cell), latest, before)

    def with_rows(self, rows: Tensor, other: RolloutState) -> RolloutState:
        """This state, but the dances in `rows` continue as in `other`."""
        mixed = [mine.clone() for mine in self.tensors()]
        for mine, theirs in zip(mixed, other.tensors(), strict=True):
            mine[rows] = theirs[rows].to(mine.dtype)
        return RolloutState.of(mixed)


@dataclass(frozen=True)
class Rollout:
    """N frames of a dance, with their gradient.

    images: (B, N, C, S, S), as generated; joints: (B, N, 18, 3) image pixels, as decoded from them; pictures:
    (B, N, 3, S, S) in 0..1, the pose before each image, its own or one that led it, drawn clean; previous:
    (B, N, 18, 3), these poses; divergence: (B, N) nats, KL(posterior || prior) of each frame; origin: (B, 2, 18, 3),
    the last two poses before them; end: what the next frame needs."""

    images: Tensor
    joints: Tensor
    pictures: Tensor
    previous: Tensor
    divergence: Tensor
    origin: Tensor
    end: RolloutState


@dataclass(frozen=True)
class TeacherForcing:
    """The real clip that guides a rollout in training.

    poses: (B, N, 18, 3) and images: (B, N, C, S, S), the real next frames. posterior: (B,) bool, which clips draw their
    latent from the encoder's posterior, the others from the prior. forced: (B, N) bool, after which frames the real
    pose takes the place of the generated one, as far as it is seen.
    """

    poses: Tensor
    images: Tensor
    posterior: Tensor
    forced: Tensor


def unroll(
    generator: UNetGenerator,
    start: RolloutState,
    mel: Tensor,
    noise: Tensor,
    style: Tensor,
    teacher: TeacherForcing | None = None,
) -> Rollout:
    """Carry the ConvLSTM through N frames.

    mel: (B, N, mel_width, bands); noise: (B, N, noise_channels), standard normal; style: (B, 9). The generator is shown
    its own poses, as decoded, drawn clean, except where the teacher forces real ones. The
    gradient goes through where the poses are.
    """
    config, (batch, frames) = generator.config, mel.shape[:2]
    styles = style[:, None].expand(-1, frames, -1).flatten(0, 1)
    song = generator.encode_music(mel.flatten(0, 1), styles).unflatten(0, (batch, frames))
    state, latest, before = start.state, start.latest, start.before
    images, joints, pictures, previous, divergences = [], [], [], [], []
    for n in range(frames):
        seen = past(latest, before, config).contiguous(memory_format=torch.channels_last)
        pictures.append((seen[:, :3] + 1) / 2)
        previous.append(latest)
        answer = (teacher.images[:, n], teacher.posterior) if teacher else ()
        latent, divergence = generator.sample_latent(seen, song[:, n], noise[:, n], state, *answer)
        image, state = generator(seen, song[:, n], latent, state)
        images.append(image)
        divergences.append(divergence)
        seen = tidy(read(image, config.image), latest.detach().cpu().numpy(), generator.longest)
        before, latest = latest, follow(seen, image, config.image)
        joints.append(latest)
        if teacher:
            leads = teacher.forced[:, n, None, None]
            before = torch.where(leads, completed(teacher.poses[:, n - 1] if n else start.latest, before), before)
            latest = torch.where(leads, completed(teacher.poses[:, n], latest), latest)
    origin, end = torch.stack([start.before, start.latest], 1), RolloutState(state, latest, before)
    return Rollout(
        torch.stack(images, 1),
        torch.stack(joints, 1),
        torch.stack(pictures, 1),
        torch.stack(previous, 1),
        torch.stack(divergences, 1),
        origin,
        end,
    )


def clip_noise(config: GanConfig, batch: int, frames: int, rng: torch.Generator) -> Tensor:
    """Standard normal noise for each frame of each clip: (batch, frames, noise_channels)."""
    return torch.randn(batch, frames, config.generator.noise_channels, generator=rng)


def teacher_forcing_mask(posterior: Tensor, frames: int, share: float, rng: torch.Generator) -> Tensor:
    """After which frames the real pose takes the place of the generated one, (B, frames) bool (scheduled sampling,
    Bengio et al., 2015): after that share of the frames of clips that follow their real dance, `posterior` (B,) bool.
    """
    return (torch.rand(len(posterior), frames, generator=rng) < share) & posterior[:, None]


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
