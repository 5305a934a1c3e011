"""What a window's numbers are divided by."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Scale:
    """What a window's numbers are divided by: mean and spread (127,) of features, mean and spread (S, 2) of liveliness.

    The liveliness of a window is the logarithm of its mean joint speed in body heights a second.
    """

    mean: Tensor
    spread: Tensor
    liveliness: Tensor

    def normalise(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.spread

    def restore(self, features: Tensor) -> Tensor:
        return features * self.spread + self.mean

    def to(self, device: str) -> Scale:
        return Scale(self.mean.to(device), self.spread.to(device), self.liveliness.to(device))
