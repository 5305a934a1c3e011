"""What training the GAN needs of memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from dancegen.choreographers.gan.data import Take
from dancegen.choreographers.gan.image import clean
from dancegen.choreographers.gan.rollout import Lesson, Memory, Rollout, clip_noise, unroll
from dancegen.choreographers.training.footprint import Footprint, growing, kept_for_backward, networks_bytes

if TYPE_CHECKING:
    from dancegen.choreographers.gan.trainer import Trainer


def footprint(trainer: Trainer) -> Footprint:
    """Measured on one clip of one and of two frames, and on one and two judged pictures.

    At its peak a step holds a whole batch's longest dance, and what the discriminator says of real and generated
    pictures.
    """
    t = trainer.config.train
    clips = len(trainer.processes.part(range(min(t.batch, len(trainer.data)))))
    frames = max(t.clip_frames, t.first_clip_frames)
    generator, discriminator = trainer.generator, trainer.discriminator
    dance, a_frame = growing(lambda n: kept_for_backward(lambda: _dance(trainer, n), [generator]), clips * frames)
    judged = 2 * clips * min(t.judged_frames, frames)
    verdict, a_picture = growing(lambda n: kept_for_backward(lambda: _judge(trainer, n), [discriminator]), judged)
    frozen = [trainer.perceptual] if trainer.perceptual is not None else []
    learning = [generator, discriminator, *([trainer.metronome] if trainer.metronome is not None else [])]
    return Footprint(
        networks=networks_bytes(learning, [generator], frozen),
        activations=dance + verdict,
        data=takes_bytes([*trainer.data.takes, *trainer.held_out]),
        clips=clips,
        each=a_frame * frames + a_picture * judged / clips,
    )


def takes_bytes(takes: Sequence[Take]) -> int:
    return sum(take.mel.nbytes + sum(view.keypoints.nbytes for view in take.views) for take in takes)


def _dance(trainer: Trainer, frames: int) -> Rollout:
    config, device = trainer.config, trainer.device
    mel, poses, mood = (trainer.data.draw((0, [0]))[name].to(device) for name in ("mel", "keypoints", "mood"))
    real = poses[:, 1 : frames + 1]
    lesson = Lesson(
        real,
        clean(real.flatten(0, 1), config.image).unflatten(0, (1, frames)),
        torch.ones(1, dtype=torch.bool, device=device),
        torch.zeros(1, frames, dtype=torch.bool, device=device),
    )
    noise = clip_noise(config, 1, frames, torch.Generator().manual_seed(0)).to(device)
    start = Memory.start(trainer.generator, poses[:, 0])
    with trainer.precision():
        return unroll(trainer.generator, start, mel[:, 1 : frames + 1], noise, mood, lesson)


def _judge(trainer: Trainer, pictures: int) -> list:
    image, device = trainer.config.image, trainer.device
    mel = trainer.data.draw((0, [0]))["mel"][:, :1].flatten(0, 1).expand(pictures, -1, -1).to(device)
    past = 3 * len(trainer.config.discriminator.history)
    shapes = ((pictures, channels, image.size, image.size) for channels in (image.channels, past))
    shown = [torch.zeros(shape, device=device) for shape in shapes]
    with trainer.precision():
        return trainer.discriminator(*shown, mel)
