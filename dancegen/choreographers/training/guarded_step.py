"""Optimiser steps that spoil nothing: one whose loss or gradient is not finite is left out, with a warning."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor, nn

from dancegen.choreographers.training.processes import Processes
from dancegen.errors import TrainingError
from dancegen.progress import SILENT, Progress

PATIENCE = 5
"""Training steps in a row that may be left out before the training gives up."""


class GuardedStep:
    """The optimisers' steps of a training. A training step is all updates between two calls of `finish`.

    Of several processes, all take the same step, down the mean of their gradients, or none does. networks: those whose
    running statistics a bad batch must not spoil either. advice: what to try, for the error.
    """

    def __init__(
        self, networks: Iterable[nn.Module], processes: Processes, progress: Progress = SILENT, advice: str = ""
    ):
        self.processes, self.progress, self.advice = processes, progress, advice
        self.statistics = [b for n in networks for b in n.buffers() if b.is_floating_point()]
        self.start()

    def start(self, skipped: int = 0) -> None:
        """From the weights as they are now, after so many steps that were left out before."""
        self.skipped, self.in_a_row, self.fault = skipped, 0, ""
        self.before = [b.clone() for b in self.statistics]

    def update(
        self, what: str, optimiser: torch.optim.Optimizer, total: Tensor, terms: Mapping[str, Tensor],
        clip: float = math.inf,
    ) -> dict[str, float]:  # fmt: skip
        """One update of `what` down `total`, its gradient's norm shortened to `clip`; returns the terms as numbers.

        Where a term or the gradient is not finite, the weights stay as they are.
        """
        found = self.processes.mean({name: term.item() for name, term in terms.items()})
        wrong = [f"the loss {name}" for name, value in found.items() if not math.isfinite(value)]
        if not wrong:
            optimiser.zero_grad(set_to_none=True)
            total.backward()  # never through nan: some kernels take it for an address
            weights = [weight for group in optimiser.param_groups for weight in group["params"]]
            self._average(weights)
            norm = torch.nn.utils.clip_grad_norm_(weights, clip)
            wrong = [] if math.isfinite(norm) else [f"the gradient of the {what}"]
        if wrong:
            self.fault = self.fault or wrong[0]
        else:
            optimiser.step()
        return found

    def finish(self, step: int) -> bool:
        """The training step is over: whether all its updates were made.

        Raises TrainingError at the last of PATIENCE steps in a row that were not.
        """
        if not self.fault:
            self.in_a_row = 0
            self.processes.average(self.statistics)
            for kept, value in zip(self.before, self.statistics, strict=True):
                kept.copy_(value)
            return True
        for kept, value in zip(self.before, self.statistics, strict=True):
            value.copy_(kept)
        self.skipped += 1
        self.in_a_row += 1
        fault, self.fault = self.fault, ""
        if self.in_a_row >= PATIENCE:
            raise TrainingError(f"step {step}: {fault} is not finite, {PATIENCE} steps in a row; {self.advice}")
        self.progress.warn(f"step {step}: {fault} is not finite, so the step was left out ({self.skipped} so far)")
        return False

    def _average(self, weights: Iterable[nn.Parameter]) -> None:
        """The gradients' mean over the processes, where a weight that one of them did not use counts as 0."""
        if self.processes.alone:
            return
        for weight in weights:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        self.processes.average([weight.grad for weight in weights if weight.grad is not None])

    def check(self, step: int, *networks: Mapping[str, Tensor]) -> None:
        """TrainingError where weights have grown beyond what a model's file holds, which is half precision."""
        for name, value in chain.from_iterable(weights.items() for weights in networks):
            if value.is_floating_point() and not value.half().isfinite().all():
                raise TrainingError(f"step {step}: the weights {name} have grown beyond all bounds; {self.advice}")


def advice(learning_rate: float, precision: str, best: Path) -> str:
    """What to try where a training has left the finite. best: the directory of the best model so far."""
    exact = " or --set train.precision=fp32," if precision == "bf16" else ""
    return (
        f"no file was spoilt; try a lower --learning-rate (this was {learning_rate:g}),{exact} and go on from the best "
        f"model so far with --init {best}, where there is one"
    )
