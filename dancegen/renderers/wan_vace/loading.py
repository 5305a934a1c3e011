"""The networks of Wan VACE from located models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dancegen.errors import ModelError
from dancegen.hub import quiet_libraries
from dancegen.renderers.film.loading import explained, has_bfloat16, variant_of
from dancegen.renderers.wan_vace.settings import Settings
from dancegen.weights import Models

if TYPE_CHECKING:
    import torch


def wan_dtype(device: str) -> torch.dtype:
    """bfloat16, as Wan was trained in, where the device computes in it by itself."""
    import torch

    if device == "cpu":
        return torch.float32
    return torch.bfloat16 if has_bfloat16(device) else torch.float16


def load_transformer(models: Models, dtype: torch.dtype) -> Any:
    """The transformer in main memory, LoRAs merged in. Raises ModelError.

    It is loaded in its type, not converted: some of its layers stay in float32.
    """
    from diffusers import WanVACEPipeline, WanVACETransformer3DModel

    base = models.one("base")
    with quiet_libraries():
        with explained(base):
            transformer = WanVACETransformer3DModel.from_pretrained(
                base.directory / "transformer", torch_dtype=dtype, **variant_of(base, "transformer/")
            )
        nothing: Any = None
        pipeline: Any = WanVACEPipeline(
            nothing, nothing, vae=nothing, scheduler=nothing, transformer=transformer  # type: ignore[arg-type]
        )  # fmt: skip
        for lora in models.all("lora"):
            with explained(lora):
                pipeline.load_lora_weights(
                    str(lora.directory), weight_name=lora.files[0], local_files_only=True
                )  # fmt: skip
                if not pipeline.get_active_adapters():
                    raise ModelError(f"{lora.ref.option} {lora.ref.text} fits no layer of this base")
                pipeline.fuse_lora(components=["transformer"], lora_scale=lora.ref.weight)
                pipeline.unload_lora_weights()
    return pipeline.transformer.requires_grad_(False).eval()


def load_vae(models: Models) -> Any:
    """The VAE in main memory, in float32: in half precision colours drift more. Raises ModelError."""
    import torch
    from diffusers import AutoencoderKLWan

    base = models.one("base")
    with quiet_libraries(), explained(base):
        vae = AutoencoderKLWan.from_pretrained(
            base.directory / "vae", torch_dtype=torch.float32, **variant_of(base, "vae/")
        )
    return vae.requires_grad_(False).eval()


def make_scheduler(settings: Settings) -> Any:
    """The sampler: UniPC (Zhao et al. 2023) or Euler's method, on the straight flow that Wan was trained on."""
    import diffusers

    if settings.sampler == "euler":
        return diffusers.FlowMatchEulerDiscreteScheduler(shift=settings.shift)  # type: ignore[arg-type]
    return diffusers.UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=settings.shift  # type: ignore[arg-type]
    )  # fmt: skip
