"""The generator: the spectrogram round a frame and the previous pose image in, the next pose image out.

A U-Net. Down: convolutions that halve the image. At the bottleneck the song joins in, attention relates what is
far apart, and a ConvLSTM cell carries time. Up: pixel shuffles, with skip connections. Last a Tanh.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from dancegen.audio.features import N_MELS
from dancegen.choreographers.gan.config import GanConfig

State = tuple[Tensor, Tensor]


def make_norm(kind: str, channels: int) -> nn.Module:
    """Group norm in groups of at least eight channels (independent of the batch), or batch norm."""
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    groups = max(1, channels // 8)
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels)


def make_activation(kind: str) -> nn.Module:
    return nn.ReLU() if kind == "relu" else nn.LeakyReLU(0.2)


class DownBlock(nn.Sequential):
    """Halves the image: convolution, optional norm, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, norm: str | None, activation: str):
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, 2, 1)]
        if norm:
            layers.append(make_norm(norm, outputs))
        super().__init__(*layers, make_activation(activation))


class UpBlock(nn.Sequential):
    """Doubles the image: convolution, pixel shuffle, norm, dropout, LeakyReLU."""

    def __init__(self, inputs: int, outputs: int, norm: str, dropout: float, activation: str):
        super().__init__(
            nn.Conv2d(inputs, 4 * outputs, 3, 1, 1),
            nn.PixelShuffle(2),
            make_norm(norm, outputs),
            nn.Dropout2d(dropout),
            make_activation(activation),
        )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside the identity (He et al., 2016)."""

    def __init__(self, channels: int, norm: str, activation: str):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1),
            make_norm(norm, channels),
            make_activation(activation),
            nn.Conv2d(channels, channels, 3, 1, 1),
            make_norm(norm, channels),
        )
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.body(x))


class DilatedBlock(nn.Module):
    """Convolutions of growing dilation side by side, their mean beside the identity (Yu and Koltun, 2016)."""

    def __init__(self, channels: int, dilations: tuple[int, ...], activation: str):
        super().__init__()
        self.branches = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, d, dilation=d) for d in dilations)
        self.activation = make_activation(activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + sum(branch(x) for branch in self.branches) / len(self.branches))


class SpatialAttention(nn.Module):
    """Where to look: a mask from the mean and the maximum over channels (CBAM, Woo et al., 2018)."""

    def __init__(self, kernel: int = 7):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel, 1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        summary = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.conv(summary))


class SelfAttention(nn.Module):
    """What is far apart may relate: dot-product attention over all places (SAGAN, Zhang et al., 2019)."""

    def __init__(self, channels: int):
        super().__init__()
        self.query = nn.Conv2d(channels, channels // 8, 1)
        self.key = nn.Conv2d(channels, channels // 8, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        # SAGAN starts this at nought, which would leave the branch without gradient in the first step.
        self.gain = nn.Parameter(torch.full((1,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (f(x).flatten(2).transpose(1, 2) for f in (self.query, self.key, self.value))
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        return x + self.gain * attended.transpose(1, 2).reshape(x.shape)


class SpectrogramProcessor(nn.Module):
    """The spectrogram round a frame, (B, 1, N_MELS, mel_width), to features on the bottleneck's grid.

    They are the same all over the grid: every limb hears all of the moment, before and after the frame.
    """

    def __init__(self, channels: int, grid: int, config: GanConfig):
        super().__init__()
        g = config.generator
        widths = [1, max(8, channels // 4), max(16, channels // 2), channels, channels]
        self.down = nn.Sequential(
            *(DownBlock(a, b, g.norm if i else None, g.activation) for i, (a, b) in enumerate(pairwise(widths)))
        )
        self.dilated = DilatedBlock(channels, g.dilations, g.activation)
        self.attention = SpatialAttention(3)
        halvings = len(widths) - 1
        self.gather = nn.Conv2d(channels, channels, (N_MELS >> halvings, g.mel_width >> halvings))
        self.activation = make_activation(g.activation)
        self.grid = grid

    def forward(self, mel: Tensor) -> Tensor:
        heard = self.attention(self.dilated(self.down(mel)))
        return self.activation(self.gather(heard)).expand(-1, -1, self.grid, self.grid)


class Flow(nn.Module):
    """Carries the previous image along painted flows, one a body part (vid2vid, Wang et al., 2018).

    A convolution adds, and cannot multiply an image's slope by a speed: without flow, moving every joint by a fraction
    of a pixel means painting the whole body anew.
    """

    PARTS = (0, 0, 0, 1, 2, 2, 3, 3, 2, 4, 4, 2, 5, 5, 2, 6, 6, 1, 1, 1, 1)
    """Which flow carries which channel: the picture, head, torso, right and left arm, right and left leg."""

    def __init__(self, features: int, rhythm: int, noise: int, image_channels: int, reach: float):
        super().__init__()
        self.reach = reach
        parts = self.PARTS[:image_channels]
        self.channels = [[c for c, part in enumerate(parts) if part == wanted] for wanted in sorted(set(parts))]
        self.beat = nn.Conv2d(rhythm, features // 2, 1)
        self.sense = nn.Conv2d(features + features // 2, features // 2, 3, 1, 1)
        self.flow = nn.Conv2d(features // 2, 2 * len(self.channels), 3, 1, 1)
        # Song, memory and chance move the body as a whole by the shortest way there is: little of them arrives through
        # the image.
        self.sway = nn.Linear(rhythm + noise, 2 * len(self.channels))
        nn.init.normal_(self.sway.weight, std=0.01)
        nn.init.normal_(self.sway.weight[:, :rhythm], std=0.0005)
        nn.init.zeros_(self.sway.bias)
        # The first dance goes where momentum carries it, not where chance does.
        nn.init.normal_(self.flow.weight, std=0.005)
        nn.init.zeros_(self.flow.bias)
        order = [c for channels in self.channels for c in channels]
        self.register_buffer("order", torch.tensor(order).argsort(), persistent=False)

    def forward(self, features: Tensor, rhythm: Tensor, noise: Tensor, image: Tensor) -> Tensor:
        """features: (B, F, h, w); rhythm: (B, R, grid, grid), what the ConvLSTM says; noise: (B, noise_channels);
        image: (B, C, S, S).

        Returns the image carried, (B, C, S, S).
        """
        size = image.shape[-1]
        spread = nn.functional.interpolate(
            self.beat(rhythm), size=features.shape[-2:], mode="bilinear", align_corners=False
        )
        sensed = nn.functional.leaky_relu(self.sense(torch.cat([features, spread.to(features.dtype)], 1)), 0.2)
        whole = self.sway(torch.cat([rhythm.float().mean((2, 3)), noise.float()], 1)).float()
        flow = self.reach * torch.tanh(self.flow(sensed).float() + whole[..., None, None])
        flow = nn.functional.interpolate(flow, size=(size, size), mode="bilinear", align_corners=False)
        flow = flow.unflatten(1, (-1, 2)).permute(1, 0, 3, 4, 2) * (2 / size)
        axis = (torch.arange(size, device=image.device) * 2 + 1) / size - 1
        still = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        carried = [
            nn.functional.grid_sample(image[:, c].float(), still - f, padding_mode="border", align_corners=False)
            for c, f in zip(self.channels, flow, strict=True)
        ]
        return torch.cat(carried, 1)[:, self.order]


class ConvLSTMCell(nn.Module):
    """An LSTM whose gates are convolutions (Shi et al., 2015): it carries the dance from frame to frame."""

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Conv2d(inputs + hidden, 4 * hidden, 3, 1, 1)

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h, c = state
        i, f, o, g = self.gates(torch.cat([x, h.to(x.dtype)], 1)).float().chunk(4, 1)
        c = torch.sigmoid(f + 1.0) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, (h, c)


class UNetGenerator(nn.Module):
    """One step of the dance.

    previous: (B, config.past_channels, S, S) in -1..1, as `image.past` paints it: the previous pose, where momentum
    carries it, and where it was; song: (B, audio_channels, grid, grid), from `listen`; noise: (B, noise_channels);
    state: the ConvLSTM's, from `start_state` at first. Returns the next pose image (B, C, S, S) in -1..1 and the new
    state.
    """

    def __init__(self, config: GanConfig):
        super().__init__()
        self.config = config
        g = config.generator
        widths = (config.past_channels, *g.channels)
        bottom = g.channels[-1]
        self.grid = config.image.size >> len(g.channels)
        self.down = nn.ModuleList(
            DownBlock(a, b, g.norm if i else None, g.activation) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.spectrogram = SpectrogramProcessor(g.audio_channels, self.grid, config)
        self.join = nn.Sequential(
            nn.Conv2d(bottom + g.audio_channels + g.noise_channels, bottom, 1),
            make_norm(g.norm, bottom),
            make_activation(g.activation),
        )
        self.residual = nn.Sequential(*(ResidualBlock(bottom, g.norm, g.activation) for _ in range(g.residual_blocks)))
        self.attention = SelfAttention(bottom)
        self.lstm = ConvLSTMCell(bottom, bottom)
        # A cell's output is a tenth as loud as the skip connections beside it: unheard, it would learn nothing.
        self.recall = make_norm(g.norm, bottom)
        ups, below = [], 2 * bottom
        for width in reversed(g.channels[:-1]):
            ups.append(UpBlock(below, width, g.norm, g.dropout if width >= g.channels[-1] // 2 else 0.0, g.activation))
            below = 2 * width
        self.up = nn.ModuleList(ups)
        self.look = SpatialAttention()
        self.flow = None if g.flow is None else Flow(below, bottom, g.noise_channels, config.image.channels, g.flow)
        self.sharpen = nn.Sequential(
            nn.Conv2d(below, 2 * g.channels[0], 3, 1, 1), nn.PixelShuffle(2), make_activation(g.activation)
        )
        self.paint = nn.Conv2d(g.channels[0] // 2, config.image.channels, 3, 1, 1)
        # A dancer is mostly where momentum carries her: the network paints what changes over a faint copy of that,
        # carried along.
        kept = 0.0 if g.momentum is None else 1.5
        self.remain = nn.Parameter(torch.full((1, config.image.channels, 1, 1), kept))

    def start_state(self, batch: int, device: torch.device | str = "cpu") -> State:
        """An empty memory: hidden and cell state, (B, hidden, grid, grid) each."""
        shape = (batch, self.lstm.hidden, self.grid, self.grid)
        return torch.zeros(shape, device=device), torch.zeros(shape, device=device)

    def listen(self, mel: Tensor) -> Tensor:
        """What the song says at each frame: log-mel windows (N, mel_width, N_MELS) to (N, audio_channels, grid, grid).

        It depends on nothing that was danced before, so a whole clip of windows goes through at once.
        """
        return self.spectrogram(normalise_mel(mel).transpose(1, 2).unsqueeze(1))

    def _contrast(self, previous: Tensor) -> Tensor:
        """Black as nought and momentum as a difference, lest the few drawn pixels and their motion drown."""
        channels = self.config.image.channels
        latest, where = previous[:, :channels], previous[:, channels:]
        return torch.cat([latest + 1, 3 * (latest[:, 3:] - where)], 1) if where.shape[1] else latest + 1

    def forward(self, previous: Tensor, song: Tensor, noise: Tensor, state: State) -> tuple[Tensor, State]:
        x, skips = self._contrast(previous), []
        for block in self.down:
            x = block(x)
            skips.append(x)
        chance = noise.to(x.dtype)[:, :, None, None].expand(-1, -1, self.grid, self.grid)
        x = self.join(torch.cat([x, song, chance], 1))
        x = self.attention(self.residual(x))
        x, state = self.lstm(x, state)
        rhythm = x = self.recall(x)
        for block, skip in zip(self.up, reversed(skips), strict=False):
            x = block(torch.cat([x.to(skip.dtype), skip], 1))
        x = self.look(torch.cat([x, skips[0]], 1))
        last = previous[:, : self.config.image.channels]
        if self.flow is not None:
            last = self.flow(x, rhythm, noise, last)
        x = self.sharpen(x)
        return torch.tanh(self.paint(x) + self.remain * last), state


def normalise_mel(mel: Tensor) -> Tensor:
    """Log-mel power (base 10, floor -6) to about -1..1.5; `(..., N_MELS)`."""
    assert mel.shape[-1] == N_MELS
    return mel / 4.0 + 0.5


def noise_walk(
    frames: int,
    channels: int,
    fps: float,
    correlation_s: float,
    generator: torch.Generator,
    before: Tensor | None = None,
) -> Tensor:
    """Noise that moves with the song: `(frames, channels)`, unit variance, first-order autoregressive.

    Neighbouring frames correlate with exp(-1 / (fps * correlation_s)), so that chance leans on the dance for about
    `correlation_s` seconds instead of shaking every frame. `before` (channels,) is the frame the walk goes on from.
    """
    white = torch.randn(frames, channels, generator=generator)
    keep = math.exp(-1.0 / (fps * correlation_s))
    walk = [white[:1] if before is None else keep * before[None] + math.sqrt(1 - keep**2) * white[:1]]
    for step in white[1:, None]:
        walk.append(keep * walk[-1] + math.sqrt(1 - keep**2) * step)
    return torch.cat(walk)
