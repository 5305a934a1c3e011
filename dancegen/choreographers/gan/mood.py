"""How lively a dance is, limb by limb, and where on the stage: what a dancer keeps up for seconds while poses change.

Left to itself a next-pose generator settles in the mean of all dancing. Told the mood of each training clip, it learns
to keep one up, and dances through many of them when they are drawn for it, phrase by phrase, in one place.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures

LIVELINESS, PLACE = 6, 3
SIZE = LIVELINESS + PLACE
WINDOW_S = 3.0
"""Over which a mood is measured in real dance."""
STILL = 0.01
"""Speed, in image widths a second, under which nobody sees a difference."""
HASTE = 0.5
"""Standard deviation of `haste` among real clips of about one mood."""
NECK, HIPS, ARMS, LEGS, ANKLES = [1], [8, 11], [3, 4, 6, 7], [9, 10, 12, 13], [10, 13]
PHRASE_BEATS, PHRASE_S = 8, 4.0
"""How long a mood is kept, where there is a beat and where there is none."""
LONGEST_S = 10.0
"""Of a phrase, where the beat pauses."""
TURN_S = 0.5
"""In which one mood becomes the next."""
WILDEST = 1.7
"""Standard deviations from the mean beyond which no mood is drawn."""
FOLLOWS = 0.6
"""Correlation of how lively a phrase of the dance is with how loud the music is there."""


def measure(poses: Tensor, size: int, fps: float) -> Tensor:
    """The mood of poses (B, N, 18, 3) on a canvas of `size`: (B, 9), with gradient.

    Logarithms of root mean square speeds, in widths a second, across and down: of the mid-hip, of elbows and wrists
    against the neck, of knees and ankles against the mid-hip. Then where the mid-hip is across and where neck and lower
    ankle are down, in widths, on average.
    """
    return torch.cat([*(_rate(part, seen, STILL) for part, seen in _parts(poses, size, fps)), place(poses, size)], -1)


def haste(poses: Tensor, size: int, fps: float) -> Tensor:
    """Logarithms of root mean square accelerations, in widths a second squared, of the parts that `measure` tells the
    speeds of: (B, 6), with gradient. Two dances of one mood may sway or shiver; this tells them apart."""
    parts = []
    for part, seen in _parts(poses, size, fps):
        both = (seen[:, 1:] & seen[:, :-1])[..., None]
        parts.append(_rate(part.diff(dim=1) * both * fps, seen[:, 1:], STILL * fps))
    return torch.cat(parts, -1)


def _parts(poses: Tensor, size: int, fps: float) -> tuple[tuple[Tensor, Tensor], ...]:
    """Mid-hip, arms against the neck and legs against the mid-hip: places (B, N, J, 2) in widths times frames a second,
    and whether they are shown."""
    shown, places = poses[..., 2] > 0, poses[..., :2] * (fps / size)
    hips, hips_shown = places[..., HIPS, :].mean(-2, keepdim=True), shown[..., HIPS].all(-1, keepdim=True)
    return (
        (hips, hips_shown),
        (places[..., ARMS, :] - places[..., NECK, :], shown[..., ARMS] & shown[..., NECK]),
        (places[..., LEGS, :] - hips, shown[..., LEGS] & hips_shown),
    )


def place(poses: Tensor, size: int) -> Tensor:
    """Where dancers (B, N, 18, 3) are, on average: (B, 3) in widths, mid-hip across, neck and lower ankle down."""
    x, y = (poses[..., :2] / size).unbind(-1)
    return torch.stack([x[..., HIPS].mean(-1), y[..., NECK[0]], y[..., ANKLES].amax(-1)], -1).mean(1)


def _rate(places: Tensor, shown: Tensor, still: float) -> Tensor:
    """Logarithms (B, 2) of the root mean square steps, across and down, of places (B, N, J, 2) where `shown`; steps
    under `still` are as good as none."""
    both = (shown[:, 1:] & shown[:, :-1]).float()[..., None]
    square = (places.diff(dim=1).square() * both).sum((1, 2)) / both.sum((1, 2)).clamp(min=1)
    return 0.5 * (square + still**2).log()


class Mood(nn.Module):
    """Adds a mood to what the song says; keeps the mean and the spread of the moods of real dance."""

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(SIZE))
        self.register_buffer("spread", torch.eye(SIZE))
        self.embed = nn.Linear(SIZE, channels)
        nn.init.zeros_(self.embed.bias)

    def forward(self, mood: Tensor) -> Tensor:
        """Moods (N, 9), as `measure` gives them: (N, channels)."""
        return self.embed(self.relative(mood))

    def relative(self, mood: Tensor) -> Tensor:
        """The mood in standard deviations from the mean of real dance."""
        return (mood - self.mean) / self.spread.square().sum(1).sqrt()

    def learn(self, moods: Iterable[Tensor]) -> None:
        """Take mean and spread from the (9,) moods of real clips."""
        real = torch.stack(list(moods))
        if len(real) > 1:
            self.mean.copy_(real.mean(0))
            self.spread.copy_(torch.linalg.cholesky(real.T.cov() + 1e-4 * torch.eye(SIZE)))

    def draw(self, chance: Tensor, here: Tensor) -> Tensor:
        """The moods (N, 9) that standard normal (N, 6) stand for, at a place, (3,)."""
        lively = slice(None, LIVELINESS)
        drawn = self.mean[lively] + chance.clamp(-WILDEST, WILDEST) @ self.spread[lively, lively].T
        return torch.cat([drawn, here.expand(len(drawn), -1)], -1)

    def through(self, song: SongFeatures, times_s: np.ndarray, here: Tensor, seed: int) -> Tensor:
        """A mood for each moment (N,) of a song, at one place: (N, 9). Each phrase has its own, livelier if loud."""
        marks = phrases(song)
        chance = np.stack(
            [np.random.default_rng([seed % 2**32, k]).standard_normal(LIVELINESS) for k in range(len(marks))]
        )
        lively = self.spread[:LIVELINESS, :LIVELINESS].sum(0).cpu().numpy()
        lively /= np.linalg.norm(lively)
        calm = (1 - np.sqrt(1 - FOLLOWS**2)) * (chance @ lively)
        chance += np.outer(FOLLOWS * loudness(song, marks) - calm, lively)
        ends = np.append(marks[1:], song.seconds)
        moments = np.stack([np.minimum(marks + TURN_S, ends), ends], 1).ravel()
        drawn = np.stack([np.interp(times_s, moments, np.repeat(wave, 2)) for wave in chance.T], 1)
        return self.draw(torch.from_numpy(drawn).float().to(self.mean.device), here.to(self.mean.device))


def phrases(song: SongFeatures) -> np.ndarray:
    """Where the phrases of a song begin: (P,) seconds, the first nought."""
    beats = song.beats.times_s[::PHRASE_BEATS]
    marks = [0.0, *beats[(beats > 0) & (beats < song.seconds)], song.seconds]
    longest = LONGEST_S if len(beats) else PHRASE_S
    return np.concatenate([np.arange(a, b, longest) for a, b in pairwise(marks)])


def loudness(song: SongFeatures, marks: np.ndarray) -> np.ndarray:
    """How loud the music becomes as each phrase begins, (P,): about 1 where it doubles against the phrases before.

    It looks no further ahead than half a second, so that a song's beginning is danced the same however it goes on.
    """
    reach = round(song.frame_rate / 2)
    frames = np.rint(marks * song.frame_rate).astype(int).clip(max=max(len(song.mel) - 1, 0))
    heard = np.array([song.mel[frame : frame + reach].mean() for frame in frames])
    before = np.cumsum(heard) / np.arange(1, len(heard) + 1)
    return ((heard - before) / np.log10(2)).clip(-WILDEST, WILDEST)
