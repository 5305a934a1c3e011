"""What AnimateDiff's networks take: operations and memory, counted from their configurations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dancegen.hub import quiet_libraries
from dancegen.renderers.animatediff.loading import SD15
from dancegen.renderers.animatediff.motion_modules import motion_config
from dancegen.renderers.animatediff.parts import taken_apart
from dancegen.renderers.animatediff.settings import WINDOW, Settings
from dancegen.renderers.animatediff.thrift import LAYER_PLACES, Thrift, thrift_on
from dancegen.renderers.animatediff.windows import windows
from dancegen.renderers.film.counting import Cost, count, weight_bytes
from dancegen.renderers.film.plan import MARGIN, SPARE
from dancegen.renderers.film.segments import Segment
from dancegen.renderers.film.tiers import Tier, tier_named, tiers_within
from dancegen.weights import CONFIG, Models

if TYPE_CHECKING:
    import torch

    from dancegen.weights import Located

WINDOWS = (WINDOW, 12, 8)
"""Frames of a window, the longest first, that are tried where memory is short."""
TOKENS = 77
"""Of a prompt, as CLIP reads it."""
_PARTS = (("base", "unet"), ("motion-adapter", "motion_adapter"), ("controlnet", "controlnet"), ("vae", "vae"))
"""The networks that are counted: the model each comes in, and its name there."""
_VIT_H = {"hidden_size": 1280, "num_hidden_layers": 32, "intermediate_size": 5120}
"""The image encoder of Stable Diffusion 1.5's IP-Adapters."""


@dataclass(frozen=True)
class FilmCosts:
    """See `film.backend.Costs`."""

    networks: Networks
    settings: Settings
    larger: Networks | None = None

    @property
    def dtype(self) -> str:
        """What the networks compute in."""
        return str(self.networks.dtype).removeprefix("torch.")

    @property
    def about(self) -> str:
        """How many frames are denoised at once, in words."""
        return f"windows of {self.settings.window} frames"

    @property
    def then(self) -> str:
        """The second pass, in words."""
        larger = f"then {self.settings.upscale:g} times as large" if self.settings.upscale else ""
        temporal = "then once more with TemporalNet" if self.settings.temporal else ""
        face = "then the face by itself" if self.settings.refine_face else ""
        return ", ".join(words for words in (larger, face, temporal) if words)

    @property
    def figures(self) -> Mapping[str, object]:
        """The same for scripts."""
        return {"window": self.settings.window, "temporal": self.settings.temporal}

    def peak(self, tier: Tier) -> float:
        """Bytes on the device at the worst moment."""
        sizes = [self.networks] if self.larger is None else [self.networks, self.larger]
        return max(networks.peak(self.settings, thrift_on(tier)) for networks in sizes)

    def operations(self, segments: Sequence[Segment]) -> float:
        """Floating-point operations of both passes."""
        first = sum(self.networks.operations(self.settings, len(segment)) for segment in segments)
        if self.larger is not None:
            again = replace(self.settings, steps=self.settings.larger_steps)
            first += sum(self.larger.operations(again, len(segment)) for segment in segments)
        if self.settings.refine_face:  # a face's square is about as large as a picture
            again = replace(self.settings, steps=self.settings.face_steps)
            first += sum(self.networks.operations(again, len(segment)) for segment in segments)
        if not self.settings.temporal or not segments:
            return first
        return first + (self.larger or self.networks).temporal_operations(self.settings, segments[-1].stop)


def _led(settings: Settings) -> float:
    """How many ControlNets lead, on the average over the steps."""
    spans = [settings.control_span, *([settings.depth_span] if settings.depth else [])]
    return sum(end - start for start, end in spans)


def fitting_window(models: Models, settings: Settings, size: tuple[int, int], vram: str) -> int:
    """Frames of the longest window that `vram` gigabytes hold on any tier; the shortest of `WINDOWS` where none does.

    It goes by the gigabytes that are named and by half precision, not by this machine: a film is the same anywhere.
    """
    import torch

    networks, most = Networks.of(models, torch.float16, size), tier_named(vram).gigabytes * 1e9 * SPARE
    for window in WINDOWS[:-1]:
        asked = replace(settings, window=window)
        if any(networks.peak(asked, thrift_on(tier)) * MARGIN <= most for tier in tiers_within(vram)):
            return window
    return WINDOWS[-1]


class Networks:
    """AnimateDiff's networks on the meta device, and the costs of running them."""

    def __init__(
        self, unet: Any, flat: Any, controlnet: Any, vae: Any, encoders: tuple[int, ...], dtype: torch.dtype,
        latent: tuple[int, int],
    ) -> None:  # fmt: skip
        """unet: with motion modules; flat: without. encoders: bytes of those of the text and, if wanted, a portrait.

        latent: (height, width) of latents.
        """
        self.unet, self.flat, self.controlnet, self.vae = unet, flat, controlnet, vae
        self.encoders, self.dtype, self.latent = encoders, dtype, latent
        self._costs: dict[tuple, Cost] = {}

    @classmethod
    def of(cls, models: Models, dtype: torch.dtype, size: tuple[int, int]) -> Networks:
        """The networks of these models, or as far as those are not here, of Stable Diffusion 1.5."""
        text = _config(models, "base", "text_encoder")
        encoders = [_transformer(text) + text["vocab_size"] * text["hidden_size"]]
        encoders += [_transformer(_image_encoder(model)) for model in models.all("ip-adapter")]
        configs = (_config(models, role, part) for role, part in _PARTS)
        return _networks(
            tuple(json.dumps(config, sort_keys=True) for config in configs),
            tuple(parameters * dtype.itemsize for parameters in encoders), dtype, size,
        )  # fmt: skip

    def operations(self, settings: Settings, frames: int) -> float:
        """Floating-point operations of painting and decoding so many frames in one segment."""
        batch = 2 if settings.guided else 1
        # Once for all windows that see a frame.
        step = _led(settings) * self._control(batch).operations * frames
        for first, stop in windows(frames, settings.window, settings.stride):  # moved, they are on average as many
            step += self._unet(batch, stop - first).operations
        return step * settings.steps + self._decode(1).operations * frames

    def temporal_operations(self, settings: Settings, frames: int) -> float:
        """Floating-point operations of the second pass: every frame by two ControlNets, one by one."""
        from dancegen.renderers.animatediff.temporal import steps_of, still_settings

        batch = 2 if still_settings(settings).guided else 1
        step = 2 * self._control(batch).operations + self._flat(batch).operations
        each = step * steps_of(settings)[1] + self._encode().operations + self._decode(1).operations
        return each * frames

    def peak(self, settings: Settings, thrift: Thrift, *, beside: bool = True) -> float:
        """Bytes on the device at the worst moment: weights, what a window leaves there, and the busiest networks.

        beside: frames are decoded beside the last windows, where all networks stay on the device. There the pictures of
        a whole segment stay, too, behind the ControlNets' first layers; else they are taken a few frames at a time.
        """
        batch = 2 if thrift.together and settings.guided else 1
        controls = 2 if settings.depth else 1
        weights = weight_bytes(self.unet) + controls * weight_bytes(self.controlnet)
        resting = sum(self.encoders) + weight_bytes(self.vae)
        residuals = self._residuals(batch * settings.window)
        control = self._control(min(thrift.control_frames, batch * settings.window)).peak + controls * residuals
        layer_frames = None if settings.pulses("lora") else thrift.layer_frames
        painting = max(control, self._unet(batch, settings.window, layer_frames).peak + residuals)
        decoding = self._decode(thrift.decode_frames).peak
        if thrift.resident:
            busy = painting + decoding if beside else max(painting, decoding)
            return weights + resting + self._embedded(settings) + busy
        return weights + max(painting, weight_bytes(self.vae) + decoding, *self.encoders)

    def _unet(self, batch: int, frames: int, layer_frames: int | None = None) -> Cost:
        sample = batch, self.unet.config.in_channels, frames, *self.latent

        def run() -> Any:
            with taken_apart(self.unet, layer_frames, LAYER_PLACES):
                return self.unet(self._zeros(*sample), 1, encoder_hidden_states=self._prompt_embeds(batch * frames))

        return self._cost(("unet", batch, frames, layer_frames), run)

    def _embedded(self, settings: Settings) -> int:
        """Bytes of the pictures of a whole segment behind the ControlNets' first layers."""
        channels = self.controlnet.config.block_out_channels[0]
        each = channels * self.latent[0] * self.latent[1] * self.dtype.itemsize
        return each * settings.segment * (2 if settings.depth else 1)

    def _flat(self, batch: int) -> Cost:
        sample = batch, self.flat.config.in_channels, *self.latent
        return self._cost(
            ("flat", batch),
            lambda: self.flat(self._zeros(*sample), 1, encoder_hidden_states=self._prompt_embeds(batch)),
        )

    def _control(self, frames: int) -> Cost:
        return self._cost(("control", frames), lambda: self._controlled(frames))

    def _controlled(self, frames: int) -> Any:
        return self.controlnet(
            self._zeros(frames, self.unet.config.in_channels, *self.latent),
            1,
            encoder_hidden_states=self._prompt_embeds(frames),
            controlnet_cond=self._zeros(frames, 3, *self._pixels),
            return_dict=False,
        )

    def _residuals(self, frames: int) -> int:
        import torch

        with torch.inference_mode(), torch.device("meta"):
            down, middle = self._controlled(frames)
        return sum(tensor.numel() * tensor.element_size() for tensor in (*down, middle))

    def _encode(self) -> Cost:
        return self._cost(("encode",), lambda: self.vae.encode(self._zeros(1, 3, *self._pixels)))

    def _decode(self, frames: int) -> Cost:
        latents = frames, self.vae.config.latent_channels, *self.latent
        return self._cost(("vae", frames), lambda: self.vae.decode(self._zeros(*latents)))

    @property
    def _pixels(self) -> tuple[int, int]:
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        return self.latent[0] * factor, self.latent[1] * factor

    def _prompt_embeds(self, batch: int) -> torch.Tensor:
        return self._zeros(batch, TOKENS, self.unet.config.cross_attention_dim)

    def _zeros(self, *shape: int) -> torch.Tensor:
        import torch

        return torch.zeros(*shape, dtype=self.dtype)

    def _cost(self, key: tuple, run: Callable[[], object]) -> Cost:
        if key not in self._costs:
            self._costs[key] = count(run)
        return self._costs[key]


@lru_cache(maxsize=8)  # counting takes seconds, and the next film mostly asks for what the last one asked
def _networks(
    configs: tuple[str, ...], encoders: tuple[int, ...], dtype: torch.dtype, size: tuple[int, int]
) -> Networks:  # fmt: skip
    """The networks of `_PARTS`, each from its configuration in JSON."""
    import torch
    from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel, UNetMotionModel

    kinds: tuple[Any, ...] = UNet2DConditionModel, MotionAdapter, ControlNetModel, AutoencoderKL
    with quiet_libraries(), torch.device("meta"):
        flat, adapter, controlnet, vae = (
            kind.from_config(json.loads(config)) for kind, config in zip(kinds, configs, strict=True)
        )
        unet: Any = UNetMotionModel.from_unet2d(flat, adapter, load_weights=False)
        for network in (unet, flat, controlnet, vae):
            network.to(dtype).requires_grad_(False)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return Networks(unet, flat, controlnet, vae, encoders, dtype, (size[1] // factor, size[0] // factor))


def _config(models: Models, role: str, part: str) -> dict[str, Any]:
    """A network's configuration: the model's own where it is here, else that of Stable Diffusion 1.5."""
    folder = f"{part}/" if role == "base" else ""
    own = [said for name, said in models.one(role).configs.items() if name.startswith(folder)]
    if not own and role == "motion-adapter" and (shapes := models.one(role).shapes()):
        return motion_config(shapes, SD15 / part)
    config = own[0] if own else json.loads((SD15 / part / CONFIG).read_text(encoding="utf-8"))
    return config.get("text_config", config)


def _image_encoder(located: Located) -> dict[str, Any]:
    """The configuration of an IP-Adapter's image encoder: its own where it is here."""
    config = next(iter(located.configs.values()), {})
    return _VIT_H | config.get("vision_config", config)


def _transformer(config: dict[str, Any]) -> int:
    """Parameters of a transformer's layers: each holds four square matrices and two of its intermediate size."""
    width = config["hidden_size"]
    return config["num_hidden_layers"] * width * (4 * width + 2 * config["intermediate_size"])
