"""Whether a film's models fit together, before anything large is downloaded or painted."""

from __future__ import annotations

from typing import Any

from dancegen.errors import ModelError
from dancegen.renderers.animatediff.makeup import FAMILIES, Makeup, makeup_of
from dancegen.renderers.animatediff.settings import (
    BASE,
    CONTROLNET,
    DEPTH_CONTROLNET,
    IP_ADAPTER,
    MOTION_ADAPTER,
    TEMPORALNET,
    VAE,
    Settings,
)
from dancegen.weights import Located, Models

_LATENT, _PICTURE, _SCALE = 4, 3, 0.18215
_BLOCKS_OF_VAE = 4
"""Each but the first halves the sides of a picture: latents are an eighth as wide."""
_CONTROLNETS = ("controlnet", "depth-controlnet", "temporalnet")
_KINDS = {
    "base": "UNet2DConditionModel", "vae": "AutoencoderKL", "controlnet": "ControlNetModel",
    "temporalnet": "ControlNetModel", "depth-controlnet": "ControlNetModel", "motion-adapter": "MotionAdapter",
}  # fmt: skip
_INSTEAD = {
    "base": f"a model made from Stable Diffusion 1.5, such as {BASE}",
    "vae": f"a VAE of Stable Diffusion 1.5, such as {VAE}",
    "controlnet": f"a ControlNet made for the same base, such as {CONTROLNET} for Stable Diffusion 1.5",
    "depth-controlnet": f"a ControlNet made for the same base, such as {DEPTH_CONTROLNET} for Stable Diffusion 1.5",
    "temporalnet": f"a ControlNet of 3 channels made for the same base, such as {TEMPORALNET} for Stable Diffusion 1.5",
    "motion-adapter": f"AnimateDiff's modules for the same base, such as {MOTION_ADAPTER} for Stable Diffusion 1.5",
    "ip-adapter": f"one made for the same base, such as {IP_ADAPTER} for Stable Diffusion 1.5",
    "lora": "one made for the same base",
    "motion-lora": "one made for the same base",
}


def check_fit(models: Models, settings: Settings) -> None:
    """ModelError for the first model that cannot work in this film: which, what it is, what is needed, what would fit.

    Models are looked at as far as they are here, or their configurations are; what is not known is not held against
    them.
    """
    base = models.one("base")
    made = makeup_of(base)
    _check_kind(base, made)
    if made.family == FAMILIES[2048] or made.text in (1024, 2048):
        _refuse(base, f"it is {made.made_for}", "AnimateDiff and ControlNet are taken for Stable Diffusion 1.5")
    if made.channels not in (None, _LATENT):
        why = ", as a model for inpainting does" if made.channels == 9 else ""
        _refuse(base, f"it takes {made.channels} channels{why}", f"{_LATENT} are needed")
    _check_text_encoder(base, made)
    for model in models.located:
        if model.ref.role in _INSTEAD and model is not base:
            _check(model, makeup_of(model), base, made, settings)


def _check(model: Located, own: Makeup, base: Located, made: Makeup, settings: Settings) -> None:
    role = model.ref.role
    _check_kind(model, own)
    if own.family not in (None, made.family):
        _refuse(model, f"it is made for {own.family}", f"--base {base.name} is not")
    if own.text is not None and made.text is not None and own.text != made.text:
        ours, theirs = (_of_width(each) for each in (made, own))
        _refuse(model, f"it reads texts of width {theirs}", f"those of --base {base.name} have {ours}")
    if role in _CONTROLNETS:
        if own.sees not in (None, _PICTURE):
            why = ": TemporalNet2 also wants the optical flow" if own.sees == 6 and role == "temporalnet" else ""
            _refuse(model, f"it is led by pictures of {own.sees} channels{why}", f"{_PICTURE} are given")
        if own.channels not in (None, _LATENT):
            _refuse(model, f"it takes {own.channels} channels", f"{_LATENT} are given")
    if role in (*_CONTROLNETS, "motion-adapter"):
        if None not in (own.blocks, made.blocks) and own.blocks != made.blocks:
            _refuse(model, f"its blocks are {_wide(own.blocks)} wide", f"the base's are {_wide(made.blocks)}")
        if None not in (own.layers, made.layers) and _each(own) != _each(made):
            _refuse(model, f"its blocks have {_wide(_each(own))} layers", f"the base's have {_wide(_each(made))}")
    if role == "motion-adapter":
        _check_motion(model, own, settings)
    if role == "vae":
        _check_vae(model, own)


def _check_motion(model: Located, own: Makeup, settings: Settings) -> None:
    if own.channels not in (None, _LATENT):
        _refuse(
            model, f"it takes {own.channels} channels, as PIA does, which animates a picture", f"{_LATENT} are given"
        )
    if own.places is not None and settings.window > own.places:
        raise ModelError(
            f"--window {settings.window} is longer than what --motion-adapter {model.name} can tell apart: "
            f"{own.places} frames. Choose --window {own.places} or fewer, or modules for more frames, such as "
            f"{MOTION_ADAPTER} (32)"
        )


def _check_vae(model: Located, own: Makeup) -> None:
    if own.channels not in (None, _LATENT):
        _refuse(model, f"its latents have {own.channels} channels", f"the base's have {_LATENT}")
    if own.blocks is not None and len(own.blocks) != _BLOCKS_OF_VAE:
        _refuse(model, f"it has {len(own.blocks)} blocks", f"{_BLOCKS_OF_VAE} are needed")
    if own.factor is not None and abs(own.factor - _SCALE) > 1e-3:
        why = ", as Stable Diffusion XL's are" if abs(own.factor - 0.13025) < 1e-3 else ""
        _refuse(model, f"its latents are scaled by {own.factor:g}{why}", f"the base's are by {_SCALE}")


def _check_text_encoder(base: Located, made: Makeup) -> None:
    encoder = base.configs.get("text_encoder/config.json", {})
    width = encoder.get("text_config", encoder).get("hidden_size")
    if None not in (width, made.text) and width != made.text:
        _refuse(base, f"its text encoder gives texts of width {width}", f"its UNet reads {made.text}")


def _check_kind(model: Located, own: Makeup) -> None:
    wanted = _KINDS.get(model.ref.role)
    if None not in (wanted, own.kind) and own.kind != wanted:
        _refuse(model, f"its class is {own.kind}", f"{wanted} is needed")


def _refuse(model: Located, found: str, needed: str) -> None:
    raise ModelError(
        f"{model.ref.option} {model.name} does not fit: {found}, and {needed}. Take {_INSTEAD[model.ref.role]}"
    )


def _of_width(makeup: Makeup) -> str:
    return f"{makeup.text}{makeup.made_for and f' ({makeup.made_for})'}"


def _each(makeup: Makeup) -> tuple[int, ...]:
    """Layers of each block."""
    layers: Any = makeup.layers
    return tuple(layers) if isinstance(layers, tuple) else (layers,) * len(makeup.blocks or (0,))


def _wide(numbers: Any) -> str:
    return ", ".join(str(number) for number in numbers)
