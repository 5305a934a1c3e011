"""A network rebuilt from a model's settings and weights, which may come from anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch.overrides import TorchFunctionMode

from dancegen.errors import ModelError

Network = TypeVar("Network", bound=torch.nn.Module)


def rebuilt(make: Callable[[], Network], weights: Mapping[str, torch.Tensor], path: Path) -> Network:
    """The network that `make` builds, with these weights as float32.

    It is built without memory first, so that settings which ask for another network than the weights belong to, or for
    an enormous one, take none. path: of the weights, for the message. Raises ModelError where they do not fit together.
    """
    try:
        with _WithoutMemory():
            wanted = {name: tensor.shape for name, tensor in make().state_dict().items()}
    except Exception as error:  # a network can be impossible in as many ways as it has settings
        raise ModelError(f"{path.parent} describes no network that can be built: {error}") from None
    there = {name: tensor.shape for name, tensor in weights.items()}
    odd = sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
    if odd:
        raise ModelError(f"{path} does not fit the architecture in its config.json: {_compared(odd, wanted, there)}")
    network = make()
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    if not all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values()):
        raise ModelError(f"{path} is damaged: it holds weights that are not finite")
    return network


class _WithoutMemory(TorchFunctionMode):
    """Within, what networks reserve for their weights takes no memory, and nobody fills it.

    All else is as ever. With `torch.device("meta")` alone, which fills and computes what is not there, torch loads its
    compiler for that, more than a second long.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        given = dict(kwargs or {})
        if function is torch.empty:
            return function(*args, **{**given, "device": "meta"})
        if getattr(function, "__module__", None) == torch.nn.init.__name__ or function in _FILLS:
            filled = args[0] if args else given["tensor"]
            if filled.is_meta:
                return filled
        return function(*args, **given)


_FILLS = (torch.Tensor.fill_, torch.Tensor.zero_, torch.Tensor.normal_, torch.Tensor.uniform_)


def _compared(odd: list[str], wanted: Mapping[str, torch.Size], there: Mapping[str, torch.Size]) -> str:
    name = odd[0]
    said = {key: "none" if shape is None else "x".join(map(str, shape)) or "one number"
            for key, shape in (("wanted", wanted.get(name)), ("there", there.get(name)))}  # fmt: skip
    more = f", and {len(odd) - 1} more" if len(odd) > 1 else ""
    return f"{name} should be {said['wanted']} and is {said['there']}{more}"
