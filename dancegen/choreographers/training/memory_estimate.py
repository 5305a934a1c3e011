"""What a training needs of memory, said before it begins: counted where that is exact, else measured on few clips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from dancegen.choreographers.training.processes import Processes
from dancegen.devices import free_gigabytes
from dancegen.formatting import byte_size
from dancegen.progress import Progress

MOMENTS = 2
"""That Adam keeps of each weight."""
SPARE = 0.9
"""Share of the free memory that may be planned for."""


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes: networks with gradients, optimisers and averages; activations of a batch; the dataset in memory.

    clips: how many a batch has in this process; each: bytes that one more needs.
    """

    networks: int
    activations: int
    data: int
    clips: int
    each: float

    def of_dataset(self, share: float) -> MemoryEstimate:
        """What it is with the whole dataset, of which a share was there when it was measured."""
        return replace(self, data=round(self.data / share))

    def report(self, device: str, progress: Progress) -> None:
        """Say it, with a warning and what to do where it is more than is free."""
        there = free_gigabytes(device) * 1e9
        on_device = self.networks + self.activations
        needed = on_device + (self.data if device == "cpu" else 0)
        progress.say(
            f"memory: about {byte_size(needed)} on {device}: networks and optimisers {byte_size(self.networks)}, "
            f"activations of {self.clips} clips {byte_size(self.activations)}; the dataset {byte_size(self.data)}; "
            f"{byte_size(there)} are free"
        )
        if needed > SPARE * there:
            spare = SPARE * there - (needed - self.each * self.clips)
            fits = int(spare / self.each) if self.each else 0
            advice = f"try --batch {fits}" if fits >= 1 else "one clip a step would not fit: try a smaller --preset"
            progress.warn(f"about {byte_size(needed)} of memory are needed and {byte_size(there)} are free; {advice}")


def say_memory(measure: Callable[[], MemoryEstimate], processes: Processes, progress: Progress) -> None:
    """Say what a training needs before it reads anything large; of several processes, the main one does."""
    if processes.main:
        with progress.task("measuring the memory that the training needs"):
            estimate = measure()
        estimate.report(processes.device, progress)


def networks_bytes(learning: Iterable[nn.Module], averaged: Iterable[nn.Module], frozen: Iterable[nn.Module]) -> int:
    """Of networks that learn with Adam, those of them of which an average is kept, and those that only judge."""
    weights = sum(_bytes(network.parameters()) for network in learning)
    kept = sum(_bytes(network.state_dict().values()) for network in (*averaged, *frozen))
    return weights * (2 + MOMENTS) + kept


def kept_for_backward(call: Callable[[], object], networks: Sequence[nn.Module]) -> int:
    """Bytes that autograd keeps of `call()` until backward, the networks' weights aside.

    It leaves no trace: neither in the networks' running statistics nor in torch's random number generators.
    """
    weights = {_storage(tensor) for network in networks for tensor in network.parameters()}
    statistics = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        if _storage(tensor) not in weights:
            kept[_storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor.detach()

    generators = [torch.cuda.current_device()] if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(generators), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        held = call()
    del held
    for buffer, before in statistics:
        buffer.copy_(before)
    return sum(kept.values())


def growing(measure: Callable[[int], int], count: int) -> tuple[int, float]:
    """Bytes for `count` of something, and for each one more, from what one and two need: `measure(1)`, `measure(2)`.

    What does not grow, like weights cast to half precision, counts once.
    """
    one, two = measure(1), measure(2)
    return round(one + (two - one) * (count - 1)), float(two - one)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
