"""The models of a film painted with AnimateDiff: Stable Diffusion 1.5 and its companions."""

from __future__ import annotations

from dancegen.renderers.animatediff.settings import (
    BASE,
    CONTROLNET,
    DEPTH_CONTROLNET,
    IP_ADAPTER,
    LCM_ADAPTER,
    LCM_LORA,
    LIGHTNING_ADAPTER,
    LIGHTNING_STEPS,
    MOTION_ADAPTER,
    TEMPORALNET,
    VAE,
    Settings,
)
from dancegen.renderers.animatediff.texts import word_of
from dancegen.weights import SINGLE_FILE, Layout, ModelRef, weighted

TOKENIZER = "openai/clip-vit-large-patch14"
IMAGE_ENCODER = "image_encoder"
_TOKENIZER_FILES = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
_NETWORK = Layout(networks=(("",),), half=True)
_LAYOUTS = {
    "base": Layout(
        networks=(("text_encoder/",), ("unet/",)),
        extras=tuple(f"tokenizer/{name}" for name in _TOKENIZER_FILES),
        half=True,
        holds="Stable Diffusion (text_encoder, tokenizer and unet) as diffusers saves it",
    ),
    "tokenizer": Layout(extras=_TOKENIZER_FILES),
    "vae": Layout(networks=(("", "vae/"),), half=True),
    "ip-adapter": Layout(single=True, beside=(IMAGE_ENCODER,), half=True, holds="IP-Adapter"),
    "lora": SINGLE_FILE,
    "motion-lora": SINGLE_FILE,
    "embedding": SINGLE_FILE,
}
_GIGABYTES = {
    BASE: 3.9, VAE: 0.33, MOTION_ADAPTER: 1.8, CONTROLNET: 1.4, DEPTH_CONTROLNET: 1.4, TEMPORALNET: 1.4,
    IP_ADAPTER: 2.6, LCM_ADAPTER: 1.8, LCM_LORA: 0.13, TOKENIZER: 0.002,
    **{LIGHTNING_ADAPTER.format(steps): 0.91 for steps in LIGHTNING_STEPS},
}  # fmt: skip


def reference(role: str, text: str, weight: float = 1.0) -> ModelRef:
    """What a person named for a role, with the files that the role takes."""
    return ModelRef(role, text, _LAYOUTS.get(role, _NETWORK), weight, _GIGABYTES.get(text.split("@")[0]))


def references(settings: Settings) -> list[ModelRef]:
    """Every model that a film of these settings needs."""
    refs = [
        reference("base", settings.base),
        reference("vae", settings.vae),
        reference("motion-adapter", settings.motion_adapter),
        reference("controlnet", settings.controlnet),
    ]
    if settings.depth:
        refs.append(reference("depth-controlnet", settings.depth_controlnet))
    if settings.image is not None:
        refs.append(reference("ip-adapter", settings.ip_adapter))
    if settings.temporal:
        refs.append(reference("temporalnet", settings.temporalnet))
    refs += [reference("embedding", word_of(text)[0]) for text in settings.embedding]
    for role, texts in (("lora", settings.lora), ("motion-lora", settings.motion_lora)):
        refs += [reference(role, *weighted(text, f"--{role}")) for text in texts]
    if refs[0].is_file:
        refs.append(_tokenizer(refs[0]))
    return refs


def _tokenizer(base: ModelRef) -> ModelRef:
    """The tokenizer of a base that is one checkpoint file, which holds none: beside it, or the one of CLIP."""
    beside = None if base.path is None else base.path.parent / "tokenizer"
    return reference("tokenizer", TOKENIZER if beside is None or not beside.is_dir() else str(beside))
