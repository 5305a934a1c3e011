"""Guidance whose strength is an input of the denoiser: one pass does what two did.

Classifier-free guidance (Ho and Salimans, 2022) says u + w (c - u) of what a denoiser says with music and style, c, and
without, u. Guidance-free training (Chen et al., Visual generation without guidance, 2025) lets the network say that
itself, g, told w: the denoiser that is compared with the real dance is then c = g / w + (1 - 1 / w) u.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dancegen.choreographers.diffusion.denoiser import Conditioning, joined
from dancegen.choreographers.diffusion.model import Model

STRONGEST = 4.0
"""The strongest guidance that is learnt. The weakest is 1, which is none."""


def draw_guidance(heard: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """(B,) strengths w, 1 for most: 1 / w is uniform for a share of the windows that hear their music (B,)."""
    guided = (torch.rand(len(heard), generator=rng) < share).to(heard.device) & heard
    inverse = torch.empty(len(heard)).uniform_(1 / STRONGEST, 1, generator=rng).to(heard.device)
    return torch.where(guided, 1 / inverse, 1.0)


def unguided_by(guidance: Tensor, guided: Tensor, without: Tensor) -> Tensor:
    """What the denoiser says with music and style, (B, T, C), of what it says guided so much (B,) and without them."""
    share = (1 / guidance)[:, None, None]
    return share * guided + (1 - share) * without


@dataclass(eq=False)
class Guided:
    """The denoiser with the music encoded once, and guided by it: in one pass where it has learnt that (Chen et al.,
    2025), else in two, with and without music (Ho and Salimans, 2022)."""

    model: Model
    known: Tensor
    song: Tensor
    conditioning: Conditioning
    guidance: float

    def __post_init__(self) -> None:
        learnt = self.model.config.denoiser.guidance_embeds
        in_one = self.guidance == 1 or (learnt and 1 <= self.guidance <= STRONGEST)
        self.both = not in_one
        count = len(self.known)
        mask = torch.ones(count, dtype=torch.bool, device=self.known.device)
        self.strength = mask * float(self.guidance) if in_one else None
        if self.both:
            mask = torch.cat([mask, ~mask])
            self.song, self.known = self.song.repeat(2, 1, 1), self.known.repeat(2, 1, 1)
            without = replace(self.conditioning, style=0 * self.conditioning.style) if learnt else self.conditioning
            self.conditioning = joined(self.conditioning, without)
        self.tokens = self.model.denoiser.encode_music(self.song, mask)

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        if not self.both:
            return self.model.denoiser(
                x, self.known, time.expand(len(x)), self.tokens, self.conditioning, self.strength
            )
        found = self.model.denoiser(
            x.repeat(2, 1, 1), self.known, time.expand(2 * len(x)), self.tokens, self.conditioning
        )
        with_music, without = found.chunk(2)
        return without + self.guidance * (with_music - without)
