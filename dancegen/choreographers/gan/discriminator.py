"""The discriminator: is this pose image the next frame of a real dance to this music?"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from dancegen.choreographers.gan.config import GanConfig


class PatchDiscriminator(nn.Module):
    """A PatchGAN (Isola et al., 2017): one logit a patch. `forward` returns every layer's features, logits last."""

    def __init__(self, inputs: int, config: GanConfig):
        super().__init__()
        d = config.discriminator
        widths = (inputs, *d.channels)
        layers = [nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.LeakyReLU(0.2)) for a, b in pairwise(widths)]
        top = d.channels[-1]
        layers += [nn.Sequential(nn.Conv2d(top, top, 3, 1, 1), nn.LeakyReLU(0.2)) for _ in range(d.extra_layers)]
        self.layers = nn.ModuleList([*layers, nn.Conv2d(top, 1, 3, 1, 1)])
        # Without norms, torch's own initialisation leaves a hundredth of the signal after three layers.
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, 0.2)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for layer in self.layers:
            x = layer(x)
            features.append(x)
        return features


class MultiScaleDiscriminator(nn.Module):
    """Two PatchGANs, the second on the average-pooled input (pix2pixHD, Wang et al., 2018).

    image: (B, C, S, S); history: (B, 3 * H, S, S), clean pictures in 0..1 of the poses before it; mel: (B,
    mel_width, bands).
    Returns, for both scales, the features of every layer, the patch logits last.
    """

    def __init__(self, config: GanConfig):
        super().__init__()
        inputs = config.image.channels + 3 * len(config.discriminator.history) + 1
        self.scales = nn.ModuleList(PatchDiscriminator(inputs, config) for _ in range(2))
        self.pool = nn.AvgPool2d(3, 2, 1, count_include_pad=False)

    def forward(self, image: Tensor, history: Tensor, mel: Tensor) -> list[list[Tensor]]:
        song = nn.functional.interpolate(
            mel.transpose(1, 2).unsqueeze(1), size=image.shape[-2:], mode="bilinear", align_corners=False
        )
        # What moves is what a dance is judged by: earlier poses enter as their difference from the image, and black is
        # zero, or the few drawn pixels would drown in it.
        latest = (image[:, :3] + 1) / 2
        moved = history - latest.repeat(1, history.shape[1] // 3, 1, 1)
        x = torch.cat([image + 1, 3 * moved, song], 1)
        return [self.scales[0](x), self.scales[1](self.pool(x))]
