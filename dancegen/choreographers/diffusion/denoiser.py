"""The denoiser: what a noisy window of dance was meant to be, given the music, what is known, and what is wished."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.features import PARTS, WIDTH


@dataclass(frozen=True)
class Wishes:
    """What a window is told beside the music. Every first nought of a row means: not told.

    style: (B,) long, 0 none, else 1 + its index. energy: (B, 2), told or not, and how lively in standard deviations of
    the style. travel: (B, 3), told or not, and x and z in metres of where its last second is, in the window's own axes.
    """

    style: Tensor
    energy: Tensor
    travel: Tensor

    @classmethod
    def none(cls, count: int, device: torch.device | str = "cpu") -> Wishes:
        zeros = torch.zeros(count, 3, device=device)
        return cls(torch.zeros(count, dtype=torch.long, device=device), zeros[:, :2], zeros)

    def map(self, function) -> Wishes:
        return Wishes(function(self.style), function(self.energy), function(self.travel))


class Block(nn.Module):
    """Attention over the window, attention to the music, and a layer of its own, each modulated by the wishes (FiLM).

    The modulation is one for all blocks, plus a table of each block's own (adaLN-single, Chen et al., PixArt-alpha).
    """

    def __init__(self, config: DiffusionConfig, listens: bool):
        super().__init__()
        c = config.denoiser
        self.heads = c.heads
        self.own = nn.Parameter(torch.randn(6, c.width) / math.sqrt(c.width))
        self.attend = nn.Linear(c.width, 3 * c.width)
        self.attended = nn.Linear(c.width, c.width)
        self.ask = nn.Linear(c.width, c.width) if listens else None
        if listens:
            self.hear = nn.Linear(c.width, 2 * c.width)
            self.heard = nn.Linear(c.width, c.width)
            nn.init.zeros_(self.heard.weight)
        self.think = nn.Sequential(
            nn.Linear(c.width, c.hidden), nn.GELU(), nn.Dropout(c.dropout), nn.Linear(c.hidden, c.width)
        )

    def forward(self, x: Tensor, song: Tensor, shared: Tensor) -> Tensor:
        """x: (B, L, W) tokens; song: (B, M, W); shared: (B, 6, W) modulation."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (shared + self.own)[:, :, None].unbind(1)
        query, key, value = self.attend(_norm(x) * (1 + scale1) + shift1).chunk(3, -1)
        x = x + gate1 * self.attended(self._attention(query, key, value))
        if self.ask is not None:
            x = x + self.heard(self._attention(self.ask(_norm(x)), *self.hear(song).chunk(2, -1)))
        return x + gate2 * self.think(_norm(x) * (1 + scale2) + shift2)

    def _attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query, key, value = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (query, key, value))
        # Written out: for windows this short it trains faster on a CPU than torch's fused attention does.
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), -1)
        return (weights.to(value.dtype) @ value).transpose(1, 2).flatten(2)


class Denoiser(nn.Module):
    """Predicts the clean window itself (Ramesh et al., 2022; Tevet et al., MDM, 2023), in normalised features."""

    def __init__(self, config: DiffusionConfig, styles: int):
        super().__init__()
        c, w = config.denoiser, config.window
        self.config = config
        width, stride = c.width, c.stride
        size = {1: 3, 2: 4}[stride]
        self.enter = nn.Conv1d(WIDTH + len(PARTS), width, size, stride, 1)
        self.leave = nn.ConvTranspose1d(width, WIDTH, size, stride, 1)
        self.listen = nn.Sequential(
            nn.Conv1d(music.WIDTH, width, 5, 1, 2), nn.GELU(), nn.Conv1d(width, width, size, stride, 1)
        )
        self.silence = nn.Parameter(torch.zeros(width))
        self.margin = w.context // stride
        self.places = nn.Parameter(0.02 * torch.randn(w.frames // stride, width))
        self.song_places = nn.Parameter(0.02 * torch.randn(w.frames // stride + 2 * self.margin, width))
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Embedding(1 + styles, width)
        self.energy = nn.Linear(2, width)
        self.travel = nn.Linear(3, width)
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        nn.init.zeros_(self.modulate[1].weight)
        nn.init.zeros_(self.modulate[1].bias)
        self.blocks = nn.ModuleList(Block(config, i % c.listen_every == c.listen_every - 1) for i in range(c.layers))
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def hear(self, song: Tensor, heard: Tensor) -> Tensor:
        """Tokens (B, M, W) of the music (B, frames + 2 context, music.WIDTH); silence where `heard` (B,) is False."""
        tokens = self.listen(song.transpose(1, 2)).transpose(1, 2)
        return torch.where(heard[:, None, None], tokens, self.silence.to(tokens.dtype)) + self.song_places

    def forward(self, noisy: Tensor, known: Tensor, time: Tensor, song: Tensor, wishes: Wishes) -> Tensor:
        """The clean window (B, T, 127).

        noisy: (B, T, 127), clean where `known` (B, T, 4) has a 1 for that part of the body. time: (B,), 0 clean to 1
        noise. song: what `hear` gave.
        """
        x = self.enter(torch.cat([noisy, known], -1).transpose(1, 2)).transpose(1, 2)
        x = x + self.places + song[:, self.margin : song.shape[1] - self.margin]
        told = self.time(_waves(time, x.shape[-1])) + self.style(wishes.style)
        told = told + self.energy(wishes.energy) + self.travel(wishes.travel)
        shared = self.modulate(told).unflatten(-1, (6, -1))
        for block in self.blocks:
            x = block(x, song, shared)
        return self.leave(_norm(x).transpose(1, 2)).transpose(1, 2)


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _waves(time: Tensor, width: int) -> Tensor:
    """Sinusoids of (B,) times in 0..1, (B, width)."""
    rates = torch.exp(torch.linspace(0, math.log(1000.0), width // 2, device=time.device))
    phase = time[:, None] * rates
    return torch.cat([torch.sin(phase), torch.cos(phase)], -1)
