"""The models of a film painted with Wan VACE, what is known of them, and whether they fit together."""

from __future__ import annotations

from typing import Any

from dancegen.errors import ModelError
from dancegen.renderers.film.loading import is_checkpoint
from dancegen.renderers.wan_vace.settings import LARGE, LIGHTX2V, LORAS, SELF_FORCING, SMALL, Settings
from dancegen.weights import SINGLE_FILE, Layout, Located, ModelRef, Models, weighted

SECOND = "transformer_2/config.json"
_TOKENIZER = ("special_tokens_map.json", "spiece.model", "tokenizer.json", "tokenizer_config.json")
BASE = Layout(
    networks=(("text_encoder/",), ("transformer/",), ("vae/",)),
    extras=(*(f"tokenizer/{name}" for name in _TOKENIZER), SECOND),
    holds="Wan VACE (text_encoder, tokenizer, transformer and vae) as diffusers saves it",
)
_GIGABYTES = {SMALL: 16.3, LARGE: 46.7, LORAS[SELF_FORCING]: 0.09, LORAS[LIGHTX2V]: 0.63}
_KINDS = {
    "transformer": "WanVACETransformer3DModel", "vae": "AutoencoderKLWan", "text_encoder": "UMT5EncoderModel",
}  # fmt: skip
_SMALL = {
    "num_attention_heads": 12, "attention_head_dim": 128, "ffn_dim": 8960, "num_layers": 30,
    "vace_layers": list(range(0, 30, 2)),
}  # fmt: skip
_LARGE = {
    "num_attention_heads": 40, "attention_head_dim": 128, "ffn_dim": 13824, "num_layers": 40,
    "vace_layers": list(range(0, 40, 5)),
}  # fmt: skip
_UMT5_XXL = {
    "vocab_size": 256384, "d_model": 4096, "d_kv": 64, "num_heads": 64, "d_ff": 10240, "num_layers": 24,
}  # fmt: skip
_SHARE = 8
"""Pixels a side of one latent of Wan 2.1's VAE."""


def references(settings: Settings) -> list[ModelRef]:
    """Every model that a film of these settings needs."""
    loras = (weighted(text, "--lora") for text in settings.merged)
    return [
        ModelRef("base", str(settings.base), BASE, gigabytes=_GIGABYTES.get(str(settings.base).split("@")[0])),
        *(ModelRef("lora", text, SINGLE_FILE, weight, _GIGABYTES.get(text)) for text, weight in loras),
    ]


def config_of(base: Located, part: str) -> dict[str, Any]:
    """A network's configuration: its own where it is here, else that of the published model it is most like."""
    own = base.configs.get(f"{part}/config.json")
    if own is not None:
        return own
    usual = _LARGE if "14b" in base.ref.text.casefold() else _SMALL
    return {"transformer": usual, "text_encoder": _UMT5_XXL, "vae": {}}[part]


def check_fit(models: Models) -> None:
    """ModelError for what cannot work in this film: which, what it is, what is needed, what would fit.

    Models are looked at as far as they are here, or their configurations are.
    """
    base = models.one("base")
    if is_checkpoint(base):
        _refuse(base, "it is one checkpoint file", "all of Wan VACE is needed, as diffusers saves it")
    if SECOND in base.files:
        _refuse(base, "it has two transformers, as Wan 2.2 has", "one is painted with")
    configs = {name.split("/")[0]: said for name, said in base.configs.items()}
    for part, kind in _KINDS.items():
        found = configs.get(part, {}).get("_class_name") or (configs.get(part, {}).get("architectures") or [None])[0]
        if found not in (None, kind) and part != "text_encoder":
            why = ", which is not led by poses" if found == "WanTransformer3DModel" else ""
            _refuse(base, f"its {part} is a {found}{why}", f"a {kind} is needed")
    if not {"transformer", "vae", "text_encoder"} <= set(configs):
        return
    _check_widths(base, *(configs[part] for part in ("transformer", "vae", "text_encoder")))
    for lora in models.all("lora"):
        _check_lora(lora, configs["transformer"], base)


def _check_widths(base: Located, transformer: dict[str, Any], vae: dict[str, Any], text: dict[str, Any]) -> None:
    channels, seen = transformer.get("in_channels", 16), transformer.get("vace_in_channels", 96)
    latent = vae.get("z_dim", 16)
    if vae.get("is_residual"):
        _refuse(base, "its VAE is that of Wan 2.2 5B", "the one of Wan 2.1 is needed")
    if latent != channels:
        _refuse(base, f"its VAE gives {latent} channels", f"its transformer takes {channels}")
    if seen != 2 * latent + _SHARE**2:
        _refuse(base, f"its transformer is led by {seen} channels", f"{2 * latent + _SHARE**2} are given")
    if text.get("d_model", 4096) != transformer.get("text_dim", 4096):
        _refuse(
            base, f"its text encoder gives texts of width {text.get('d_model')}",
            f"its transformer reads {transformer.get('text_dim')}",
        )  # fmt: skip


def _check_lora(lora: Located, transformer: dict[str, Any], base: Located) -> None:
    """A LoRA by the width of what its first layers read."""
    width = transformer.get("num_attention_heads", 40) * transformer.get("attention_head_dim", 128)
    for name, shape in lora.shapes().items():
        query = ".self_attn.q." in name or ".attn1.to_q." in name
        if query and ("lora_down" in name or "lora_A" in name) and shape[1] != width:
            raise ModelError(
                f"{lora.ref.option} {lora.name} does not fit: it is made for layers {shape[1]} wide, and those of "
                f"--base {base.name} are {width}. Take one made for the same base"
            )


def _refuse(base: Located, found: str, needed: str) -> None:
    raise ModelError(
        f"--base {base.name} does not fit: {found}, and {needed}. Take a Wan 2.1 VACE, such as {SMALL} or {LARGE}"
    )
