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
from dancegen.choreographers.gan.image import past, read, tidy
from dancegen.choreographers.gan.model import Model, load_model
from dancegen.choreographers.gan.rollout import AHEAD_S
from dancegen.choreographers.gan.style import place
from dancegen.choreographers.gan.validation import keep_dropout
from dancegen.pose.geometry import to_canvas
from dancegen.pose.resampling import resample_keypoints
from dancegen.progress import SILENT, Progress
from dancegen.threads import ThreadTuner

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures
    from dancegen.choreographers.controls import DanceControls
    from dancegen.pose.sequence import PoseSequence

CHUNK = 100
"""Model frames danced at a time; memory beside the song's features does not grow with its length."""
CONTEXT = 8
"""Model frames on both sides that the spline between frames can feel."""
LIKELY_STARTS = 8
RETAINED = 0.97
"""Share of the ConvLSTM's state that is left a model frame later: what is older than the clips it learnt from fades.
With all of it left, moves vary by 40 % less in the ninth minute than in the first (`benchmarks/endurance.py`)."""


MOST_THREADS = 2
"""On three and more, its convolutions sum in another order, and the dance is another."""


class GanChoreographer:
    """Dances with the model in `folder`. Raises ModelError where it cannot be rebuilt."""

    def __init__(self, folder: Path, device: str = "cpu"):
        self.model: Model = load_model(folder, device)
        self.device = device
        self.config = self.model.config
        keep_dropout(self.model.generator)
        self._hearing, self._painting = ThreadTuner(MOST_THREADS), ThreadTuner(MOST_THREADS)

    def choreograph(
        self,
        song: SongFeatures,
        controls: DanceControls | None = None,
        *,
        seed: int = 0,
        fps: float = 30.0,
        size: tuple[int, int] = (512, 512),
        progress: Progress = SILENT,
    ) -> Iterator[PoseSequence]:
        """Consecutive pieces of one choreography of round(song.seconds * fps) frames, in pixels of `size`.

        The GAN dances at its own rate; a cubic spline through its poses gives the rate that is wanted.
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
        before, mel = keypoints, with_beat(song.mel, song.beats)
        style = self.model.generator.style
        here = place(torch.from_numpy(keypoints)[None], image.size)[0]
        styles = None if style is None else style.through(song, np.arange(frames) / image.fps, here, seed)
        state = self.model.generator.start_state(1, self.device)
        yield keypoints, frames <= 1
        for begin in range(1, frames, CHUNK):
            end = min(begin + CHUNK, frames)
            rng = torch.Generator().manual_seed(_mixed(seed, begin))
            noise = torch.randn(end - begin, g.noise_channels, generator=rng).to(self.device)
            piece = []
            with torch.random.fork_rng(devices=[]), torch.inference_mode():
                torch.manual_seed(_mixed(seed, begin))
                with self._hearing.piece():
                    music = self._encode_music(mel, begin, end, None if styles is None else styles[begin:end])
                for i in range(end - begin):
                    latest, earlier = (torch.from_numpy(p).to(self.device) for p in (keypoints, before))
                    seen = past(latest, earlier, self.config)
                    song_now = music[i : i + 1]
                    with self._painting.piece():
                        latent, _ = self.model.generator.sample_latent(seen, song_now, noise[i : i + 1], state)
                        picture, state = self.model.generator(seen, song_now, latent, state)
                    state = state[0] * RETAINED, state[1] * RETAINED
                    before, keypoints = keypoints, tidy(read(picture, image), keypoints, self.model.generator.longest)
                    piece.append(keypoints[0])
            yield np.stack(piece), end == frames

    def _encode_music(self, mel: np.ndarray, begin: int, end: int, styles: torch.Tensor | None) -> torch.Tensor:
        times = np.arange(begin, end) / self.config.image.fps - AHEAD_S
        seen = windows(mel, times, self.config.generator.mel_width)
        return self.model.generator.encode_music(torch.from_numpy(np.ascontiguousarray(seen)).to(self.device), styles)

    def _start(self, song: SongFeatures, seed: int) -> np.ndarray:
        """(18, 3): one of the real poses that were danced to music as lively as this song's beginning."""
        energy = self.model.starts.energy
        nearest = np.argsort(np.abs(energy - liveliness(song.mel, 0.0)))[:LIKELY_STARTS]
        return self.model.starts.keypoints[np.random.default_rng(seed % 2**32).choice(nearest)]


def _mixed(seed: int, begin: int) -> int:
    """One seed a chunk, so that a dance does not depend on how much of it was danced at once."""
    return int(np.random.SeedSequence([seed % 2**32, begin]).generate_state(1)[0])
