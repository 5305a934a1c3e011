"""A whole family of choreographers in one file: it learns the mean pose of a pose dataset, and sways it on the beat."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.choreographers import DanceControls
from dancegen.choreographers.config import check_training, configured
from dancegen.choreographers.family import CONFIG, WEIGHTS, Family, TrainingJob
from dancegen.dataset.format import clip_views, poses_path, read_clips
from dancegen.pose.geometry import to_canvas
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import SILENT, Progress

SIZE = (512, 512)


@dataclass(frozen=True)
class TrainConfig:
    epochs: int = 1
    steps: int | None = None
    minutes: float | None = None
    precision: str = "fp32"
    accent: float = 0.0


@dataclass(frozen=True)
class MotionConfig:
    sway: float = 0.05
    """Of the canvas's width."""


@dataclass(frozen=True)
class SwayConfig:
    motion: MotionConfig = field(default_factory=MotionConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Swaying(Family):
    name = "swaying"
    who = "the swaying choreographer"
    version = 1
    learns_from = "extract-poses"

    def configure(
        self, preset: str, flags: Mapping[str, Any], settings: tuple[str, ...] = (), init: Path | None = None
    ) -> SwayConfig:
        names = {"max_steps": "train.steps", "epochs": "train.epochs", "minutes": "train.minutes"}
        config = configured(self.who, {"small": SwayConfig()}, preset, names, flags, settings)
        check_training(config.train, ("epochs", "steps", "minutes"))
        return config

    def train(self, config: SwayConfig, job: TrainingJob) -> dict[str, float]:
        from safetensors.numpy import save_file

        poses = []
        for clip in (clip for clip in read_clips(job.dataset) if clip.split == "train"):
            sequence = PoseSequence.load(poses_path(job.dataset, clip, clip_views(job.dataset, clip)[0]))
            poses.append(to_canvas(sequence.keypoints, sequence.size, SIZE).mean(0))
        best = job.folder / "best"
        best.mkdir(parents=True)
        save_file({"pose": np.mean(poses, 0).astype(np.float32)}, best / WEIGHTS)
        (best / CONFIG).write_text(json.dumps({"family": self.name, **config.to_dict()}))
        return {"clips": float(len(poses))}

    def load(self, folder: Path, device: str) -> Swayer:
        from safetensors.numpy import load_file

        sway = json.loads((folder / CONFIG).read_text())["motion"]["sway"]
        return Swayer(load_file(folder / WEIGHTS)["pose"], sway)


@dataclass(frozen=True)
class Swayer:
    """Dances in the plane."""

    pose: np.ndarray
    sway: float

    def choreograph(
        self, song, controls: DanceControls, *, seed: int = 0, fps: float = 30.0, size=SIZE,
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:  # fmt: skip
        phase, there = song.beats.phase(np.arange(round(song.seconds * fps)) / fps)
        keypoints = np.repeat(self.pose[None], len(phase), axis=0)
        keypoints[..., 0] += (self.sway * SIZE[0] * np.where(there, np.cos(np.pi * phase), 0))[:, None]
        yield PoseSequence(to_canvas(keypoints, SIZE, size), fps, size, song.start_s)
