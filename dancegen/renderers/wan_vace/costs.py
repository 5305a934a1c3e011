"""What Wan VACE's networks take: operations and memory, counted from their configurations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dancegen.hub import quiet_libraries
from dancegen.renderers.film.counting import Cost, count, weight_bytes
from dancegen.renderers.film.segments import Segment
from dancegen.renderers.film.tiers import Tier
from dancegen.renderers.wan_vace.models import config_of
from dancegen.renderers.wan_vace.settings import TOGETHER, Settings
from dancegen.renderers.wan_vace.texts import TOKENS
from dancegen.renderers.wan_vace.thrift import thrift_on
from dancegen.renderers.wan_vace.vae import SHARE, decode, encode
from dancegen.weights import Models

if TYPE_CHECKING:
    import torch

_COUNTED = 3
"""Pieces of a video after which the VAE's memory grows no more, but for the pictures themselves."""


@dataclass(frozen=True)
class FilmCosts:
    """See `film.backend.Costs`."""

    networks: Networks
    settings: Settings

    @property
    def dtype(self) -> str:
        """What the networks compute in."""
        return str(self.networks.dtype).removeprefix("torch.")

    @property
    def about(self) -> str:
        """How many frames are denoised at once, in words."""
        return f"segments of {self.settings.segment} frames"

    @property
    def then(self) -> str:
        """Nothing follows the painting."""
        return ""

    @property
    def figures(self) -> Mapping[str, object]:
        """For scripts."""
        return {"segment": self.settings.segment, "shift": self.settings.shift}

    def peak(self, tier: Tier) -> float:
        """Bytes on the device at the worst moment."""
        thrift, nets = thrift_on(tier), self.networks
        transformer, vae = weight_bytes(nets.transformer), weight_bytes(nets.vae)
        latents = latents_of(self.settings.segment) + self.pictures
        painting = nets.painting(latents).peak + (nets.largest_moment if thrift.streamed else transformer)
        pictures = max(nets.decoding(thrift.strips).peak, nets.encoding(thrift.strips).peak)
        reading = nets.text_encoder if thrift.reads_here else 0
        if thrift.resident:
            return max(reading, transformer + vae + max(painting - transformer, pictures))
        return max(reading, painting, vae + pictures)

    def operations(self, segments: Sequence[Segment]) -> float:
        """Floating-point operations of all segments."""
        passes = self.settings.steps * (2 if self.settings.guided else 1)
        total = 0.0
        for segment in segments:
            latents = latents_of(len(segment))
            total += passes * self.networks.painting_operations(latents + self.pictures)
            total += latents * (2 * self.networks.encoding(1).operations + self.networks.decoding(1).operations)
        return total

    @property
    def pictures(self) -> int:
        """Latents of pictures to take looks from."""
        return len(self.settings.looks) + (self.settings.image is not None)


class Networks:
    """Wan VACE's networks on the meta device, and the costs of running them.

    text_encoder: its bytes. latent: (height, width) of latents.
    """

    def __init__(
        self, transformer: Any, vae: Any, text_encoder: int, dtype: torch.dtype, latent: tuple[int, int]
    ) -> None:
        self.transformer, self.vae, self.text_encoder = transformer, vae, text_encoder
        self.dtype, self.latent = dtype, latent
        self._costs: dict[tuple, Cost] = {}

    @classmethod
    def of(cls, models: Models, dtype: torch.dtype, size: tuple[int, int]) -> Networks:
        """The networks of these models, or as far as those are not here, of the published ones."""
        base = models.one("base")
        configs = (config_of(base, part) for part in ("transformer", "vae", "text_encoder"))
        return _networks(tuple(json.dumps(each, sort_keys=True) for each in configs), dtype, size)

    def painting(self, latents: int) -> Cost:
        """One pass of the transformer over so many latents of frames and pictures.

        Its blocks are alike: a few are counted, and what each more of either kind adds. What VACE's blocks say stays
        until it is used.
        """
        few, deeper, led = (self._count_few(latents, *depth) for depth in ((2, 1), (3, 1), (2, 2)))
        blocks, vace = len(self.transformer.blocks), len(self.transformer.vace_blocks)
        operations = (
            few.operations
            + (blocks - 2) * (deeper.operations - few.operations)
            + (vace - 1) * (led.operations - few.operations)
        )
        kept = self._width * latents * self._places * self.dtype.itemsize
        return Cost(operations, few.peak + (vace - 1) * kept)

    def _count_few(self, latents: int, blocks: int, vace: int) -> Cost:
        """The same with so many of its blocks, and of those that are led."""
        config = self.transformer.config

        def run() -> Any:
            few = _transformer({**config, "num_layers": blocks, "vace_layers": list(range(vace))}, self.dtype)
            return count(
                lambda: few(
                    self._zeros(1, config.in_channels, latents, *self.latent), timestep=self._zeros(1),
                    encoder_hidden_states=self._zeros(1, TOKENS, config.text_dim),
                    control_hidden_states=self._zeros(1, config.vace_in_channels, latents, *self.latent),
                    return_dict=False,
                )
            )  # fmt: skip

        return self._once(("painting", latents, blocks, vace), run)

    def painting_operations(self, latents: int) -> float:
        """The same operations, worked out from one count: attention grows with the square."""
        blocks = len(self.transformer.blocks) + len(self.transformer.vace_blocks)

        def attention(number: int) -> float:
            return 4.0 * blocks * self._width * (number * self._places) ** 2

        return (self.painting(2).operations - attention(2)) * latents / 2 + attention(latents)

    @property
    def _width(self) -> int:
        """Of the transformer's layers."""
        return self.transformer.config.num_attention_heads * self.transformer.config.attention_head_dim

    @property
    def _places(self) -> int:
        """What the transformer sees of one latent of frames."""
        _, high, wide = self.transformer.config.patch_size
        return (self.latent[0] // high) * (self.latent[1] // wide)

    def decoding(self, strips: int) -> Cost:
        """Operations of one more latent of frames, taken whole, and the most memory in strips."""
        shape = self.vae.config.z_dim, *self.latent

        def run(latents: int, strips: int) -> Any:
            return decode(
                self.vae, self._wide(1, shape[0], latents, *shape[1:]), strips=strips, keep="meta"
            )  # fmt: skip

        return self._one_more("decoding", strips, run)

    def encoding(self, strips: int) -> Cost:
        """The same of making latents."""
        height, width = (side * SHARE for side in self.latent)

        def run(latents: int, strips: int) -> Any:
            video = self._wide(1, 3, TOGETHER * latents - 3, height, width)
            return encode(self.vae, video, device="meta", strips=strips)

        return self._one_more("encoding", strips, run)

    @property
    def largest_moment(self) -> int:
        """Bytes of the transformer on the device where its blocks come one by one: the two largest, and the rest."""
        blocks = [weight_bytes(each) for each in (*self.transformer.blocks, *self.transformer.vace_blocks)]
        return weight_bytes(self.transformer) - sum(blocks) + 2 * max(blocks)

    def _one_more(self, name: str, strips: int, run: Any) -> Cost:
        if strips > 1:
            whole = self._one_more(name, 1, run)
            most = self._once((name, strips), lambda: count(lambda: run(_COUNTED, strips)))
            return Cost(whole.operations, most.peak)
        fewer, more = (
            self._once((name, 1, latents), lambda latents=latents: count(lambda: run(latents, 1)))
            for latents in (_COUNTED - 1, _COUNTED)
        )
        return Cost(more.operations - fewer.operations, more.peak)

    def _zeros(self, *shape: int) -> torch.Tensor:
        import torch

        return torch.zeros(*shape, dtype=self.dtype)

    def _wide(self, *shape: int) -> torch.Tensor:
        import torch

        return torch.zeros(*shape, dtype=torch.float32)

    def _once(self, key: tuple, run: Callable[[], Cost]) -> Cost:
        if key not in self._costs:
            self._costs[key] = run()
        return self._costs[key]


def latents_of(frames: int) -> int:
    """How many latents so many frames have, the last ones held until they are 4n+1."""
    return 1 + -(-(frames - 1) // TOGETHER)


def _transformer(config: Mapping[str, Any], dtype: torch.dtype) -> Any:
    import torch
    from diffusers import WanVACETransformer3DModel

    with quiet_libraries(), torch.device("meta"):
        network: Any = WanVACETransformer3DModel.from_config(dict(config))
        return network.to(dtype).requires_grad_(False)


@lru_cache(maxsize=4)  # counting takes seconds, and the next film mostly asks for what the last one asked
def _networks(configs: tuple[str, ...], dtype: torch.dtype, size: tuple[int, int]) -> Networks:
    """From the configurations in JSON of transformer, VAE and text encoder."""
    import torch
    from diffusers import AutoencoderKLWan

    transformer_config, vae_config, text = (json.loads(each) for each in configs)
    transformer = _transformer(transformer_config, dtype)
    with quiet_libraries(), torch.device("meta"):
        vae: Any = AutoencoderKLWan.from_config(vae_config)
        vae.requires_grad_(False)
    width, inner = text["d_model"], text["num_heads"] * text["d_kv"]
    layer = 4 * width * inner + 3 * width * text["d_ff"]
    parameters = text["vocab_size"] * width + text["num_layers"] * layer
    return Networks(
        transformer, vae, parameters * dtype.itemsize, dtype, (size[1] // SHARE, size[0] // SHARE)
    )  # fmt: skip
