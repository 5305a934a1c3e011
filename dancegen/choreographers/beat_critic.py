"""The beat critic: a network that reads the phase of the beat off a dance alone, so that a choreographer keeps time.

How a body moves next mostly follows from how it moved before, and a discriminator has much else to look at: neither
teaches much about the music. A network that has learnt nothing but the beat, from real dance, does (as the "lip-sync
expert" of Wav2Lip, Prajwal et al., 2020). Each family encodes its own kind of pose for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from dancegen.choreographers.training.guarded_step import GuardedStep
from dancegen.progress import SILENT, Progress

HIGHEST_RATE, WEIGHT_DECAY = 2e-3, 1e-2
Critic = TypeVar("Critic", bound="BeatCritic")


class BeatCritic(nn.Module):
    """Dilated convolutions over time. A subclass encodes poses in `forward` and ends with `read`.

    channels: of an encoded frame. kernel: frames of a convolution. dilations: one for each hidden layer.
    """

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int], width: int = 96):
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, dilation in zip((channels, *[width] * (len(dilations) - 1)), dilations, strict=True):
            padding = dilation * (kernel // 2)
            layers += [nn.Conv1d(inputs, width, kernel, padding=padding, dilation=dilation), nn.LeakyReLU(0.2)]
            layers += [nn.Dropout(0.2)] if dilation > 1 else []
        self.layers: nn.Module = nn.Sequential(*layers, nn.Conv1d(width, 4, 1))

    def read(self, encoded: Tensor) -> Tensor:
        """Encoded frames (B, T, ...) to (B, T, 4): cosine and sine of the beat's phase and of twice that, the
        half-beat's, the smaller the less sure it is."""
        return self.layers(encoded.flatten(2).transpose(1, 2)).transpose(1, 2)

    def pretrain(
        self, loss: Callable[[int], Tensor], steps: int, guarded: GuardedStep, progress: Progress = SILENT
    ) -> None:
        """Learn the beat of real dance: `loss` gives that of a step's batch. It is frozen afterwards."""
        optimiser = torch.optim.AdamW(self.parameters(), HIGHEST_RATE, weight_decay=WEIGHT_DECAY)
        plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, HIGHEST_RATE, total_steps=steps)
        self.requires_grad_(True).train()
        with progress.task("learning the beat of real dance", steps) as advance:
            for step in range(steps):
                error = loss(step)
                guarded.update("beat critic", optimiser, error, {"beat": error})
                guarded.finish(step)
                plan.step()
                advance(1)
        self.freeze()

    def freeze(self: Critic) -> Critic:
        """Ready to judge: what it says of a dance has a gradient to the dance, and none to its own weights."""
        return self.requires_grad_(False).eval()


def beat_error(shown: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Squared distance (...) between the beat that a dance shows (..., 4), as a beat critic reads it, and the music's,
    of whose phase cosine and sine (...) are given. Half for a dance that shows no beat."""
    true = torch.stack([cosine, sine, cosine**2 - sine**2, 2 * cosine * sine], -1)
    return (shown.float() - true).square().mean(-1)
