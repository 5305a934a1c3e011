"""The generator: the spectrogram round a frame and the previous pose image in, the next pose image out.

A U-Net. Down: convolutions that halve the image. At the bottleneck the song joins in, attention relates what is
far apart, and a ConvLSTM cell carries time. Up: pixel shuffles, with skip connections. Last a Tanh.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from dancegen.audio.beats import BEAT_BANDS
from dancegen.audio.features import N_MELS
from dancegen.choreographers.gan.blocks import (
    ConvLSTMCell,
    DilatedBlock,
    DownBlock,
    ResidualBlock,
    SelfAttention,
    SpatialAttention,
    State,
    UpBlock,
    make_activation,
    make_norm,
)
from dancegen.choreographers.gan.config import GanConfig
from dancegen.choreographers.gan.style import StyleEmbedding
from dancegen.pose.skeleton import N_LIMBS


class SpectrogramProcessor(nn.Module):
    """The spectrogram round a frame to features (B, channels, grid, grid) on the bottleneck's grid.

    mel: (B, 2, N_MELS, mel_width), how loud each band is and how much louder it becomes; beat: (B, BEAT_BANDS,
    mel_width), where the beat is.

    They are the same all over the grid: every limb hears all of the moment, before and after the frame.
    """

    def __init__(self, channels: int, grid: int, config: GanConfig):
        super().__init__()
        g = config.generator
        self.pulse = nn.Linear(BEAT_BANDS * g.mel_width, channels)
        widths = [2, max(8, channels // 4), max(16, channels // 2), channels, channels]
        self.down = nn.Sequential(
            *(DownBlock(a, b, g.norm if i else None, g.activation) for i, (a, b) in enumerate(pairwise(widths)))
        )
        self.dilated = DilatedBlock(channels, g.dilations, g.activation)
        self.attention = SpatialAttention(3)
        halvings = len(widths) - 1
        self.gather = nn.Conv2d(channels, channels, (N_MELS >> halvings, g.mel_width >> halvings))
        # What changes from frame to frame in the song is a hundredth as loud as what the dancer looks like: unscaled,
        # it would teach nothing.
        self.loud = nn.GroupNorm(1, channels)
        self.activation = make_activation(g.activation)
        self.grid = grid

    def forward(self, mel: Tensor, beat: Tensor) -> Tensor:
        features = self.attention(self.dilated(self.down(mel)))
        features = self.gather(features) + self.pulse(beat.flatten(1))[..., None, None]
        return self.activation(self.loud(features)).expand(-1, -1, self.grid, self.grid)


class JointReader(nn.Module):
    """Where each joint is in the image and which way momentum takes it, to a fraction of a pixel: spatial softmax
    (Finn et al., 2016) over the heat channels, of which convolutions that halve the image four times keep little."""

    WIDTH = 72
    SPEED = 10.0
    """How much a pixel of motion counts beside a pixel of place."""

    def forward(self, previous: Tensor) -> Tensor:
        """previous: (B, 3 + 18 + 18, S, S), as `image.past` paints it. Returns (B, 72): places in -1..1 of the joints,
        0 for those that are not drawn, and the motion that momentum expects, enlarged."""
        ahead, latest = self.places(previous[:, 3:21]), self.places(previous[:, 21:39])
        return torch.cat([latest, self.SPEED * (ahead - latest)], 1)

    @staticmethod
    def places(heat: Tensor) -> Tensor:
        """Centres of heat channels (B, 18, S, S): (B, 36), x and y in -1..1."""
        heat = (heat.float() + 1).relu()
        axis = torch.linspace(-1, 1, heat.shape[-1], device=heat.device)
        mass = heat.sum((2, 3)).clamp(min=1e-3)
        return torch.cat([(heat.sum(2) @ axis) / mass, (heat.sum(3) @ axis) / mass], 1)


class Latent(nn.Module):
    """What of the next pose neither song nor past determine, as a normal distribution in a few dimensions.

    A generator without it learns the mean of all futures, which stands still. The prior guesses it from what is known;
    in training it is drawn from the posterior of an encoder that sees the real next pose (conditional VAE
    with a learned prior: Denton and Fergus, 2018; with a GAN: SAVP, Lee et al., 2018, and, for pix2pix, Zhu et al.,
    2017).
    """

    def __init__(self, known: int, size: int, hidden: int = 256):
        super().__init__()

        def distribution(inputs: int) -> nn.Sequential:
            last = nn.Linear(hidden, 2 * size)
            nn.init.normal_(last.weight, std=0.01)
            nn.init.zeros_(last.bias)
            return nn.Sequential(
                nn.Linear(inputs, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2), last
            )

        motion = JointReader.WIDTH // 2
        self.prior = distribution(known)
        self.encoder = distribution(known + motion)
        # The posterior is mostly a linear function of the motion itself: that is learnt at once.
        self.motion_to_latent = nn.Linear(motion, size, bias=False)

    def forward(
        self, known: Tensor, noise: Tensor, motion: Tensor | None, posterior: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """known: (B, K); noise: (B, size), standard normal; motion: (B, 36), how the joints really move next;
        posterior: (B,), which rows draw from the encoder's posterior. Without motion all draw from the prior.

        Returns the latent (B, size) and the divergence KL(encoder || prior) (B,) in nats.
        """
        mean, spread = self._split(self.prior(known))
        if motion is None:
            return mean + spread.exp() * noise, torch.zeros(len(known), device=known.device)
        true_mean, true_spread = self._split(self.encoder(torch.cat([known, motion], 1)))
        true_mean = true_mean + self.motion_to_latent(motion)
        variance = (2 * (true_spread - spread)).exp()
        distance = ((true_mean - mean) / spread.exp()).square()
        divergence = 0.5 * (variance + distance - 1).sum(1) - (true_spread - spread).sum(1)
        assert posterior is not None
        rows = posterior[:, None]
        chosen = torch.where(rows, true_mean, mean) + torch.where(rows, true_spread, spread).exp() * noise
        return chosen, divergence

    @staticmethod
    def _split(both: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = both.float().chunk(2, 1)
        return mean, 4 * torch.tanh(spread / 4)


class Flow(nn.Module):
    """Carries the previous image along painted flows, one for the picture and one a joint (vid2vid, Wang et al., 2018).

    A convolution adds, and cannot multiply an image's slope by a speed: without flow, moving every joint by a fraction
    of a pixel means painting the whole body anew.
    """

    def __init__(self, rhythm: int, known: int, image_channels: int, reach: float, hidden: int = 256):
        super().__init__()
        self.reach, self.flows = reach, max(1, image_channels - 2)
        self.repeats = (3, *(1 for _ in range(image_channels - 3)))
        self.bend = nn.Conv2d(rhythm, 2 * self.flows, 3, 1, 1)
        first, second = nn.Linear(rhythm + known, hidden), nn.Linear(hidden, hidden)
        last = nn.Linear(hidden, 2 * self.flows)
        self.whole = nn.Sequential(first, nn.LeakyReLU(0.2), second, nn.LeakyReLU(0.2), last)
        self.direct = nn.Linear(known, 2 * self.flows, bias=False)
        # The first dance goes where momentum carries it, not at random.
        nn.init.normal_(self.direct.weight, std=0.005)
        for layer in (self.bend, last):
            nn.init.normal_(layer.weight, std=0.005)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    def forward(self, rhythm: Tensor, known: Tensor, image: Tensor) -> Tensor:
        """rhythm: (B, R, grid, grid), what the ConvLSTM says; known: (B, K); image: (B, C, S, S).

        Returns the image carried, (B, C, S, S).
        """
        batch, channels, size = image.shape[:3]
        known = known.float()
        whole = self.whole(torch.cat([rhythm.float().mean((2, 3)), known], 1)).float() + self.direct(known).float()
        flow = self.reach * torch.tanh(self.bend(rhythm).float() + whole[..., None, None])
        flow = nn.functional.interpolate(flow, size=(size, size), mode="bilinear", align_corners=False)
        flow = flow.unflatten(1, (self.flows, 2)).permute(0, 1, 3, 4, 2) * (2 / size)
        flow = flow.repeat_interleave(torch.tensor(self.repeats, device=flow.device), 1, output_size=channels)
        axis = (torch.arange(size, device=image.device) * 2 + 1) / size - 1
        still = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1)
        carried = nn.functional.grid_sample(
            image.float().reshape(batch * channels, 1, size, size), still - flow.flatten(0, 1), padding_mode="border",
            align_corners=False,
        )  # fmt: skip
        return carried.view(batch, channels, size, size)


class UNetGenerator(nn.Module):
    """One step of the dance.

    previous: (B, config.past_channels, S, S) in -1..1, as `image.past` paints it: the previous pose, where momentum
    carries it, and where it was; song: (B, audio_channels, grid, grid), from `listen`; latent: (B,
    noise_channels), from `imagine`; state: the ConvLSTM's, from `start_state` at first. Returns the next pose image
    (B, C, S, S) in -1..1 and the new state.
    """

    def __init__(self, config: GanConfig):
        super().__init__()
        self.config = config
        self.longest = np.full(N_LIMBS, np.inf)
        """Pixels, (17,), beyond which no limb of its dancers grows; from the poses they start from."""
        g = config.generator
        widths = (config.past_channels, *g.channels)
        bottom = g.channels[-1]
        self.grid = config.image.size >> len(g.channels)
        self.down = nn.ModuleList(
            DownBlock(a, b, g.norm if i else None, g.activation) for i, (a, b) in enumerate(pairwise(widths))
        )
        self.spectrogram = SpectrogramProcessor(g.audio_channels, self.grid, config)
        self.style = StyleEmbedding(g.audio_channels) if g.style else None
        self.join = nn.Sequential(
            nn.Conv2d(bottom + g.audio_channels + g.noise_channels, bottom, 1),
            make_norm(g.norm, bottom),
            make_activation(g.activation),
        )
        # Without heat channels there is nothing to read, and noise and dropout alone are random, as in pix2pix.
        reads = config.past_channels > config.image.channels
        self.joint_reader = JointReader() if reads else None
        known = JointReader.WIDTH if reads else 0
        self.joint_projection = nn.Linear(known, bottom) if reads else None
        self.latent = (
            Latent(known + bottom + g.audio_channels, g.noise_channels) if reads and g.noise_channels else None
        )
        self.residual = nn.Sequential(*(ResidualBlock(bottom, g.norm, g.activation) for _ in range(g.residual_blocks)))
        self.attention = SelfAttention(bottom)
        self.lstm = ConvLSTMCell(bottom, bottom)
        # A cell's output is a tenth as loud as the skip connections beside it: unscaled, it would learn nothing.
        self.recall = make_norm(g.norm, bottom)
        ups, below = [], 2 * bottom
        for width in reversed(g.channels[:-1]):
            ups.append(UpBlock(below, width, g.norm, g.dropout if width >= g.channels[-1] // 2 else 0.0, g.activation))
            below = 2 * width
        self.up = nn.ModuleList(ups)
        self.look = SpatialAttention()
        self.flow = (
            None
            if g.flow is None
            else Flow(bottom, known + g.noise_channels + g.audio_channels, config.image.channels, g.flow)
        )
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

    def encode_music(self, mel: Tensor, style: Tensor | None = None) -> Tensor:
        """What the song says at each frame, and in which style to dance it: windows (N, mel_width, N_MELS + BEAT_BANDS)
        and styles (N, 9) to (N, audio_channels, grid, grid). Without a style, real dance's mean.

        It depends on nothing that was danced before, so a whole clip of windows goes through at once.
        """
        features, beat = normalise_mel(mel).transpose(1, 2).split([N_MELS, BEAT_BANDS], 1)
        begins = nn.functional.pad(features.diff(dim=2).relu(), (1, 0))
        music = self.spectrogram(torch.stack([features, 4 * begins], 1), beat)
        return (
            music if self.style is None or style is None else music + self.style(style)[..., None, None].to(music.dtype)
        )

    def _contrast(self, previous: Tensor) -> Tensor:
        """Black as 0 and momentum as a difference, or the few drawn pixels and their motion would drown."""
        channels = self.config.image.channels
        latest, where = previous[:, :channels], previous[:, channels:]
        return torch.cat([latest + 1, 3 * (latest[:, 3:] - where)], 1) if where.shape[1] else latest + 1

    def sample_latent(
        self, previous: Tensor, song: Tensor, noise: Tensor, state: State, real: Tensor | None = None,
        posterior: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The latent of the next frame, (B, noise_channels), and its divergence in nats, (B,).

        noise: (B, noise_channels), standard normal, which the prior shapes by the song and the past. In the rows
        `posterior` (B,) it is drawn from what leads to the image `real` (B, C, S, S) instead.
        """
        if self.latent is None or self.joint_reader is None:
            return noise, torch.zeros(len(noise), device=noise.device)
        known = self.joint_reader(previous)
        motion = None
        if real is not None:
            motion = JointReader.SPEED * (JointReader.places(real[:, 3:]) - known[:, : JointReader.WIDTH // 2])
        context = torch.cat([known, state[0].float().mean((2, 3)), song[:, :, 0, 0].float()], 1)
        return self.latent(context, noise, motion, posterior)

    def forward(self, previous: Tensor, song: Tensor, latent: Tensor, state: State) -> tuple[Tensor, State]:
        x, skips = self._contrast(previous), []
        for block in self.down:
            x = block(x)
            skips.append(x)
        known = [latent.float(), song[:, :, 0, 0].float()]
        sampled = latent.to(x.dtype)[:, :, None, None].expand(-1, -1, self.grid, self.grid)
        if self.joint_reader is not None and self.joint_projection is not None:
            known.append(self.joint_reader(previous))
            x = x + self.joint_projection(known[-1]).to(x.dtype)[:, :, None, None]
        x = self.join(torch.cat([x, song, sampled], 1))
        x = self.attention(self.residual(x))
        x, state = self.lstm(x, state)
        rhythm = x = self.recall(x)
        for block, skip in zip(self.up, reversed(skips), strict=False):
            x = block(torch.cat([x.to(skip.dtype), skip], 1))
        x = self.look(torch.cat([x, skips[0]], 1))
        last = previous[:, : self.config.image.channels]
        if self.flow is not None:
            last = self.flow(rhythm, torch.cat(known, 1), last)
        x = self.sharpen(x)
        return torch.tanh(self.paint(x) + self.remain * last), state


def normalise_mel(mel: Tensor) -> Tensor:
    """Log-mel power (base 10, floor -6) to about -1..1.5; any shape."""
    return mel / 4.0 + 0.5
