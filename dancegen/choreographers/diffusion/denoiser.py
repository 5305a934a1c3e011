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

NOISE = 0.3
"""Variance of the noise that a new denoiser expects."""


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
    Each branch starts silent, its last layer nought and its gate open, so that deep stacks learn from the first step.
    """

    def __init__(self, config: DiffusionConfig, listens: bool):
        super().__init__()
        c = config.denoiser
        self.heads = c.heads
        self.own = nn.Parameter(torch.tensor([0.0, 0, 1, 0, 0, 1])[:, None].repeat(1, c.width))
        self.attend = nn.Linear(c.width, 3 * c.width)
        self.attended = nn.Linear(c.width, c.width)
        self.ask = nn.Linear(c.width, c.width) if listens else None
        if listens:
            self.hear = nn.Linear(c.width, 2 * c.width)
            self.heard = nn.Linear(c.width, c.width)
        self.think = nn.Sequential(
            nn.Linear(c.width, c.hidden), nn.GELU(), nn.Dropout(c.dropout), nn.Linear(c.hidden, c.width)
        )
        for last in (self.attended, self.think[-1], *([self.heard] if listens else [])):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, song: Tensor, shared: Tensor, at: Tensor, heard_at: Tensor) -> Tensor:
        """x: (B, L, W) tokens; song: (B, M, W); shared: (B, 6, W) modulation; at, heard_at: `rotary` of L and M."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (shared + self.own)[:, :, None].unbind(1)
        query, key, value = self.attend(_norm(x) * (1 + scale1) + shift1).chunk(3, -1)
        x = x + gate1 * self.attended(self._attention(query, key, value, at, at))
        if self.ask is not None:
            key, value = self.hear(song).chunk(2, -1)
            x = x + self.heard(self._attention(self.ask(_norm(x)), key, value, at, heard_at))
        return x + gate2 * self.think(_neighbouring(_norm(x)) * (1 + scale2) + shift2)

    def _attention(self, query: Tensor, key: Tensor, value: Tensor, at: Tensor, from_: Tensor) -> Tensor:
        query, key, value = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (query, key, value))
        query, key = _rotated(query, at), _rotated(key, from_)
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
        shape = (3, 1, 1) if stride == 1 else (2 * stride, stride, stride // 2)  # size, step, margin
        self.enter = nn.Conv1d(WIDTH + len(PARTS), width, *shape)
        self.leave = nn.ConvTranspose1d(width, WIDTH, *shape)
        self.listen = nn.Sequential(
            nn.Conv1d(music.WIDTH, width // 2, 5, 1, 2), nn.GELU(), nn.Conv1d(width // 2, width, *shape)
        )
        nn.init.normal_(self.listen[-1].weight, std=0.005)
        self.silence = nn.Parameter(torch.zeros(width))
        self.margin = w.context // stride
        self.places = nn.Parameter(0.02 * torch.randn(w.frames // stride, width))
        places = torch.arange(-self.margin, w.frames // stride + self.margin)
        self.register_buffer("rotary", rotary(places, width // c.heads), persistent=False)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Embedding(1 + styles, width)
        self.energy = nn.Linear(2, width)
        self.travel = nn.Linear(3, width)
        self.modulate = nn.Sequential(nn.SiLU(), nn.Linear(width, 7 * width))
        nn.init.zeros_(self.modulate[1].weight)
        nn.init.zeros_(self.modulate[1].bias)
        self.blocks = nn.ModuleList(Block(config, i % c.listen_every == c.listen_every - 1) for i in range(c.layers))
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    @torch.no_grad()
    def begin_from(self, windows: Tensor) -> None:
        """Enter and leave the network along the principal directions of dances (B, T, 127), normalised.

        What is one goes through from the first step on, and the less of it the less dances go that way, as in Wiener's
        filter: the blocks need not learn that.
        """
        size, step, margin = self.enter.kernel_size[0], self.enter.stride[0], self.enter.padding[0]
        fade = torch.sin(torch.pi * (torch.arange(size) + 0.5) / size) if step > 1 else torch.eye(3)[1]
        padded = F.pad(windows.transpose(1, 2), (margin, margin))
        pieces = (padded.unfold(-1, size, step) * fade.to(windows)).transpose(1, 2)
        pieces = pieces.flatten(2).flatten(0, 1).double()  # (B L, 127 size); few dances have hardly a direction each
        spread, directions = torch.linalg.eigh(pieces.T @ pieces / len(pieces))
        spread, directions = spread.to(windows), directions.to(windows)
        width = self.enter.out_channels
        spread, directions = spread[-width:].clamp(min=0), directions[:, -width:]
        mixed, _ = torch.linalg.qr(torch.randn(width, width, device=directions.device))
        mixed = mixed[:, : directions.shape[1]]
        ways = (mixed @ directions.T, mixed @ (directions * spread / (spread + NOISE)).T)
        enter, leave = (way.unflatten(1, (WIDTH, size)) * fade.to(way) for way in ways)
        self.enter.weight[:, :WIDTH], self.leave.weight[:] = enter, leave

    def hear(self, song: Tensor, heard: Tensor) -> Tensor:
        """Tokens (B, M, W) of the music (B, frames + 2 context, music.WIDTH); silence where `heard` (B,) is False."""
        tokens = self.listen(song.transpose(1, 2)).transpose(1, 2)
        return torch.where(heard[:, None, None], tokens, self.silence.to(tokens.dtype))

    def forward(self, noisy: Tensor, known: Tensor, time: Tensor, song: Tensor, wishes: Wishes) -> Tensor:
        """The clean window (B, T, 127).

        noisy: (B, T, 127), clean where `known` (B, T, 4) has a 1 for that part of the body. time: (B,), 0 clean to 1
        noise. song: what `hear` gave.
        """
        x = self.enter(torch.cat([noisy, known], -1).transpose(1, 2)).transpose(1, 2)
        x = x + self.places + song[:, self.margin : song.shape[1] - self.margin]
        told = self.time(_waves(time, x.shape[-1])) + self.style(wishes.style)
        told = told + self.energy(wishes.energy) + self.travel(wishes.travel)
        *shared, gain = self.modulate(told).unflatten(-1, (7, -1)).unbind(1)
        shared = torch.stack(shared, 1)
        own = self.rotary[:, self.margin : self.rotary.shape[1] - self.margin]
        for block in self.blocks:
            x = block(x, song, shared, own, self.rotary)
        gain = gain + torch.cos(time * torch.pi / 2)[:, None]  # of what is noise, a new denoiser says little
        with torch.autocast(x.device.type, enabled=False):  # a rounded pose trembles
            return self.leave((x * gain[:, None]).float().transpose(1, 2)).transpose(1, 2)


def rotary(places: Tensor, width: int) -> Tensor:
    """(2, L, width / 2) cosines and sines by which attention knows how far apart places (L,) are (Su et al., 2021)."""
    rates = torch.exp(torch.linspace(0, -math.log(100.0), width // 2))
    angles = places[:, None] * rates
    return torch.stack([torch.cos(angles), torch.sin(angles)])


def _rotated(x: Tensor, at: Tensor) -> Tensor:
    """Queries or keys (B, H, L, D) turned by their places."""
    one, other = x.chunk(2, -1)
    cos, sin = at.to(x.dtype)
    return torch.cat([one * cos - other * sin, one * sin + other * cos], -1)


def _neighbouring(x: Tensor) -> Tensor:
    """Tokens (B, L, W) that see their neighbours: a quarter of each comes from the one before, a quarter from the one
    after (the temporal shift of Lin, Gan and Han, TSM, 2019)."""
    quarter = x.shape[-1] // 4
    before, after, rest = x.split([quarter, quarter, x.shape[-1] - 2 * quarter], -1)
    return torch.cat([F.pad(before, (0, 0, 1, -1)), F.pad(after, (0, 0, -1, 1)), rest], -1)


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _waves(time: Tensor, width: int) -> Tensor:
    """Sinusoids of (B,) times in 0..1, (B, width)."""
    rates = torch.exp(torch.linspace(0, math.log(1000.0), width // 2, device=time.device))
    phase = time[:, None] * rates
    return torch.cat([torch.sin(phase), torch.cos(phase)], -1)
