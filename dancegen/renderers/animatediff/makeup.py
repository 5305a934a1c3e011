"""What models are made for, from their configurations, or from the shapes in checkpoints that have none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dancegen.errors import ModelError
from dancegen.files import Shapes
from dancegen.renderers.animatediff import loading
from dancegen.renderers.animatediff.motion_modules import motion_config
from dancegen.weights import Located

FAMILIES = {768: "Stable Diffusion 1", 1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
"""Which models read texts of such a width."""
_LATENT, _PICTURE = 4, 3
"""Channels of Stable Diffusion's latents, and of pictures: what a configuration means that does not say."""


@dataclass(frozen=True)
class Makeup:
    """What a network is made for; None where its files do not say.

    kind: its class in diffusers. text: the width of texts' embeddings. channels: of the latents that it takes. sees: of
    the pictures that lead it. blocks: the widths of its blocks. layers: in each of them. places: frames that it can
    tell apart. factor: by which latents are scaled. family: for which models, where the width of texts does not say it.
    """

    kind: str | None = None
    text: int | None = None
    channels: int | None = None
    sees: int | None = None
    blocks: tuple[int, ...] | None = None
    layers: int | tuple[int, ...] | None = None
    places: int | None = None
    factor: float | None = None
    family: str | None = None

    @property
    def made_for(self) -> str:
        """The family of models, in words, if it is known."""
        return self.family or FAMILIES.get(self.text or 0, "")


def makeup_of(model: Located) -> Makeup:
    """What a model is made for, as far as its files are known. Raises ModelError for a file that cannot be it."""
    configs = model.configs
    role = "controlnet" if model.ref.role == "temporalnet" else model.ref.role
    if role == "base" and configs:
        return _of_config(configs.get("unet/config.json", {}))
    if role in ("vae", "controlnet", "motion-adapter") and configs:
        return _of_config(next(iter(configs.values())))
    shapes = model.shapes()
    readers = {
        "base": _base, "vae": _vae, "controlnet": _controlnet, "motion-adapter": _motion, "ip-adapter": _ip_adapter,
        "lora": _lora, "motion-lora": _lora,
    }  # fmt: skip
    if not shapes or role not in readers:
        return Makeup()
    try:
        return readers[role](shapes)
    except ModelError as error:
        raise ModelError(f"{model.ref.option} {model.name} does not fit: {error}") from error


def _of_config(config: Mapping[str, Any]) -> Makeup:
    kind = config.get("_class_name")
    motion, vae = kind == "MotionAdapter", kind == "AutoencoderKL"
    blocks = config.get("block_out_channels")
    layers = config.get("motion_layers_per_block" if motion else "layers_per_block")
    latent = config.get("latent_channels") if vae else config.get("conv_in_channels" if motion else "in_channels")
    text = config.get("cross_attention_dim")
    xl = config.get("addition_embed_type") == "text_time" or (motion and blocks is not None and len(blocks) == 3)
    return Makeup(
        kind=kind,
        text=text if isinstance(text, int) else None,
        channels=latent or _LATENT,
        sees=config.get("conditioning_channels") or _PICTURE,
        blocks=None if blocks is None else tuple(blocks),
        layers=tuple(layers) if isinstance(layers, list) else layers or 2,
        places=config.get("motion_max_seq_length", 32) if motion else None,
        factor=config.get("scaling_factor", 0.18215) if vae else None,
        family=FAMILIES[2048] if xl else None,
    )


def _base(shapes: Shapes) -> Makeup:
    unet = _under(shapes, "model.diffusion_model.")
    first = unet.get("input_blocks.0.0.weight")
    if first is None:
        raise ModelError("there is no UNet of Stable Diffusion in it, as its authors save it")
    xl = any(name.startswith("conditioner.") for name in shapes)
    return Makeup("UNet2DConditionModel", _text(unet), first[1], family=FAMILIES[2048] if xl else None)


def _controlnet(shapes: Shapes) -> Makeup:
    net = _under(shapes, "control_model.") or shapes
    first = net.get("input_blocks.0.0.weight") or net.get("conv_in.weight")
    hint = net.get("input_hint_block.0.weight") or net.get("controlnet_cond_embedding.conv_in.weight")
    if first is None or hint is None:
        raise ModelError("there is no ControlNet in it")
    return Makeup("ControlNetModel", _text(net), first[1], hint[1])


def _vae(shapes: Shapes) -> Makeup:
    first = _under(shapes, "first_stage_model.") or shapes
    latent = first.get("decoder.conv_in.weight")
    if latent is None:
        raise ModelError("there is no VAE in it")
    return Makeup("AutoencoderKL", channels=latent[1])


def _motion(shapes: Shapes) -> Makeup:
    return _of_config(motion_config(shapes, loading.SD15 / "motion_adapter"))


def _ip_adapter(shapes: Shapes) -> Makeup:
    keys = [
        shape for name, shape in shapes.items() if name.startswith("ip_adapter.") and name.endswith("to_k_ip.weight")
    ]
    if not keys:
        raise ModelError("there is no IP-Adapter in it")
    if any(name.startswith("image_proj.proj.0.") or name.startswith("image_proj.perceiver") for name in shapes):
        raise ModelError("it is an IP-Adapter FaceID, which reads faces by InsightFace and not by pictures")
    return Makeup(text=keys[0][1])


def _lora(shapes: Shapes) -> Makeup:
    """By the text that the layers of cross-attention read, and by the second text encoder, which only XL has."""
    second = any("lora_te2_" in name or name.startswith("text_encoder_2.") for name in shapes)
    down = ("lora_down.weight", "lora_A.weight", "lora.down.weight")
    texts = [
        shape[1]
        for name, shape in shapes.items()
        if "attn2" in name and ("to_k" in name or "to_v" in name) and name.endswith(down) and len(shape) == 2
        and "motion_modules" not in name
    ]  # fmt: skip
    return Makeup(text=texts[0] if texts else None, family=FAMILIES[2048] if second else None)


def _under(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def _text(shapes: Shapes) -> int | None:
    """The width of the text that cross-attention reads."""
    return next((shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight")), None)
