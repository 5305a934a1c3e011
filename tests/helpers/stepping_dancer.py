"""Motion capture made here: people who step in place."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers.stick_figure import MIXAMO, write_bvh

FPS = 30.0


def write_dancer(path: Path, seconds: float = 7.0, step_s: float = 0.5) -> Path:
    """A BVH of someone who puts one foot after the other forward, then back, a step each `step_s`."""
    times = np.arange(round(seconds * FPS)) / FPS
    turns = {}
    for side, first in (("l", 0.0), ("r", step_s)):
        # A swing takes 0.35 s from rest to rest; every second one of a foot leads back.
        steps, phase = np.divmod(np.maximum(times - first, 0) / (2 * step_s), 1)
        swing = np.clip(phase * 2 * step_s / 0.35, 0, 1)
        forward = swing - np.sin(2 * np.pi * swing) / (2 * np.pi)
        forward = np.where(steps % 2 == 0, forward, 1 - forward)
        turns[f"{side}_hip"] = np.stack([0 * forward, 0 * forward, -22 * forward], axis=1)
        turns[f"{side}_shoulder"] = np.stack([0 * forward, 30 * forward, 0 * forward], axis=1)
    return write_bvh(path, MIXAMO, turns, frames=len(times))
