"""A film backend in one file: every pose on a flat colour, which the prompt, the seed and the frame before decide."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from dancegen.errors import InputError
from dancegen.options.declare import option
from dancegen.renderers.film.backend import FilmBackend, Grid, Scene, Write
from dancegen.renderers.film.settings import FilmOptions
from dancegen.renderers.film.tiers import Tier

PAUSE = "DUMMY_PAUSE_S"
"""An environment variable: how long each step takes, so that a test can kill it in between."""


@dataclass(frozen=True, kw_only=True)
class Settings(FilmOptions):
    """What any film takes, and a brightness."""

    brightness: int = option(40, help="How bright the dummy's colours are.", metavar="N")


@dataclass(frozen=True)
class Costs:
    """Nothing to speak of."""

    dtype: str = "float32"
    about: str = ""
    then: str = ""
    figures: Mapping[str, object] = field(default_factory=dict)

    def peak(self, tier: Tier) -> float:
        return 1e6

    def operations(self, segments: Sequence) -> float:
        return 1e6


class Dummy(FilmBackend[Settings]):
    """Ten even frames a second in segments of 4n+1, each going on from the last three frames of the one before."""

    name, version, settings, size, chained = "dummy", 1, Settings, (64, 64), True
    lacks = ("image", "align", "detector", "lora", "fast", "base", "sampler", "guidance", "control_scale")

    def complete(self, asked: Settings) -> Settings:
        settings = replace(asked, segment=asked.segment or 13, overlap=3, steps=asked.steps or 4)
        if settings.segment < 5:
            raise InputError(f"--segment {settings.segment}: 5 frames are the least")
        return settings

    def grid(self, settings: Settings) -> Grid:
        return Grid(rate=10, on_beats=False, longest=settings.segment, overlap=3, step=4, rest=1, side=16)

    def costs(self, models, settings, size, device) -> Costs:
        return Costs()

    def thrift(self, tier: Tier) -> str:
        return f"{tier.gigabytes} GB"

    def load(self, models, settings: Settings, device: str, tier: Tier) -> Painter:
        return Painter(settings)


class Painter:
    """Adds up a colour in steps, and keeps what it has so far."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def use(self, tier: Tier) -> None:
        pass

    def tokens_over(self, text: str) -> int:
        return 0

    def film(self, scene: Scene, write: Write, *, resume: Path, advance, before: np.ndarray | None = None) -> None:
        assert len(scene) % 4 == 1 and scene.poses.shape[1] % 16 == 0
        kept = resume / "steps.json"
        done, colour = json.loads(kept.read_text()) if kept.exists() else (0, [0, 0, 0])
        advance(done)
        for step in range(done, self.settings.steps):
            time.sleep(float(os.environ.get(PAUSE, 0)))
            drawn = sha256(repr((scene.seed, scene.first, step)).encode()).digest()
            colour = [(each + drawn[place]) % 256 for place, each in enumerate(colour)]
            kept.write_text(json.dumps([step + 1, colour]))
            advance(1)
        known = 0 if before is None else len(before)
        ground = np.zeros(3) if before is None else before[-1, 0, 0].astype(float)
        for place, (pose, weights) in enumerate(zip(scene.poses, scene.weights, strict=True)):
            if place < known:
                write(place, before[place])
                continue
            hue = sum(weight * text_colour(text) for text, weight in zip(scene.texts, weights, strict=True))
            ground = ground / 2 + hue / 4 + np.array(colour) / 16 + self.settings.brightness
            flat = np.broadcast_to(ground.clip(0, 255).astype(np.uint8), pose.shape)
            write(place, np.where(pose.any(axis=2, keepdims=True), pose, flat))


def text_colour(text: str) -> np.ndarray:
    """(3,) a colour of its own for every text."""
    return np.frombuffer(sha256(text.encode()).digest()[:3], np.uint8).astype(float)


BACKEND = Dummy()
