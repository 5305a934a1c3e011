"""A GAN small enough to train in a test, dancers for it to learn from, and what is heard in songs for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dancegen.audio.beats import Beats
from dancegen.audio.features import FLOOR, FRAME_RATE, N_MELS
from dancegen.audio.song import SongFeatures
from dancegen.choreographers.config import change
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipViews, choose_starts, with_beat
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.model import Model, save_model
from dancegen.dataset.format import VIDEO_VIEW, Clip, write_clips
from dancegen.pose.geometry import to_canvas
from dancegen.pose.sequence import PoseSequence
from dancegen.store import Artifact, Recipe, Store

SETTINGS = (
    "image.size=32",
    "image.sigma=1.2",
    "generator.channels=8,16,24",
    "generator.audio_channels=16",
    "generator.noise_channels=4",
    "generator.mel_width=32",
    "generator.start_poses=8",
    "discriminator.channels=8,16",
    "loss.perceptual=0",
    "train.batch=4",
    "train.first_clip_frames=4",
    "train.clip_frames=8",
    "train.alone_frames=32",
    "train.judged_frames=2",
    "train.beat_critic_steps=4",
    "train.precision=fp32",
)
"""What makes the small preset tiny, as `--set` takes it."""

# Joint by joint of COCO-18, in body heights from between the hips, y down: someone who stands and faces the camera.
STANDING = np.array(
    [(0, -0.40), (0, -0.30), (-0.10, -0.30), (-0.13, -0.14), (-0.14, 0.0), (0.10, -0.30), (0.13, -0.14), (0.14, 0.0),
     (-0.06, 0.0), (-0.06, 0.25), (-0.06, 0.48), (0.06, 0.0), (0.06, 0.25), (0.06, 0.48), (-0.02, -0.43), (0.02, -0.43),
     (-0.04, -0.41), (0.04, -0.41)]
)  # fmt: skip
LEFT_ARM, RIGHT_ARM, LEFT_LEG, RIGHT_LEG = ((5, 6, 7), (2, 3, 4), (11, 12, 13), (8, 9, 10))


def dancing(frames: int, fps: float = 10.0, *, beat_s: float = 0.5, sway: float = 0.12, first: float = 0.0, size=512):
    """(frames, 18, 3) keypoints of someone who sways, steps and swings both arms once every two beats."""
    phase = np.pi * (np.arange(frames) / fps / beat_s + first)
    body = np.tile(STANDING, (frames, 1, 1))
    for joints, angle in (
        (LEFT_ARM, -0.9 - 0.7 * np.sin(phase)),
        (RIGHT_ARM, 0.9 - 0.7 * np.sin(phase)),
        (LEFT_LEG, -0.15 - 0.25 * np.maximum(np.sin(phase), 0)),
        (RIGHT_LEG, 0.15 + 0.25 * np.maximum(-np.sin(phase), 0)),
    ):
        root = body[:, joints[0] : joints[0] + 1].copy()
        limb = body[:, joints[1:]] - root
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
        turned = np.stack([cos * limb[..., 0] - sin * limb[..., 1], sin * limb[..., 0] + cos * limb[..., 1]], -1)
        body[:, joints[1:]] = root + turned
    body[..., 0] += sway * np.sin(phase)[:, None]
    pixels = body * 0.6 * size + size / 2
    return np.concatenate([pixels, np.ones((frames, 18, 1))], -1).astype(np.float32)


def ticking(seconds: float, beat_s: float = 0.5, band: int = 10, first: float = 0.0) -> np.ndarray:
    """(F, N_MELS) log-mel of a drum that hits every `beat_s` seconds in bands round `band`, over a quiet hum."""
    times = np.arange(int(seconds * FRAME_RATE) + 1) / FRAME_RATE
    hit = np.exp(-(((times / beat_s + first) % 1) * beat_s) / 0.08)
    colour = np.exp(-(((np.arange(N_MELS) - band) / 8.0) ** 2))
    hum = -4.0 + 0.5 * np.sin(np.arange(N_MELS))
    return np.maximum(hum + 5.0 * hit[:, None] * colour, FLOOR).astype(np.float32)


def ticks(seconds: float, beat_s: float = 0.5, first: float = 0.0) -> Beats:
    """The beats of what `ticking` plays."""
    times = np.arange((-first % 1) * beat_s, seconds, beat_s)
    return Beats(times, 60 / beat_s, np.ones(len(times), np.float32))


def tiny_config(*settings: str) -> GanConfig:
    config = GanConfig()
    for setting in (*SETTINGS, *settings):
        config = change(config, setting)
    return config


def takes(count: int, config: GanConfig, *, frames: int = 24) -> list[ClipViews]:
    """Dancers of different sway, phase and tempo, each with a song of its own that ticks in time with them."""
    fps, size = config.image.fps, config.image.size
    made = []
    for i in range(count):
        beat_s, sway = 0.4 + 0.1 * (i % 3), 0.06 + 0.06 * (i % 3)
        poses = to_canvas(dancing(frames, fps, beat_s=beat_s, sway=sway, first=0.37 * i), (512, 512), (size, size))
        seconds, first = frames / fps, 0.37 * i
        beats = ticks(seconds, beat_s, first)
        mel = with_beat(ticking(seconds, beat_s, band=8 + 13 * (i % 5), first=first), beats)
        made.append(ClipViews(f"clip{i}", mel, (PoseSequence(poses, fps, (size, size)),), beats))
    return made


def song(seconds: float, *, beat_s: float = 0.5, band: int = 10, start_s: float = 0.0) -> SongFeatures:
    """What `analyse` finds in a ticking song."""
    mel, beats = ticking(seconds, beat_s, band), ticks(seconds, beat_s)
    onset = np.zeros(len(mel), np.float32)
    onset[np.rint(beats.times_s * FRAME_RATE).astype(int)] = 1.0
    return SongFeatures(mel, onset, beats, seconds, start_s)


def lively(config: GanConfig, seed: int = 0) -> UNetGenerator:
    """A generator that has learnt nothing, made to move: it paints boldly and keeps less of the previous image."""
    torch.manual_seed(seed)
    network = UNetGenerator(config)
    with torch.no_grad():
        network.remain.fill_(1.2)
        network.paint.weight.mul_(4.0)
        for name, value in network.named_parameters():
            if name.startswith(("spectrogram", "join", "lstm")) and value.dim() == 4:
                value.mul_(2.5)
    return network.eval()


def tiny_model(folder: Path, config: GanConfig | None = None, *, seed: int = 0) -> Path:
    """A model's directory, with weights that move but have learnt nothing."""
    config = config or tiny_config()
    save_model(folder, Model(config, lively(config, seed), choose_starts(takes(4, config), config, seed)))
    return folder


def pose_dataset(store: Store, *, train: int = 5, val: int = 2, seconds: float = 3.0) -> Artifact:
    """An extract-poses artifact of dancers in front of one camera."""

    def build(directory: Path) -> dict:
        clips = []
        for i in range(train + val):
            split, beat_s = "train" if i < train else "val", 0.4 + 0.05 * (i % 4)
            clip = Clip(f"c{i:02d}", "0" * 64, 0.0, seconds, 30.0, split, None, None, f"take{i}", "song.wav", 0.0)
            folder = directory / "clips" / clip.id
            (folder / "a000").mkdir(parents=True)
            poses = dancing(round(seconds * 30), 30.0, beat_s=beat_s, first=0.3 * i)
            PoseSequence(poses, 30.0).save(folder / "a000" / "poses.npz")
            ticks(seconds, beat_s, 0.3 * i).save(folder / "beats.json")
            np.save(folder / "mel.npy", ticking(seconds, beat_s, first=0.3 * i).astype(np.float16))
            clips.append(clip)
        write_clips(directory, clips)
        return {"clips": len(clips)}

    return store.obtain(Recipe("extract-poses", 1, {"train": train, "val": val, "seconds": seconds}), build)


def filmed(frames: int, fps: float, *, beat_s: float = 0.5, first: float = 0.0) -> np.ndarray:
    """(frames, 18, 3) keypoints of a dancer as a detector leaves them: now and then a wrist or a leg is not seen, what
    cleaning filled in has little confidence, and the left ear never shows."""
    poses = dancing(frames, fps, beat_s=beat_s, first=first)
    second = (np.arange(frames) / fps + first) % 2.0
    poses[second < 0.7, 4] = 0.0
    poses[(second > 0.4) & (second < 0.9), 12:14] = 0.0
    poses[(second > 1.0) & (second < 1.2), 7, 2] = 0.3
    poses[:, 17] = 0.0
    return poses


def filmed_dataset(store: Store, *, train: int = 4, val: int = 2) -> Artifact:
    """An extract-poses artifact of filmed dances: one view, no joints in space, of several lengths and rates."""
    rates, lengths = (25.0, 30_000 / 1001, 24.0, 59.94), (4.0, 2.7, 5.3)

    def build(directory: Path) -> dict:
        clips = []
        for i in range(train + val):
            fps, beat_s, first = rates[i % 4], 0.4 + 0.05 * (i % 4), 0.37 * i
            frames = round(lengths[i % 3] * fps)
            split, seconds = "train" if i < train else "val", frames / fps
            clip = Clip(f"f{i:02d}", "0" * 64, 0.0, seconds, fps, split, None, None, f"take{i}", "own", 0.0)
            folder = directory / "clips" / clip.id
            (folder / VIDEO_VIEW).mkdir(parents=True)
            PoseSequence(filmed(frames, fps, beat_s=beat_s, first=first), fps).save(folder / VIDEO_VIEW / "poses.npz")
            ticks(seconds, beat_s, first).save(folder / "beats.json")
            np.save(folder / "mel.npy", ticking(seconds, beat_s, first=first).astype(np.float16))
            clips.append(clip)
        write_clips(directory, clips)
        return {"clips": len(clips)}

    return store.obtain(Recipe("extract-poses", 1, {"filmed": train, "val": val}), build)


def with_train(config: GanConfig, **values) -> GanConfig:
    return replace(config, train=replace(config.train, **values))
