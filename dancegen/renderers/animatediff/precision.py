"""Pictures from latents and back, and what to do where half precision is too narrow for a network's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dancegen.errors import DancegenError, ModelError
from dancegen.renderers.film.finite import NotFinite, check_finite
from dancegen.renderers.film.loading import has_bfloat16

if TYPE_CHECKING:
    import numpy as np
    import torch

    from dancegen.renderers.animatediff.settings import Settings

Parts = Mapping[str, Any]
"""Networks by the name of the option that a model of them is given with."""


def pictures_of(vae: Any, latents: torch.Tensor, device: str) -> np.ndarray:
    """(N, H, W, 3) uint8 RGB of (N, 4, h, w) latents. Raises NotFinite."""
    import torch

    with torch.inference_mode():
        pictures = vae.decode(latents.to(device, vae.dtype) / vae.config.scaling_factor).sample.float()
    check_finite(pictures, "where latents become pictures", decoding=True)
    pictures = ((pictures / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
    return pictures.permute(0, 2, 3, 1).cpu().numpy()


def latents_of(vae: Any, pictures: np.ndarray, device: str) -> torch.Tensor:
    """(N, 4, h, w) latents of (N, H, W, 3) uint8 RGB pictures: the mean of what each may be. Raises NotFinite."""
    import torch

    pixels = torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).to(device, vae.dtype) / 127.5 - 1
    with torch.inference_mode():
        latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    check_finite(latents, "where pictures become latents", decoding=True)
    return latents


def widen(parts: Parts, fault: NotFinite, settings: Settings, device: str) -> str:
    """Let networks compute in numbers of a wider range; returns what was done, in words.

    The VAE in full precision, where only it goes beyond half precision; else all in bfloat16, which reaches as far as
    float32 does. Raises ModelError for weights that are themselves not finite, DancegenError where nothing is wider.
    """
    import torch

    broken = _broken(parts, settings)
    if broken:
        raise ModelError(f"{fault}: {broken}")
    vae = parts["vae"]
    if fault.decoding and vae.dtype != torch.float32:
        vae.to(torch.float32)
        return "the VAE goes on in float32"
    half = any(network.dtype == torch.float16 for network in parts.values() if hasattr(network, "dtype"))
    if not fault.decoding and half and has_bfloat16(device):
        for network in parts.values():
            if network is not vae or vae.dtype == torch.float16:
                network.to(torch.float32 if network is vae else torch.bfloat16)
        return "all goes on in bfloat16, the VAE in float32"
    raise DancegenError(
        f"{fault}, and there is no wider precision on {device} that would help. Most often a LoRA, a --guidance or a "
        "--control-scale is too strong, or a model is made for another one: try without them, another --vae, or "
        "--device cpu"
    )


def _broken(parts: Parts, settings: Settings) -> str:
    """Which model's weights are not finite, if any are, and what to do."""
    import torch

    for role, network in parts.items():
        for layer, weights in network.named_parameters():
            if torch.isfinite(weights).all():
                continue
            role = _role_of(layer) if role == "base" else role
            name = getattr(settings, role, None)
            merged = " (or of a --lora that was merged into it)" if role == "base" and settings.lora else ""
            flag = f"--{role.replace('_', '-')}{'' if name is None else f' {name}'}"
            return f"weights of {flag}{merged} are not numbers, in {layer}: get the model anew, or name another"
    return ""


def _role_of(layer: str) -> str:
    """Where a layer of the UNet with all that was put into it comes from."""
    if "motion_modules" in layer:
        return "motion_adapter"
    return "ip_adapter" if "_ip." in layer or layer.startswith("encoder_hid_proj") else "base"
