"""Building blocks of the generator: down, up, residual and dilated blocks, attention, and the ConvLSTM cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

State = tuple[Tensor, Tensor]
"""Hidden and cell state of the ConvLSTM, (B, hidden, grid, grid) each."""


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
        # SAGAN starts this at 0, which would leave the branch without gradient in the first step.
        self.gain = nn.Parameter(torch.full((1,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (f(x).flatten(2).transpose(1, 2) for f in (self.query, self.key, self.value))
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        return x + self.gain * attended.transpose(1, 2).reshape(x.shape)


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
