"""LoRAs: merged into the networks, where they cost nothing a step, or beside them, where their strength may change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dancegen.errors import ModelError
from dancegen.renderers.film.loading import explained
from dancegen.weights import Located

if TYPE_CHECKING:
    import torch


def merge_loras(pipeline: Any, loras: Iterable[Located]) -> None:
    """Merge LoRAs, each with its weight, into the networks' own weights."""
    for located in loras:
        with explained(located):
            _load(pipeline, located)
            pipeline.fuse_lora(lora_scale=located.ref.weight)
            pipeline.unload_lora_weights()


class LoraStrength:
    """LoRAs beside the weights of a UNet, whose strength is another in each frame."""

    def __init__(self, pipeline: Any, loras: Iterable[Located]) -> None:
        """Load them, each with its weight. Raises ModelError. Nothing may be merged after them."""
        self._now: torch.Tensor | None = None
        weights = {}
        for number, located in enumerate(loras):
            with explained(located):
                name = f"pulsed_{number}"
                _load(pipeline, located, adapter_name=name)
                weights[name] = located.ref.weight
        pipeline.set_adapters(list(weights), list(weights.values()))
        for module in pipeline.unet.modules():
            for layer in getattr(module, "lora_B", {}).values():
                layer.register_forward_hook(self._scaled)

    @contextmanager
    def of(self, frames: torch.Tensor | None) -> Iterator[None]:
        """While the UNet runs on a batch of (B * F) frames: their strengths, (B * F,); None is 1."""
        self._now = frames
        try:
            yield
        finally:
            self._now = None

    def _scaled(self, layer: Any, given: Any, output: torch.Tensor) -> torch.Tensor:
        if self._now is None:
            return output
        each = len(output) // len(self._now)
        strength = self._now.to(output).repeat_interleave(each)
        return output * strength.view(-1, *[1] * (output.ndim - 1))


def _load(pipeline: Any, located: Located, **named: str) -> None:
    pipeline.load_lora_weights(str(located.directory), weight_name=located.files[0], local_files_only=True, **named)
    if not pipeline.get_active_adapters():
        raise ModelError(f"{located.ref.option} {located.ref.text} fits no layer of this base")
