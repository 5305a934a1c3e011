"""How well it dances alone: held-out clips continued free-running, measured and drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dancegen.audio.features import FRAME_RATE, windows
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.data import ClipViews
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.missing import fullest
from dancegen.choreographers.gan.rollout import AHEAD_S, RolloutState, clip_noise, unroll
from dancegen.choreographers.gan.style import measure
from dancegen.choreographers.training.diagnostics import spread
from dancegen.errors import PoseError
from dancegen.metrics.beats import beat_figures, shifted_figures
from dancegen.metrics.motion import MotionFigures, body_positions, finite, motion_figures
from dancegen.pose.drawing import draw_poses
from dancegen.pose.geometry import body_height, limb_lengths
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY_LIMBS

CLIPS = 8
SONGS = 3
"""Clips' music that one dance goes on to, one clip after the other: what goes wrong may take half a minute."""


@dataclass(frozen=True)
class Validation:
    """Free-running figures beside those of the real clips, and a score: the lower the better, 0 for a real dance.

    shape: how far the body's limbs are from their real lengths; place: how far feet and hips are from their real
    heights; both in the dance's second half, in body heights. rhythm: how much better footfalls fit the beats than a
    quarter of a beat beside them. spread: how different the dances are from each other, in body heights.
    """

    speed: float
    real_speed: float
    accel: float
    real_accel: float
    freeze: float
    real_freeze: float
    missing: float
    shape: float
    place: float
    rhythm: float
    real_rhythm: float
    score: float
    spread: float = 0.0
    real_spread: float = 0.0


def validate(generator: UNetGenerator, takes: list[ClipViews], sheet: Path | None, *, seed: int = 0) -> Validation:
    """Dance for half a minute from the first whole pose of up to eight held-out clips; `sheet` gets a PNG of four.

    A single clip is danced to twice: whether two dances differ is one of the figures.
    """
    config = generator.config
    count = max(2, min(CLIPS, len(takes)))
    chosen = [takes[i] for i in np.linspace(0, len(takes) - 1, count).round().astype(int)]
    real = [take.views[i % len(take.views)] for i, take in enumerate(chosen)]
    songs = [np.concatenate([chosen[(i + k) % len(chosen)].mel for k in range(SONGS)]) for i in range(len(chosen))]
    frames = int(min(len(song) for song in songs) / FRAME_RATE * config.image.fps)
    times = np.arange(1, frames) / config.image.fps
    mel = np.stack([windows(song, times - AHEAD_S, config.generator.mel_width) for song in songs])
    noise = clip_noise(config, len(chosen), frames - 1, torch.Generator().manual_seed(seed))
    device = next(generator.parameters()).device
    starts = np.stack([sequence.keypoints[fullest(sequence.keypoints)[0]] for sequence in real])
    first = torch.from_numpy(starts).to(device)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        keep_dropout(generator)
        memory = RolloutState.start(generator, first)
        styles = torch.cat([measure(torch.from_numpy(r.keypoints)[None], config.image.size, r.fps) for r in real])
        song = torch.from_numpy(mel).to(device)
        dance = unroll(generator, memory, song, noise.to(device), styles.to(device)).joints.cpu().numpy()
    made = [PoseSequence(d, r.fps, r.size) for r, d in zip(real, dance, strict=True)]
    if sheet is not None:
        _draw_sheet(real[:4], made[:4], config, sheet)
    beats = [_joined([chosen[(i + k) % len(chosen)] for k in range(SONGS)]) - times[0] for i in range(len(chosen))]
    return _compare(real, made, [take.beats.times_s for take in chosen], beats)


def _joined(takes: list[ClipViews]) -> np.ndarray:
    """The beats of the takes' music played one after the other, in seconds."""
    ends = np.cumsum([0, *(len(take.mel) / FRAME_RATE for take in takes[:-1])])
    return np.concatenate([take.beats.times_s + start for take, start in zip(takes, ends, strict=True)])


def _rhythm(dances: list[PoseSequence], beats: list[np.ndarray]) -> float:
    """Mean footfall alignment with the beats, less that a quarter of a beat beside them; 0 where none falls."""
    margins = []
    for dance, beats_s in zip(dances, beats, strict=True):
        try:
            positions = body_positions(dance)
        except PoseError:
            continue
        right, beside = beat_figures(positions, beats_s), shifted_figures(positions, beats_s)
        margins.append(right.footfall - beside.footfall)
    return float(np.nanmean(margins)) if np.isfinite(margins).any() else 0.0


def keep_dropout(generator: torch.nn.Module) -> None:
    """Evaluation mode but for dropout, which is the generator's source of randomness (pix2pix, Isola et al., 2017)."""
    generator.eval()
    for module in generator.modules():
        if isinstance(module, torch.nn.Dropout2d):
            module.train()


def _compare(
    real: list[PoseSequence], made: list[PoseSequence], real_beats: list[np.ndarray], beats: list[np.ndarray]
) -> Validation:
    """real_beats, beats: of each real and of each made dance, in seconds since its first frame."""
    wanted, found = _pooled(real), _pooled(made)
    real_rhythm, rhythm = _rhythm(real, real_beats), _rhythm(made, beats)
    still = 1e-6  # held-out clips in which nobody moves
    speed, accel = (found[name] / max(wanted[name], still) for name in ("speed_median", "accel_mean"))
    shape = float(np.mean([_shape_error(r, m) for r, m in zip(real, made, strict=True)]))
    place = float(np.mean([_place_error(r, m) for r, m in zip(real, made, strict=True)]))
    score = (
        abs(math.log(max(speed, 1e-3)))
        + 0.5 * abs(math.log(max(accel, 1e-3)))
        + 2 * max(0.0, found["freeze_ratio"] - wanted["freeze_ratio"])
        + 5 * found["missing"]
        + 10 * shape
        + 3 * place
        + 2 * max(0.0, real_rhythm - rhythm)
    )
    return Validation(
        found["speed_median"],
        wanted["speed_median"],
        found["accel_mean"],
        wanted["accel_mean"],
        found["freeze_ratio"],
        wanted["freeze_ratio"],
        found["missing"],
        shape,
        place,
        rhythm,
        real_rhythm,
        score if math.isfinite(score) else float("inf"),
        spread(made),
        spread(real),
    )


def _pooled(sequences: list[PoseSequence]) -> dict[str, float]:
    figures = [vars(_figures(sequence)) for sequence in sequences]
    return {name: float(np.nan_to_num(_mean_known([f[name] for f in figures]))) for name in figures[0]}


def _mean_known(values: list[float]) -> float:
    """The mean of those that are not nan, as the figures of a dance are that is too short or hides too much."""
    return finite(np.nanmean, np.array(values))


def _figures(sequence: PoseSequence) -> MotionFigures:
    """How a dance moves. Where nobody is seen, as in the dot that a young generator may draw, nobody moves."""
    try:
        return motion_figures(sequence)
    except PoseError:
        return MotionFigures(speed_median=0.0, freeze_ratio=1.0, accel_mean=0.0, jerk_mean=0.0, missing=1.0)


def _shape_error(real: PoseSequence, made: PoseSequence) -> float:
    """Mean difference of limbs' 75th percentile lengths in the dance's second half to the real dance's.

    A limb that the made dance lacks has no length there; one that the real dance never shows does not count.
    """
    wanted, found = limb_lengths(real.keypoints), limb_lengths(made.keypoints[len(made) // 2 :])
    known = [limb for limb in BODY_LIMBS if np.isfinite(wanted[:, limb]).any()]
    lengths = np.percentile(np.nan_to_num(found[:, known]), 75, axis=0)
    return _mean_error(lengths, np.nanpercentile(wanted[:, known], 75, axis=0), real)


def _place_error(real: PoseSequence, made: PoseSequence) -> float:
    """How far the median mid-hip and lower ankle are, in the dance's second half, from the real dance's heights."""
    found = made.keypoints[len(made) // 2 :]
    wanted = np.where(real.keypoints[..., 2:] > 0, real.keypoints, np.nan)
    heights = [
        [finite(np.nanmedian, at) for at in (k[:, (8, 11), 1].mean(1), k[:, (10, 13), 1].max(1))]
        for k in (found, wanted)
    ]
    return _mean_error(np.array(heights[0]), np.array(heights[1]), real)


def _mean_error(found: np.ndarray, wanted: np.ndarray, real: PoseSequence) -> float:
    """Mean distance between places in pixels, in the real dancer's heights; of places that the real dance shows."""
    apart = np.abs(found - wanted)
    return float(np.nan_to_num(_mean_known(list(apart))) / body_height(real.keypoints))


def _draw_sheet(real: list[PoseSequence], made: list[PoseSequence], config: GanConfig, path: Path) -> None:
    """Two rows a clip, the real dance above the generated one: four seconds at every half, then every one and a half.

    The real clip begins again where it is over.
    """
    import cv2

    half = max(1, int(config.image.fps / 2))
    columns = half * np.concatenate([np.arange(8), 8 + 3 * np.arange(16)])
    rows = [
        np.concatenate(list(draw_poses(sequence.keypoints[columns % len(sequence)], sequence.size)), axis=1)
        for pair in zip(real, made, strict=True)
        for sequence in pair
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
