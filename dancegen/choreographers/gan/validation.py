"""How well it dances alone: held-out clips continued free-running, measured and drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dancegen.audio.features import windows
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import Take
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.rollout import clip_noise, unroll
from dancegen.metrics.motion import motion_figures
from dancegen.pose.drawing import draw_poses
from dancegen.pose.sequence import PoseSequence

CLIPS = 8
SECONDS = 8.0


@dataclass(frozen=True)
class Validation:
    """Free-running figures beside those of the real clips, and a score: the lower the better, 0 for a real dance."""

    speed: float
    real_speed: float
    accel: float
    real_accel: float
    freeze: float
    real_freeze: float
    missing: float
    score: float


def validate(generator: UNetGenerator, takes: list[Take], sheet: Path | None, *, seed: int = 0) -> Validation:
    """Dance the first seconds of up to eight held-out clips from their first pose; `sheet` gets a PNG of four."""
    config = generator.config
    frames = min(int(SECONDS * config.image.fps), min(t.frames for t in takes))
    chosen = [takes[i] for i in np.linspace(0, len(takes) - 1, min(CLIPS, len(takes))).round().astype(int)]
    real = [take.views[i % len(take.views)].slice(0, frames) for i, take in enumerate(chosen)]
    times = np.arange(frames) / config.image.fps
    mel = np.stack([windows(take.mel, times, config.generator.mel_width) for take in chosen])
    noise = clip_noise(config, len(chosen), frames, torch.Generator().manual_seed(seed))
    device = next(generator.parameters()).device
    first = np.stack([sequence.keypoints[0] for sequence in real])
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        keep_dropout(generator)
        dance = unroll(generator, first, torch.from_numpy(mel).to(device), noise.to(device), None, None).keypoints
    made = [PoseSequence(np.concatenate([r.keypoints[:1], d]), r.fps, r.size) for r, d in zip(real, dance, strict=True)]
    if sheet is not None:
        _draw_sheet(real[:4], made[:4], config, sheet)
    return _compare(real, made)


def keep_dropout(generator: torch.nn.Module) -> None:
    """Evaluation mode but for dropout, which is the generator's source of chance (pix2pix, Isola et al., 2017)."""
    generator.eval()
    for module in generator.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.train()


def _compare(real: list[PoseSequence], made: list[PoseSequence]) -> Validation:
    wanted, found = _pooled(real), _pooled(made)
    still = 1e-6  # held-out clips in which nobody moves
    speed, accel = (found[name] / max(wanted[name], still) for name in ("speed_median", "accel_mean"))
    score = (
        abs(math.log(max(speed, 1e-3)))
        + 0.5 * abs(math.log(max(accel, 1e-3)))
        + 2 * max(0.0, found["freeze_ratio"] - wanted["freeze_ratio"])
        + 5 * found["missing"]
    )
    return Validation(
        found["speed_median"],
        wanted["speed_median"],
        found["accel_mean"],
        wanted["accel_mean"],
        found["freeze_ratio"],
        wanted["freeze_ratio"],
        found["missing"],
        score if math.isfinite(score) else float("inf"),
    )


def _pooled(sequences: list[PoseSequence]) -> dict[str, float]:
    figures = [vars(motion_figures(sequence)) for sequence in sequences]
    return {name: float(np.nan_to_num(np.mean([f[name] for f in figures]), nan=0.0)) for name in figures[0]}


def _draw_sheet(real: list[PoseSequence], made: list[PoseSequence], config: GanConfig, path: Path) -> None:
    """Two rows a clip, the real dance above the generated one, one column every half second."""
    import cv2

    columns = np.arange(0, len(real[0]), max(1, int(config.image.fps / 2)))
    rows = [
        np.concatenate(list(draw_poses(sequence.keypoints[columns], sequence.size)), axis=1)
        for pair in zip(real, made, strict=True)
        for sequence in pair
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
