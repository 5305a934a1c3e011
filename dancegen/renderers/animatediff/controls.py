"""What ControlNets make of a scene: each is shown pictures of its own, from one step to another, with a strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np

from dancegen.renderers.animatediff.settings import Settings

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ControlNet:
    """A network, and how it leads. embed: its first layers, which see each picture once and not once a step.

    bgr: whether it was taught pictures with red and blue exchanged. span: from which share of the steps to which.
    """

    network: Any
    embed: Any
    bgr: bool
    scale: float
    span: tuple[float, float]

    def of(
        self, pictures: np.ndarray, strength: np.ndarray | None, *, device: str, dtype: torch.dtype, together: int,
        keep: str,
    ) -> Control:  # fmt: skip
        """It and (F, H, W, 3) uint8 RGB pictures, embedded so many `together` and kept on the device `keep`.

        strength: (F,), by how much its scale is multiplied in each frame; None is 1.
        """
        import torch

        shown = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2)
        shown = shown.flip(1) if self.bgr else shown
        parts = [self.embed(some.to(device, dtype) / 255).to(keep) for some in shown.split(together)]
        return Control(self, torch.cat(parts), None if strength is None else torch.from_numpy(strength))


@dataclass(frozen=True)
class Control:
    """A ControlNet, and (F, C, h, w) pictures behind its first layers; (F,) by how much its scale is multiplied."""

    net: ControlNet
    pictures: torch.Tensor
    strength: torch.Tensor | None = None

    def part(self, frames: slice) -> Control:
        """Of some frames."""
        strength = None if self.strength is None else self.strength[frames]
        return replace(self, pictures=self.pictures[frames], strength=strength)

    def acts(self, step: int, steps: int) -> bool:
        """Whether it leads in a step of so many, as diffusers' `control_guidance_start` and `_end` have it."""
        start, end = self.net.span
        return not (step / steps < start or (step + 1) / steps > end) and self.net.scale > 0

    def residuals(
        self, sample: torch.Tensor, t: torch.Tensor, prompt_embeds: torch.Tensor, together: int
    ) -> list[torch.Tensor]:
        """What it adds to the UNet going down, and last in its middle, computed so many frames `together`.

        sample: (B * F, 4, h, w), prompt_embeds: (B * F, tokens, D).
        """
        import torch

        times = len(sample) // len(self.pictures)
        pictures, scale = self.pictures.repeat(times, 1, 1, 1), torch.full((len(sample),), self.net.scale)
        if self.strength is not None:
            scale = scale * self.strength.repeat(times).cpu()
        scale = scale.to(sample).view(-1, 1, 1, 1)
        parts = [
            self.net.network(
                sample[some], t, encoder_hidden_states=prompt_embeds[some],
                controlnet_cond=pictures[some].to(sample.device), conditioning_scale=scale[some], return_dict=False,
            )
            for some in chunks(len(sample), together)
        ]  # fmt: skip
        return [torch.cat(each) for each in zip(*((*down, middle) for down, middle in parts), strict=True)]


def controls_of(pipeline: Any, settings: Settings) -> tuple[ControlNet, ...]:
    """The ControlNets of a pipeline: that of poses, and where it is asked for, that of depth."""
    import torch

    found = []
    ways = (settings.control_scale, settings.control_span), (settings.depth_scale, settings.depth_span)
    for network, (scale, span) in zip(getattr(pipeline.controlnet, "nets", [pipeline.controlnet]), ways, strict=False):
        bgr = network.config.controlnet_conditioning_channel_order == "bgr"
        network.register_to_config(controlnet_conditioning_channel_order="rgb")
        found.append(ControlNet(network, network.controlnet_cond_embedding, bgr, scale, span))
        network.controlnet_cond_embedding = torch.nn.Identity()
    return tuple(found)


def together(controls: Sequence[Control], *call: Any) -> list[torch.Tensor]:
    """The sum of what all of them add, [] where there is none; see `Control.residuals`."""
    each = [control.residuals(*call) for control in controls]
    return [reduce(add, parts) for parts in zip(*each, strict=True)]


def chunks(total: int, size: int) -> list[slice]:
    """So many frames, a few at a time."""
    return [slice(first, first + size) for first in range(0, total, size)]
