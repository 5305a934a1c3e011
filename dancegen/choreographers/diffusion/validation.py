"""How well it dances alone: held-out music danced to from nothing, measured as `dancegen evaluate` measures."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.data import TrainClip, cut
from dancegen.choreographers.diffusion.feet import fix_foot_contacts
from dancegen.choreographers.diffusion.model import Model
from dancegen.choreographers.diffusion.planning import SampleRequest
from dancegen.choreographers.diffusion.sampling import sample
from dancegen.choreographers.training.diagnostics import spread
from dancegen.metrics.dance import Dance, average, measure
from dancegen.motion.body import BodyMotion
from dancegen.motion.cameras import project

DANCES = 8
LONGEST_S = 20.0


@dataclass(frozen=True)
class Validation:
    """Figures of free-running dances beside those of the real ones, and a score: the lower the better, 0 for real.

    spread: how different the dances are from each other, in body heights.
    """

    speed: float
    real_speed: float
    accel: float
    real_accel: float
    freeze: float
    real_freeze: float
    skating: float
    real_skating: float
    variety: float
    real_variety: float
    beat: float
    beat_shifted: float
    footfall: float
    footfall_shifted: float
    score: float
    spread: float = 0.0
    real_spread: float = 0.0


def validate(model: Model, held_out: list[TrainClip], sheet: Path | None = None, *, seed: int = 0) -> Validation:
    """Dance to the music of up to eight held-out clips, side by side; `sheet` gets a PNG of four of the dances.

    A single clip is danced to twice: whether two dances differ is one of the figures.
    """
    chosen = _chosen(held_out)
    fps = model.config.window.fps
    frames = int(min(LONGEST_S * fps, max(len(r) for r in chosen)))
    requests = [
        SampleRequest(cut(r.song, 0, frames), style=style_number(model, r.style), seed=seed + i)
        for i, r in enumerate(chosen)
    ]
    made = [_finished(model, x[: len(r)]) for x, r in zip(sample(model, requests), chosen, strict=True)]
    real = [f.decode(r.features[0, :frames], model.body, fps) for r in chosen]
    if sheet is not None:
        _draw_sheet(real[:4], made[:4], sheet)
    found = compare(*(_figures(dances, chosen) for dances in (real, made)))
    filmed = ([project(motion.motion(), 0.0) for motion in dances] for dances in (made, real))
    return replace(found, **dict(zip(("spread", "real_spread"), map(spread, filmed), strict=True)))


def style_number(model: Model, name: str) -> int:
    """The style's number as conditioning have it; 0 where the model never saw it."""
    return model.styles.index(name) + 1 if name in model.styles else 0


def compare(real: dict[str, float], made: dict[str, float]) -> Validation:
    """A validation from the mean figures (see `metrics.dance.measure`) of real and of generated dances."""

    def ratio(name: str) -> float:
        return math.log(max(made[name], 1e-3) / max(real[name], 1e-3))

    values = {
        "speed": "speed_median", "accel": "accel_mean", "freeze": "freeze_ratio", "skating": "skating",
        "variety": "variety",
    }  # fmt: skip
    found = {name: made[key] for name, key in values.items()} | {"real_" + n: real[k] for n, k in values.items()}
    found |= {"beat": made["bas_music"], "beat_shifted": made["bas_shifted"]}
    found |= {name: made[name] for name in ("footfall", "footfall_shifted")}
    found = {name: 0.0 if math.isnan(value) else value for name, value in found.items()}
    score = (
        abs(ratio("speed_median"))
        + 0.5 * max(0.0, ratio("accel_mean"))
        + 2 * max(0.0, made["freeze_ratio"] - real["freeze_ratio"])
        + 0.5 * max(0.0, ratio("skating"))
        + max(0.0, -ratio("variety"))
        + 2 * max(0.0, 0.25 - (found["beat"] - found["beat_shifted"]))
        + 2 * max(0.0, 0.25 - (found["footfall"] - found["footfall_shifted"]))
    )
    return Validation(**found, score=score if math.isfinite(score) else float("inf"))


def _finished(model: Model, numbers: np.ndarray) -> BodyMotion:
    """The dance (T, 127) with its feet planted."""
    return fix_foot_contacts(f.decode(numbers, model.body, model.config.window.fps), numbers[:, f.CONTACTS] > 0.5)


def _chosen(clips: list[TrainClip]) -> list[TrainClip]:
    """Up to DANCES of them, the longer ones of all styles first."""
    request = sorted(clips, key=lambda r: (-len(r), r.id))
    longest = [r for r in request if len(r) >= 0.6 * len(request[0])]
    count = max(2, min(DANCES, len(longest)))
    return [longest[i] for i in np.linspace(0, len(longest) - 1, count).round().astype(int)]


def _figures(dances: list[BodyMotion], chosen: list[TrainClip]) -> dict[str, float]:
    figures = []
    for motion, clip in zip(dances, chosen, strict=True):
        beats = clip.beats.times_s
        figures.append(measure(Dance.of(project(motion.motion(), 0.0), beats[beats < motion.seconds])))
    return average(figures)


def _draw_sheet(real: list[BodyMotion], made: list[BodyMotion], path: Path) -> None:
    """Two rows a dance, the real one above: a pose every half second."""
    import cv2

    from dancegen.pose.drawing import draw_poses

    rows = []
    for motion in (m for pair in zip(real, made, strict=True) for m in pair):
        seen = project(motion.motion(), 0.0, size=(96, 96))
        columns = np.arange(16) * round(motion.fps / 2) % len(seen)
        rows.append(np.concatenate(list(draw_poses(seen.keypoints[columns], seen.size)), axis=1))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
