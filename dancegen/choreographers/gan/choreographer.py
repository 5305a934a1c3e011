"""The trained GAN dances a song: frame by frame, any length, the same dance for the same seed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from dancegen.audio.features import windows
from dancegen.choreographers.gan.data import liveliness, with_beat
from dancegen.choreographers.gan.image import past, read
from dancegen.choreographers.gan.model import Model, load_model
from dancegen.choreographers.gan.validation import keep_dropout
from dancegen.pose.canvas import to_canvas
from dancegen.pose.cleaning import FILLED_CONFIDENCE, clamp_limbs, limb_lengths
from dancegen.pose.resampling import resample_keypoints
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT, Progress

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.pose.sequence import PoseSequence

CHUNK = 100
"""Model frames danced at a time; memory beside the song's features does not grow with its length."""
CONTEXT = 8
"""Model frames on both sides that the spline between frames can feel."""
HELD_CONFIDENCE = 0.3
"""Of a joint that the image does not show and that therefore stays where it was: under FILLED_CONFIDENCE."""
LIKELY_STARTS = 8


class GanChoreographer:
    """Dances with the model in `folder`. Raises ModelError where it cannot be rebuilt."""

    def __init__(self, folder: Path, device: str = "cpu"):
        self.model: Model = load_model(folder, device)
        self.device = device
        self.config = self.model.config
        keep_dropout(self.model.generator)
        self.longest = np.nanpercentile(limb_lengths(self.model.starts.keypoints), 97, axis=0) * 1.05

    def generate(
        self,
        song: SongFeatures,
        *,
        seed: int = 0,
        fps: float = 30.0,
        size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:
        """Consecutive pieces of one choreography of round(song.seconds * fps) frames, in pixels of `size`.

        The GAN dances at its own rate; a cubic spline through its poses gives the asked rate.
        """
        from dancegen.pose.sequence import PoseSequence

        total = max(1, round(song.seconds * fps))
        rate = self.config.image.fps
        canvas = (self.config.image.size, self.config.image.size)
        buffer, first, sent = np.zeros((0, 18, 3), np.float32), 0, 0
        with progress.task("dancing", song.seconds) as advance:
            for piece, last in self._dance(song, math.ceil(song.seconds * rate) + 1, seed):
                buffer = np.concatenate([buffer, piece])
                known = first + len(buffer) - (1 if last else CONTEXT)
                ready = total if last else min(total, max(sent, int(known / rate * fps)))
                times = np.arange(sent, ready) / fps * rate - first
                if len(times):
                    poses = resample_keypoints(buffer, np.clip(times, 0, len(buffer) - 1))
                    moved = to_canvas(poses, canvas, size)
                    yield PoseSequence(moved, fps, size, start_s=song.start_s + sent / fps)
                    advance(len(times) / fps)
                sent = ready
                drop = max(0, min(len(buffer), int(sent / fps * rate) - first - CONTEXT))
                buffer, first = buffer[drop:], first + drop

    def _dance(self, song: SongFeatures, frames: int, seed: int) -> Iterator[tuple[np.ndarray, bool]]:
        """Pieces of (n, 18, 3) poses in image pixels at the model's rate, and whether it is the last."""
        g, image = self.config.generator, self.config.image
        keypoints = self._start(song, seed)[None]
        before, heard = keypoints, with_beat(song.mel, song.beats)
        state = self.model.generator.start_state(1, self.device)
        yield keypoints, frames <= 1
        for begin in range(1, frames, CHUNK):
            end = min(begin + CHUNK, frames)
            chance = torch.Generator().manual_seed(_mixed(seed, begin))
            noise = torch.randn(end - begin, g.noise_channels, generator=chance).to(self.device)
            piece = []
            with torch.random.fork_rng(devices=[]), torch.inference_mode():
                torch.manual_seed(_mixed(seed, begin))
                said = self._listen(heard, begin, end)
                for i in range(end - begin):
                    seen = past(*(torch.from_numpy(p).to(self.device) for p in (keypoints, before)), self.config)
                    song_now = said[i : i + 1]
                    latent, _ = self.model.generator.imagine(seen, song_now, noise[i : i + 1], state)
                    picture, state = self.model.generator(seen, song_now, latent, state)
                    before, keypoints = keypoints, self._tidied(read(picture, image), keypoints)
                    piece.append(keypoints[0])
            yield np.stack(piece), end == frames

    def _listen(self, heard: np.ndarray, begin: int, end: int) -> torch.Tensor:
        mel = windows(heard, np.arange(begin, end) / self.config.image.fps, self.config.generator.mel_width)
        return self.model.generator.listen(torch.from_numpy(np.ascontiguousarray(mel)).to(self.device))

    def _tidied(self, seen: np.ndarray, before: np.ndarray) -> np.ndarray:
        """(1, 18, 3): a body joint that the image lost stays where it was; no limb is longer than the dancer's."""
        lost = np.zeros(seen.shape[:2], bool)
        lost[:, BODY] = (seen[:, BODY, 2] <= 0) & (before[:, BODY, 2] > 0)
        held = np.concatenate([before[..., :2], np.full_like(before[..., 2:], HELD_CONFIDENCE)], -1)
        found = seen.copy()
        found[..., 2] = np.where(seen[..., 2] > 0, np.maximum(seen[..., 2], FILLED_CONFIDENCE), 0)
        return clamp_limbs(np.where(lost[..., None], held, found), self.longest)

    def _start(self, song: SongFeatures, seed: int) -> np.ndarray:
        """(18, 3): one of the real poses that were danced to music as lively as this song's beginning."""
        energy = self.model.starts.energy
        nearest = np.argsort(np.abs(energy - liveliness(song.mel, 0.0)))[:LIKELY_STARTS]
        return self.model.starts.keypoints[np.random.default_rng(seed % 2**32).choice(nearest)]


def _mixed(seed: int, begin: int) -> int:
    """One seed a chunk, so that a dance does not depend on how much of it was danced at once."""
    return int(np.random.SeedSequence([seed % 2**32, begin]).generate_state(1)[0])
