"""The trained denoiser dances a song in three dimensions, and is filmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.feet import plant
from dancegen.choreographers.diffusion.model import Model, load_model
from dancegen.choreographers.diffusion.music import hear
from dancegen.choreographers.diffusion.sampling import Order, perform
from dancegen.choreographers.diffusion.timing import in_time
from dancegen.choreographers.phrases import drawn, followed, held, loudness, phrases
from dancegen.choreographers.steering import Steering
from dancegen.errors import InputError
from dancegen.mocap.body import GROUPS, Body, BodyMotion
from dancegen.mocap.filming import film
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.pose.sequence import PoseSequence

APPROACH_S = 1.5
"""Seconds left to come from one section's dance into the one that returns, and out of it again."""
CHUNK_S = 10.0
"""Seconds of poses that `generate` yields at a time."""


class DiffusionChoreographer:
    """Dances with the model in `folder`, as `steering` says.

    Raises ModelError where it cannot be rebuilt, InputError for a style that the model does not know.
    """

    def __init__(self, folder: Path, device: str = "cpu", steering: Steering | None = None):
        self.model: Model = load_model(folder, device)
        self.steering = steering or Steering()
        self.style = self._style()

    def generate(
        self,
        song: SongFeatures,
        *,
        seed: int = 0,
        fps: float = 30.0,
        size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:
        """Consecutive pieces of one choreography of round(song.seconds * fps) frames, as the camera sees it."""
        yield from self.filmed(self.dance(song, seed=seed, progress=progress), song, fps=fps, size=size)

    def dance(self, song: SongFeatures, *, seed: int = 0, progress: Progress = SILENT) -> BodyMotion:
        """The whole dance, at the model's rate, on a stage whose middle is x = z = 0."""
        fps = self.model.config.window.fps
        frames = max(1, round(song.seconds * fps))
        given, known = self._given(frames, song.start_s)
        wished = self.steering
        order = Order(
            song=hear(song.mel, song.beats, frames, fps),
            style=self.style,
            energy=_liveliness(song, frames, fps, seed) + wished.deviation,
            stage=wished.stage,
            seed=seed,
            given=given,
            known=known,
            returns=_returns(song, frames, fps) if wished.repeat_sections else (),
        )
        with progress.task("dancing", frames / fps) as advance, torch.random.fork_rng(devices=[]):
            (made,) = perform(self.model, [order], guidance=wished.guidance, advance=lambda count: advance(count / fps))
        motion = f.decode(made, self.model.body, fps, song.start_s)
        if known is None:
            made = in_time(made, motion, song.beats, self.model.config.sampling.accent)
            motion = f.decode(made, self.model.body, fps, song.start_s)
        standing = made[:, f.CONTACTS] > 0.5
        if known is None:
            return plant(motion, standing)
        return _with_kept(plant(motion, standing), motion, known)

    def filmed(
        self, motion: BodyMotion, song: SongFeatures, *, fps: float = 30.0, size: tuple[int, int] = (512, 512)
    ) -> Iterator[PoseSequence]:
        """The dance at another rate, as the chosen camera sees it, piece by piece."""
        frames = max(1, round(song.seconds * fps))
        seen = film(
            motion.resample(fps).motion(), self.steering.camera, size=size,
            beats_s=song.beats.times_s, start_s=song.start_s,
        )  # fmt: skip
        step = max(1, round(CHUNK_S * fps))
        for first in range(0, frames, step):
            yield seen.slice(first, min(first + step, frames))

    def _style(self) -> int:
        name = self.steering.style
        if name is None:
            return 0
        if name not in self.model.styles:
            raise InputError(f"--style {name}: this model knows {', '.join(self.model.styles)}")
        return self.model.styles.index(name) + 1

    def _given(self, frames: int, start_s: float) -> tuple[np.ndarray | None, np.ndarray | None]:
        """What of the dance is given: (T, 127) numbers and (T, 4) which parts of them count; None, None: nothing."""
        wished = self.steering
        if wished.start_pose is None and wished.dance is None:
            return None, None
        given, known = np.zeros((frames, f.WIDTH), np.float32), np.zeros((frames, len(f.PARTS)), np.float32)
        fps = self.model.config.window.fps
        if wished.dance is not None:
            old = f.encode(_in_body(wished.dance, self.model.body, fps))
            shared = min(frames, len(old))
            given[:shared] = old[:shared]
            for first, last in wished.keep:
                a, b = (min(shared, max(0, round((t - start_s) * fps))) for t in (first, last))
                known[a:b] = 1
            for part in wished.keep_joints:
                known[:shared, f.PARTS.index(part)] = 1
                known[:shared, f.PARTS.index("root")] = 1
        if wished.start_pose is not None:
            pose = _in_body(wished.start_pose.slice(0, 1), self.model.body, fps)
            x, _, z = pose.root[0].tolist()
            given[0], known[0] = f.encode(pose.placed(0.0, (-x, -z)))[0], 1
        return given, known


def _liveliness(song: SongFeatures, frames: int, fps: float, seed: int) -> np.ndarray:
    """How lively (T,) each frame is to be, in standard deviations from the usual: phrase by phrase."""
    marks = phrases(song)
    chance = followed(drawn(seed, len(marks), 1), np.ones(1), loudness(song, marks))
    return held(song, marks, chance, np.arange(frames) / fps)[:, 0]


def _returns(song: SongFeatures, frames: int, fps: float) -> tuple[tuple[int, np.ndarray], ...]:
    """First frame and earlier frames of every section that comes back; its ends are left free to get there and away."""
    from dancegen.audio.structure import returning_sections

    found = []
    for section in returning_sections(song.mel, song.beats):
        start, end = section.span(song.beats)
        first, last = round((start + APPROACH_S) * fps), min(frames, round((end - APPROACH_S) * fps))
        if last - first > fps:
            times = section.source_times(np.arange(first, last) / fps, song.beats)
            found.append((first, np.minimum(times * fps, frames - 1)))
    return tuple(found)


def _in_body(motion: BodyMotion, body: Body, fps: float) -> BodyMotion:
    """A given dance at the model's rate. InputError where its body is not the one that the model moves."""
    if motion.body.offsets.shape != body.offsets.shape or np.abs(motion.body.offsets - body.offsets).max() > 1e-4:
        raise InputError("the dance to keep was danced by another body: keep dances that this model made")
    return motion.resample(fps)


def _with_kept(planted: BodyMotion, made: BodyMotion, known: np.ndarray) -> BodyMotion:
    """The dance with its feet planted, but for legs that are given: those stay what they were."""
    from dataclasses import replace

    from dancegen.mocap.body import NAMES, TURNING

    legs = [TURNING.index(NAMES.index(name)) for name in GROUPS["legs"]]
    kept = known[:, f.PARTS.index("legs")] > 0
    rotations = planted.rotations.copy()
    rotations[np.ix_(kept, legs)] = made.rotations[np.ix_(kept, legs)]
    return replace(planted, rotations=rotations)
