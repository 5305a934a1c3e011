"""A diffusion choreographer small enough for tests, and dances and music for it, made here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dancegen.audio.beats import Beats
from dancegen.audio.song import SongFeatures
from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.config import DenoiserConfig, DiffusionConfig, TrainConfig, WindowConfig
from dancegen.choreographers.diffusion.data import TrainClip, Windows
from dancegen.choreographers.diffusion.denoiser import Denoiser
from dancegen.choreographers.diffusion.model import Model, save_model
from dancegen.choreographers.genres import Genre
from dancegen.motion.body import AT, TURNING, Body, BodyMotion
from dancegen.motion.rotations import about

FPS, BEAT_S = 30.0, 0.5
BODY = Body.of(
    {"hips": 0.18, "shoulders": 0.3, "trunk": 0.48, "neck": 0.18, "thigh": 0.4, "shank": 0.4, "upper_arm": 0.28,
     "forearm": 0.25}, 1.7,
)  # fmt: skip
CONFIG = DiffusionConfig(
    window=WindowConfig(frames=60, prefix=12, context=4),
    denoiser=DenoiserConfig(width=48, layers=2, heads=4, hidden=64, dropout=0.0),
    train=TrainConfig(batch=8, steps=4, validate_every=2, warmup=1, learning_rate=0.002, beat_critic_steps=2),
)


def beats(seconds: float, first: float = 0.1) -> Beats:
    times = np.arange(first, seconds, BEAT_S)
    return Beats(times, 60 / BEAT_S, np.ones(len(times), np.float32))


def stepping(seconds: float = 6.0, first: float = 0.1) -> BodyMotion:
    """Someone who bends a knee and swings the arms with every beat, and drifts to the left and back."""
    times = np.arange(round(seconds * FPS)) / FPS
    phase = np.pi * (times - first) / BEAT_S
    rotations = np.broadcast_to(np.eye(3), (len(times), len(TURNING), 3, 3)).copy()

    def turn(name: str, axis: int, radians: np.ndarray) -> None:
        rotations[:, TURNING.index(AT[name])] = about(axis, radians)

    for side, sign in (("l", 1), ("r", -1)):
        lift = 0.6 * np.maximum(sign * np.sin(phase), 0)
        turn(f"{side}_hip", 0, -lift)
        turn(f"{side}_knee", 0, 2 * lift)
        turn(f"{side}_shoulder", 2, -sign * (0.9 + 0.4 * np.sin(phase)))
    root = np.stack([0.2 * np.sin(times), np.full_like(times, BODY.leg + BODY.floor_heights[0]), 0 * times], 1)
    return BodyMotion(BODY, root, rotations, FPS)


def song(seconds: float, with_beats: bool = True) -> SongFeatures:
    """A click on each beat in a quiet noise."""
    rng = np.random.default_rng(0)
    mel = rng.normal(-4, 0.1, (round(seconds * 90) + 1, 80)).astype(np.float32)
    told = beats(seconds)
    if with_beats:
        mel[np.rint(told.times_s * 90).astype(int)] += 3
    none = Beats(np.empty(0), 0.0, np.empty(0, np.float32))
    return SongFeatures(mel, np.maximum(np.diff(mel.mean(1), prepend=-4), 0), told if with_beats else none, seconds)


def clips(count: int = 2, style: str = "stepping") -> list[TrainClip]:
    made = []
    for number in range(count):
        first = 0.1 + 0.07 * number
        motion, told = stepping(6.0, first), beats(6.0, first)
        both = np.stack([f.encode(motion), f.encode(motion.mirror())])
        speed = np.linalg.norm(np.gradient(motion.positions, axis=0), axis=-1).mean(1) * FPS / BODY.height_m
        heard = music.encode_music(song(6.0).mel, told, len(motion), FPS)
        made.append(TrainClip(f"clip{number}", both, heard, speed.astype(np.float32), told, style))
    return made


def model(seed: int = 0, config: DiffusionConfig = CONFIG) -> Model:
    """An untrained one whose dances stay near the stepping dancer's pose: its last layer says little."""
    torch.manual_seed(seed)
    windows = Windows(clips(), ["stepping"], config)
    denoiser = Denoiser(config, 1).eval()
    torch.nn.init.normal_(denoiser.output_projection.weight, std=0.1)
    return Model(config, denoiser, BODY, windows.normalizer(0), ("stepping",))


def light_footed(folder: Path, seed: int = 0) -> Path:
    """A saved one whose feet never stand; those of `model` hardly ever leave the floor, which real dancers' do."""
    made = model(seed)
    mean = made.normalizer.mean.clone()
    mean[f.CONTACTS] = -5.0
    return saved_model(folder, normalizer=replace(made.normalizer, mean=mean))


def saved_model(folder: Path, **changes) -> Path:
    save_model(folder, replace(model(), **changes))
    return folder


def model_of_two(seed: int = 0) -> Model:
    """One that knows a second style, and hears what it is told of them."""
    one = model(seed)
    denoiser = Denoiser(CONFIG, 2).eval()
    weights = one.denoiser.state_dict()
    weights["style.weight"] = torch.cat([weights["style.weight"], 3 * weights["style.weight"][1:]])
    denoiser.load_state_dict(weights)
    torch.manual_seed(seed)
    torch.nn.init.normal_(denoiser.modulate[-1].weight, std=0.05)
    normalizer = replace(one.normalizer, liveliness=one.normalizer.liveliness.repeat(2, 1))
    learnt = {style: Genre(style, 60.0, 60 / BEAT_S, 0.2) for style in ("stepping", "swaying")}
    return replace(one, denoiser=denoiser, normalizer=normalizer, styles=tuple(learnt), learnt=learnt)
