"""Style statistics: how lively a dance is, limb by limb, and where, over some seconds.

Left to itself a next-pose generator settles in the mean of all dancing. Conditioned on the style of each training
clip, it learns to keep one up, and dances through many of them when they are drawn for it, phrase by phrase.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from dancegen.choreographers.phrases import drawn, followed, held, loudness, phrases

if TYPE_CHECKING:
    from dancegen.audio.song import SongFeatures

LIVELINESS, PLACE = 6, 3
SIZE = LIVELINESS + PLACE
WINDOW_S = 3.0
"""Over which a style is measured in real dance."""
STILL = 0.01
"""Speed, in image widths a second, under which nobody sees a difference."""
ACCELERATION_STD = 0.5
"""Standard deviation of `acceleration` among real clips of about one style."""
NECK, HIPS, ARMS, LEGS, ANKLES = [1], [8, 11], [3, 4, 6, 7], [9, 10, 12, 13], [10, 13]
WILDEST = 1.7
"""Standard deviations from the mean beyond which no style is drawn."""


def measure(poses: Tensor, size: int, fps: float) -> Tensor:
    """The style of poses (B, N, 18, 3) on a canvas of `size`: (B, 9), with gradient.

    Logarithms of root mean square speeds, in widths a second, across and down: of the mid-hip, of elbows and wrists
    against the neck, of knees and ankles against the mid-hip. Then where the mid-hip is across and where neck and lower
    ankle are down, in widths, on average. What no two frames in a row show has no speed, and what none shows no place:
    nan.
    """
    return torch.cat([*(_rate(part, seen, STILL) for part, seen in _parts(poses, size, fps)), place(poses, size)], -1)


def acceleration(poses: Tensor, size: int, fps: float) -> Tensor:
    """Logarithms of root mean square accelerations, in widths a second squared, of the parts that `measure` tells the
    speeds of: (B, 6), with gradient. Two dances of one style may sway or shiver; this tells them apart."""
    parts = []
    for part, seen in _parts(poses, size, fps):
        both = seen[:, 1:] & seen[:, :-1]
        parts.append(_rate(part.diff(dim=1) * both[..., None] * fps, both, STILL * fps))
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
    """Where dancers (B, N, 18, 3) are, on average over the frames that show it: (B, 3) in widths, mid-hip across, neck
    and lower ankle down; nan where none does."""
    x, y = (poses[..., :2] / size).unbind(-1)
    shown = torch.stack([(poses[..., part, 2] > 0).all(-1) for part in (HIPS, NECK, ANKLES)], -1)
    places = torch.stack([x[..., HIPS].mean(-1), y[..., NECK[0]], y[..., ANKLES].amax(-1)], -1)
    mean = torch.where(shown, places, 0).sum(1) / shown.sum(1).clamp(min=1)
    return torch.where(shown.any(1), mean, torch.nan)


def _rate(places: Tensor, shown: Tensor, still: float) -> Tensor:
    """Logarithms (B, 2) of the root mean square steps, across and down, of places (B, N, J, 2) where `shown`; steps
    under `still` are as good as none. nan where no step is shown."""
    both = (shown[:, 1:] & shown[:, :-1]).float()[..., None]
    steps = both.sum((1, 2))
    square = (places.diff(dim=1).square() * both).sum((1, 2)) / steps.clamp(min=1)
    return torch.where(steps > 0, 0.5 * (square + still**2).log(), torch.nan)


class StyleEmbedding(nn.Module):
    """Adds a style to what the song says; keeps the mean and the spread of the styles of real dance."""

    mean: Tensor
    spread: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(SIZE))
        self.register_buffer("spread", torch.eye(SIZE))
        self.embed = nn.Linear(SIZE, channels)
        nn.init.zeros_(self.embed.bias)

    def forward(self, style: Tensor) -> Tensor:
        """Styles (N, 9), as `measure` gives them: (N, channels). What is not known counts as the mean of real dance."""
        return self.embed(self.relative(style).nan_to_num(0.0))

    def relative(self, style: Tensor) -> Tensor:
        """The style in standard deviations from the mean of real dance; nan where it is not known."""
        return (style - self.mean) / self.spread.square().sum(1).sqrt()

    def learn(self, styles: Iterable[Tensor]) -> None:
        """Take mean and spread from the (9,) styles of real clips. What one does not tell is taken to be as the others
        have it."""
        real = torch.stack(list(styles))
        real = torch.where(real.isnan(), real.nanmean(0).nan_to_num(0.0), real)
        if len(real) > 1:
            self.mean.copy_(real.mean(0))
            self.spread.copy_(torch.linalg.cholesky(real.T.cov() + 1e-4 * torch.eye(SIZE)))

    def draw(self, normal: Tensor, here: Tensor) -> Tensor:
        """The styles (N, 9) that standard normal (N, 6) stand for, at a place, (3,)."""
        lively = slice(None, LIVELINESS)
        drawn = self.mean[lively] + normal.clamp(-WILDEST, WILDEST) @ self.spread[lively, lively].T
        return torch.cat([drawn, here.expand(len(drawn), -1)], -1)

    def through(self, song: SongFeatures, times_s: np.ndarray, here: Tensor, seed: int) -> Tensor:
        """A style for each moment (N,) of a song, at one place: (N, 9). Each phrase has its own, livelier if loud."""
        marks = phrases(song)
        lively = self.spread[:LIVELINESS, :LIVELINESS].sum(0).cpu().numpy()
        normal = followed(drawn(seed, len(marks), LIVELINESS), lively / np.linalg.norm(lively), loudness(song, marks))
        normal = torch.from_numpy(held(song, marks, normal, times_s)).float()
        return self.draw(normal.to(self.mean.device), here.to(self.mean.device))
