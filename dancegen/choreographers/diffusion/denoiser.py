"""The denoiser: a transformer that restores a noisy window of dance, conditioned on music and known frames."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dancegen.choreographers.diffusion import music
from dancegen.choreographers.diffusion.config import DiffusionConfig
from dancegen.choreographers.diffusion.features import PARTS, WIDTH

Layer = TypeVar("Layer", bound=nn.Module)

NOISE = 0.3
"""Variance of the noise that a new denoiser expects."""


@dataclass(frozen=True)
class Conditioning:
    """What a window is conditioned on beside the music. The first number of a row of energy and travel is a mask.

    style: (B,) long, 0 none, else 1 + its index. energy: (B, 2), given or not, and how lively in standard deviations of
    the style. travel: (B, 3), given or not, and x and z in metres of where its last second is, in the window's own
    axes.
    """

    style: Tensor
    energy: Tensor
    travel: Tensor

    @classmethod
    def none(cls, count: int, device: torch.device | str = "cpu") -> Conditioning:
        zeros = torch.zeros(count, 3, device=device)
        return cls(torch.zeros(count, dtype=torch.long, device=device), zeros[:, :2], zeros)

    def map(self, function) -> Conditioning:
        return Conditioning(function(self.style), function(self.energy), function(self.travel))


def joined(*conditionings: Conditioning) -> Conditioning:
    """The conditioning of windows one after the other."""
    styles, energies, travels = zip(*((c.style, c.energy, c.travel) for c in conditionings), strict=True)
    return Conditioning(torch.cat(styles), torch.cat(energies), torch.cat(travels))


@dataclass(frozen=True, eq=False)
class EncodedMusic:
    """Tokens (B, M, W) of the music, and what each block attends to of them: the same at every step of a denoising."""

    tokens: Tensor
    heard: tuple[Tensor | None, ...]


class Block(nn.Module):
    """Self-attention, cross-attention to the music in some blocks, and an MLP, modulated by the conditioning (FiLM).

    The modulation is one for all blocks, plus a table of each block's own (adaLN-single, Chen et al., PixArt-alpha).
    Each branch starts at zero, its last layer zero and its gate open, so that deep stacks learn from the first step.
    """

    def __init__(self, config: DiffusionConfig, attends_to_music: bool):
        super().__init__()
        c = config.denoiser
        self.heads = c.heads
        self.scale_shift_table = nn.Parameter(torch.tensor([0.0, 0, 1, 0, 0, 1])[:, None].repeat(1, c.width))
        self.to_qkv = nn.Linear(c.width, 3 * c.width)
        self.to_out = _zeroed(nn.Linear(c.width, c.width))
        self.to_q = nn.Linear(c.width, c.width) if attends_to_music else None
        if attends_to_music:
            self.to_kv = nn.Linear(c.width, 2 * c.width)
            self.music_out = _zeroed(nn.Linear(c.width, c.width))
        self.mlp = nn.Sequential(
            nn.Linear(c.width, c.hidden), nn.GELU(), nn.Dropout(c.dropout), _zeroed(nn.Linear(c.hidden, c.width))
        )

    def heard(self, music: Tensor) -> Tensor | None:
        """Keys and values (B, M, 2 W) of the music's tokens (B, M, W); None where the block does not attend to it."""
        return None if self.to_q is None else self.to_kv(music)

    def forward(self, x: Tensor, heard: Tensor | None, shared: Tensor, at: Tensor, music_at: Tensor) -> Tensor:
        """x: (B, L, W) tokens; heard: what `heard` gave; shared: (B, 6, W), the modulation; at, music_at: `rotary`."""
        shift1, scale1, gate1, shift2, scale2, gate2 = (shared + self.scale_shift_table)[:, :, None].unbind(1)
        query, key, value = self.to_qkv(_norm(x) * (1 + scale1) + shift1).chunk(3, -1)
        x = x + gate1 * self.to_out(self._attention(query, key, value, at, at))
        if self.to_q is not None and heard is not None:
            key, value = heard.chunk(2, -1)
            x = x + self.music_out(self._attention(self.to_q(_norm(x)), key, value, at, music_at))
        return x + gate2 * self.mlp(_neighbouring(_norm(x)) * (1 + scale2) + shift2)

    def _attention(self, query: Tensor, key: Tensor, value: Tensor, at: Tensor, from_: Tensor) -> Tensor:
        query, key, value = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (query, key, value))
        query, key = _rotated(query, at), _rotated(key, from_)
        # Written out: for windows this short it trains faster on a CPU than torch's fused attention does.
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), -1)
        return (weights.to(value.dtype) @ value).transpose(1, 2).flatten(2)


class Denoiser(nn.Module):
    """Predicts the clean window itself (Ramesh et al., 2022; Tevet et al., MDM, 2023), in normalised features."""

    rotary: Tensor

    def __init__(self, config: DiffusionConfig, styles: int):
        super().__init__()
        c, w = config.denoiser, config.window
        self.config = config
        width, stride = c.width, c.stride
        shape = _projection(stride)
        self.input_projection = nn.Conv1d(WIDTH + len(PARTS), width, *shape)
        self.output_projection = _zeroed(nn.ConvTranspose1d(width, WIDTH, *shape))
        near, far = nn.Conv1d(music.WIDTH, width // 2, 5, 1, 2), nn.Conv1d(width // 2, width, *shape)
        nn.init.normal_(far.weight, std=0.005)
        self.music_encoder = nn.Sequential(near, nn.GELU(), far)
        self.null_music = nn.Parameter(torch.zeros(width))
        self.margin = w.context // stride
        self.positions = nn.Parameter(nn.init.normal_(torch.empty(w.frames // stride, width), std=0.02))
        places = torch.arange(-self.margin, w.frames // stride + self.margin)
        self.register_buffer("rotary", rotary(places, width // c.heads), persistent=False)
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.style = nn.Embedding(1 + styles, width)
        self.guidance = _zeroed(nn.Linear(1, width)) if c.guidance_embeds else None
        self.energy = nn.Linear(2, width)
        self.travel = nn.Linear(3, width)
        self.modulate = nn.Sequential(nn.SiLU(), _zeroed(nn.Linear(width, 7 * width)))
        self.blocks = nn.ModuleList(
            Block(config, i % c.cross_attention_every == c.cross_attention_every - 1) for i in range(c.layers)
        )

    @torch.no_grad()
    def init_projections(self, windows: Tensor) -> None:
        """Initialise input and output projection along the principal directions of dances (B, T, 127), normalised.

        A dance passes from the first step on, and noise the less, the less dances vary in its direction, as in a Wiener
        filter: the blocks need not learn that.
        """
        size, step, margin = _projection(self.config.denoiser.stride)
        fade = torch.sin(torch.pi * (torch.arange(size) + 0.5) / size) if step > 1 else torch.eye(3)[1]
        padded = F.pad(windows.transpose(1, 2), (margin, margin))
        pieces = (padded.unfold(-1, size, step) * fade.to(windows)).transpose(1, 2)
        pieces = pieces.flatten(2).flatten(0, 1).double()  # (B L, 127 size); few dances have hardly a direction each
        spread, directions = torch.linalg.eigh(pieces.T @ pieces / len(pieces))
        spread, directions = spread.to(windows), directions.to(windows)
        width = self.input_projection.out_channels
        spread, directions = spread[-width:].clamp(min=0), directions[:, -width:]
        mixed, _ = torch.linalg.qr(torch.randn(width, width, device=directions.device))
        mixed = mixed[:, : directions.shape[1]]
        ways = (mixed @ directions.T, mixed @ (directions * spread / (spread + NOISE)).T)
        enter, leave = (way.unflatten(1, (WIDTH, size)) * fade.to(way) for way in ways)
        self.input_projection.weight[:, :WIDTH], self.output_projection.weight[:] = enter, leave

    def encode_music(self, song: Tensor, mask: Tensor) -> EncodedMusic:
        """The music (B, frames + 2 context, music.WIDTH) as every step hears it; null where `mask` (B,) is False."""
        tokens = self.music_encoder(song.transpose(1, 2)).transpose(1, 2)
        tokens = torch.where(mask[:, None, None], tokens, self.null_music.to(tokens.dtype))
        return EncodedMusic(tokens, tuple(cast(Block, block).heard(tokens) for block in self.blocks))

    def forward(
        self,
        noisy: Tensor,
        known: Tensor,
        time: Tensor,
        music: EncodedMusic,
        conditioning: Conditioning,
        guidance: Tensor | None = None,
    ) -> Tensor:
        """The clean window (B, T, 127).

        noisy: (B, T, 127), clean where `known` (B, T, 4) has a 1 for that part of the body. time: (B,), 0 clean to 1
        noise. music: what `encode_music` gave. guidance: (B,), 1 to `guidance.STRONGEST`, for a denoiser that has it as
        an input; None: 1, which is none.
        """
        x = self.input_projection(torch.cat([noisy, known], -1).transpose(1, 2)).transpose(1, 2)
        x = x + self.positions + music.tokens[:, self.margin : music.tokens.shape[1] - self.margin]
        embedding = self.time(_waves(time, x.shape[-1])) + self.style(conditioning.style)
        embedding = embedding + self.energy(conditioning.energy) + self.travel(conditioning.travel)
        if self.guidance is not None and guidance is not None:
            embedding = embedding + self.guidance(1 - 1 / guidance[:, None])
        *shared, gain = self.modulate(embedding).unflatten(-1, (7, -1)).unbind(1)
        shared = torch.stack(shared, 1)
        own = self.rotary[:, self.margin : self.rotary.shape[1] - self.margin]
        for block, heard in zip(self.blocks, music.heard, strict=True):
            x = block(x, heard, shared, own, self.rotary)
        gain = gain + torch.cos(time * torch.pi / 2)[:, None]  # at first, little is made of noise
        with torch.autocast(x.device.type, enabled=False):  # a rounded pose trembles
            return self.output_projection((x * gain[:, None]).float().transpose(1, 2)).transpose(1, 2)


def _projection(stride: int) -> tuple[int, int, int]:
    """Size, step and margin of the convolutions between frames and tokens of `stride` frames."""
    return (3, 1, 1) if stride == 1 else (2 * stride, stride, stride // 2)


def _zeroed(layer: Layer) -> Layer:
    for weights in layer.parameters():
        nn.init.zeros_(weights)
    return layer


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
