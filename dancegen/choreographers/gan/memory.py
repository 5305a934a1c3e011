"""What training the GAN needs of memory: measured on one clip of one and of two frames, and on one and two pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipDataset, ClipViews
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.image import clean
from dancegen.choreographers.gan.rollout import Rollout, RolloutState, TeacherForcing, clip_noise, unroll
from dancegen.choreographers.training.memory_estimate import growing, kept_for_backward
from dancegen.choreographers.training.processes import autocast


@dataclass(frozen=True)
class GanMemory:
    """Measures one step of these networks on a device.

    At its peak a step holds a whole batch's longest dance, and what the discriminator says of real and generated
    pictures.
    """

    config: GanConfig
    generator: UNetGenerator
    discriminator: MultiScaleDiscriminator
    data: ClipDataset
    device: str

    def activations(self, clips: int) -> tuple[int, float]:
        """Bytes of the activations of a batch of so many clips, and of one clip more."""
        t = self.config.train
        frames = max(t.clip_frames, t.first_clip_frames)
        dance, a_frame = growing(
            lambda n: kept_for_backward(lambda: self._dance(n), [self.generator]), clips * frames
        )  # fmt: skip
        judged = 2 * clips * min(t.judged_frames, frames)
        pictures, a_picture = growing(
            lambda n: kept_for_backward(lambda: self._discriminate(n), [self.discriminator]), judged
        )
        return dance + pictures, a_frame * frames + a_picture * judged / clips

    def _dance(self, frames: int) -> Rollout:
        drawn = self.data.draw((0, [0]))
        mel, poses, style = (drawn[name].to(self.device) for name in ("mel", "keypoints", "style"))
        real = poses[:, 1 : frames + 1]
        teacher = TeacherForcing(
            real,
            clean(real.flatten(0, 1), self.config.image).unflatten(0, (1, frames)),
            torch.ones(1, dtype=torch.bool, device=self.device),
            torch.zeros(1, frames, dtype=torch.bool, device=self.device),
        )
        noise = clip_noise(self.config, 1, frames, torch.Generator().manual_seed(0)).to(self.device)
        start = RolloutState.start(self.generator, poses[:, 0])
        with autocast(self.config.train.precision, self.device):
            return unroll(self.generator, start, mel[:, 1 : frames + 1], noise, style, teacher)

    def _discriminate(self, pictures: int) -> list:
        image = self.config.image
        mel = self.data.draw((0, [0]))["mel"][:, :1].flatten(0, 1).expand(pictures, -1, -1).to(self.device)
        past = 3 * len(self.config.discriminator.history)
        shapes = ((pictures, channels, image.size, image.size) for channels in (image.channels, past))
        shown = [torch.zeros(shape, device=self.device) for shape in shapes]
        with autocast(self.config.train.precision, self.device):
            return self.discriminator(*shown, mel)


def clips_bytes(clips: Sequence[ClipViews]) -> int:
    """Bytes of clips in memory."""
    return sum(clip.mel.nbytes + sum(view.keypoints.nbytes for view in clip.views) for clip in clips)
