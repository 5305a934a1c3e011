"""Where a training computes: the processes that train one model together, mostly one, and their precision.

Each process learns from its own part of every batch.
Gradients are averaged after `backward`, and not in hooks on `forward` as DistributedDataParallel does it: a generator
is called many times before one backward, by several methods, and beside a discriminator that it must not move. The mean
is the same everywhere, bit for bit, and so the weights stay the same.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from dancegen.choreographers.config import AnyConfig
from dancegen.devices import choose_device, rank_and_world_size
from dancegen.errors import InputError

Item = TypeVar("Item")

_BF16_PROCESSORS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch.cpu has them under these names alone
LONGEST_WAIT = timedelta(days=2)
"""The others wait while the main process validates, or waits for another run's lock; a dead one is noticed sooner."""


@dataclass(frozen=True)
class Processes:
    """How many they are, which of them this is, and where it computes. Alone, every method gives back what it is given.

    All methods but `part` must be called by all processes at the same place.
    """

    device: str = "cpu"
    index: int = 0
    count: int = 1

    @property
    def main(self) -> bool:
        """Whether this one validates, writes and speaks for all."""
        return self.index == 0

    @property
    def alone(self) -> bool:
        return self.count == 1

    def part(self, batch: Sequence[Item]) -> list[Item]:
        """This process's part of a batch; the parts are equal, so the batch's first items may count twice."""
        equal = -(-len(batch) // self.count)
        return [batch[i % len(batch)] for i in range(self.index, equal * self.count, self.count)]

    def seed_for(self, seed: int, step: int) -> int:
        """The seed of a step's random numbers in this process."""
        return seed * 1_000_003 + step + self.index * 7_368_787

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over the processes into the tensors; their shapes are the same everywhere."""
        if self.alone or not tensors:
            return
        from accelerate.utils import reduce

        mean: Any = reduce(torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors]), "mean")
        for tensor, part in zip(tensors, mean.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def mean(self, figures: Mapping[str, float]) -> dict[str, float]:
        """The mean of each figure over the processes."""
        values = [torch.tensor(value, device=self.device) for value in figures.values()] if not self.alone else []
        self.average(values)
        return {name: value.item() for name, value in zip(figures, values, strict=True)} if values else dict(figures)

    def any(self, one: bool) -> bool:
        """Whether any of them says yes."""
        return self.mean({"one": float(one)})["one"] > 0

    def meet(self) -> None:
        """Wait until all are here."""
        self.any(False)

    def agree(self, step: int) -> None:
        """InputError where the processes do not go on from the same step."""
        if self.mean({"step": float(step)})["step"] != step:
            raise InputError("the processes find different checkpoints: put --store on a disk that all machines share")

    def from_main(self, value: Item | None) -> Item:
        """What the main process gives."""
        if self.alone:
            return cast(Item, value)
        from accelerate.utils import broadcast_object_list

        return cast(Item, broadcast_object_list([value])[0])

    def share(self, *networks: nn.Module) -> None:
        """Give all processes the main one's weights."""
        if self.alone:
            return
        from accelerate.utils import broadcast

        for network in networks:
            for value in network.state_dict().values():
                value.copy_(broadcast(value.contiguous()))

    def gather(self, rows: Tensor) -> Tensor:
        """The rows of all processes, this one's number of them each, in the processes' order."""
        if self.alone:
            return rows
        from accelerate.utils import gather

        return cast(Tensor, gather(rows.contiguous()))

    def own(self, rows: Tensor) -> Tensor:
        """This process's part of what `gather` gave, also where that was another number of processes."""
        return rows if self.alone else rows.tensor_split(self.count)[self.index].clone()


ALONE = Processes()
"""One process, on the CPU."""


# Mixed precision: networks compute in bfloat16 where their arithmetic allows it, losses in full precision


def autocast(precision: str, device: str) -> AbstractContextManager:
    """The context in which a network computes, on a device like `cpu` or `cuda:1`."""
    if settled(precision, device) == "fp32":
        return nullcontext()
    return torch.autocast("cuda" if device.startswith("cuda") else "cpu", torch.bfloat16)


def settled(precision: str, device: str) -> str:
    """`auto` made `bf16` where the device computes in it, else `fp32`; anything else as it is.

    Processors without such arithmetic have to emulate it, and train several times slower than in full precision.
    """
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        able = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = device == "cpu" and any(getattr(torch.cpu, name, bool)() for name in _BF16_PROCESSORS)
    return "bf16" if able else "fp32"


def settled_for(config: AnyConfig, processes: Processes) -> AnyConfig:
    """A family's settings with the precision `auto` made the one that the main process's device computes in.

    It is part of the recipe, and all processes must have the same.
    """
    precision = processes.from_main(settled(config.train.precision, processes.device))
    return replace(config, train=replace(config.train, precision=precision))  # pyright: ignore[reportArgumentType]


def join(device: str, precision: str) -> Processes:
    """The processes that this one was launched with. device: `auto`, `cpu`, `cuda` or `mps`.

    InputError where the device is not there, or the launcher was asked for another precision than the training: that is
    one of its settings, for it changes what is learnt.
    """
    chosen = choose_device(device)
    launched = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    if launched not in ("no", settled(precision, chosen)):
        raise InputError(f"--mixed_precision {launched}: dancegen takes --set train.precision=bf16 or fp32 instead")
    if rank_and_world_size()[1] == 1:
        return Processes(chosen)
    # The default arguments of its functions keep the group that is there when it is imported, as any optimiser does
    # later on: the group's threads would then outlive the interpreter, and abort it on its way out.
    import torch.distributed.nn.functional  # noqa: F401
    from accelerate import PartialState

    state = PartialState(cpu=chosen == "cpu", timeout=LONGEST_WAIT)
    atexit.register(state.destroy_process_group)
    placed_on = "cpu" if chosen == "cpu" else str(state.device)  # torch restores nothing to what accelerate calls cpu:0
    return Processes(placed_on, state.process_index, state.num_processes)
