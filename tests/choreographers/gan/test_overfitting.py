"""The GAN learns: four short clips, by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dancegen.choreographers.gan.data import ClipDataset, choose_starts
from dancegen.choreographers.gan.image import clean, read
from dancegen.choreographers.gan.losses import weighted_l1_loss
from dancegen.choreographers.gan.rollout import RolloutState, TeacherForcing, unroll
from dancegen.choreographers.gan.trainer import GanTrainer
from dancegen.pose.skeleton import BODY
from helpers.tiny_gan import takes, tiny_config

CONFIG = tiny_config(
    "generator.channels=16,24,32", "generator.dropout=0", "train.steps=80", "train.epochs=1000", "train.clip_frames=6",
    "train.first_clip_frames=6", "train.decay_steps=60", "train.ema=0.9", "train.validate_every=1000",
    "train.learning_rate=0.001", "train.alone_share=0",
)  # fmt: skip


@pytest.mark.slow
def test_four_clips_are_learnt_by_heart(tmp_path):
    clips = takes(4, CONFIG, frames=9)
    trainer = GanTrainer(CONFIG, clips, clips, choose_starts(clips, CONFIG, 0), tmp_path)
    trainer.data.augment = False
    untrained = figures(trainer.generator, clips)
    trainer.run()
    learnt = figures(trainer.averaged(), clips)
    assert learnt["l1"] < 0.5 * untrained["l1"]
    # Shown the real past, the next pose is nearer than where the dancer was, and than momentum alone would bring it.
    assert learnt["next"] < 0.4 * learnt["standing still"] and learnt["next"] < 0.6 * untrained["next"]
    # And left alone for the clip it dances it.
    assert learnt["alone"] < 0.25 * learnt["frozen"]


def figures(generator, clips) -> dict[str, float]:
    """Weighted L1 of the next image, and mean errors in pixels of the body's joints as decoded."""
    data = ClipDataset(clips, CONFIG, seed=0, augment=False)
    items = [data[i] for i in range(len(clips))]
    poses, mel, style = (torch.stack([item[name] for item in items]) for name in ("keypoints", "mel", "style"))
    mel, real = mel[:, 1:], poses[:, 1:]
    noise = torch.zeros(*mel.shape[:2], CONFIG.generator.noise_channels)
    generator.eval()
    with torch.no_grad():
        start = RolloutState.start(generator, poses[:, 0])
        images = clean(real.flatten(0, 1), CONFIG.image).unflatten(0, real.shape[:2])
        untold, always = torch.zeros(len(real), dtype=torch.bool), torch.ones(mel.shape[:2], dtype=torch.bool)
        led = unroll(generator, start, mel, noise, style, TeacherForcing(real, images, untold, always))
        alone = unroll(generator, start, mel, noise, style)
    wanted, images = images.flatten(0, 1), led.images.flatten(0, 1)
    poses, real = poses.numpy(), real.numpy()
    found = read(images, CONFIG.image).reshape(real.shape)
    return {
        "l1": weighted_l1_loss(images, wanted, CONFIG.loss.black_weight, torch.ones(len(images))).item(),
        "next": error(found, real),
        "alone": error(alone.joints.numpy(), real),
        "standing still": error(poses[:, :-1], real),
        "frozen": error(np.repeat(poses[:, :1], real.shape[1], axis=1), real),
    }


def error(found: np.ndarray, real: np.ndarray) -> float:
    """Mean distance of the body's joints; one that was not found is as far off as the canvas is wide."""
    distance = np.linalg.norm(found[:, :, BODY, :2] - real[:, :, BODY, :2], axis=-1)
    return float(np.where(found[:, :, BODY, 2] > 0, distance, CONFIG.image.size).mean())
