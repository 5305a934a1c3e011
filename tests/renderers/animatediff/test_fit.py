"""Models that do not fit are refused, by their configurations or first bytes: which, what it is, what would fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from dancegen.errors import ModelError
from dancegen.hub import locate
from dancegen.renderers.animatediff.fit import check_fit
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.settings import CONTROLNET, TEMPORALNET, Settings
from dancegen.weights import Models
from helpers.tiny_animatediff import options, tiny_checkpoint, tiny_ip_adapter, tiny_lora, tiny_models, tiny_temporalnet


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    made = tiny_models(folder)
    return {**options(made), "temporalnet": str(tiny_temporalnet(made, folder / "temporalnet"))}


def check(choices: dict, **more) -> None:
    settings = Settings(temporal=True, **{**choices, **more}).completed()
    check_fit(Models(tuple(locate(ref, offline=True) for ref in references(settings))), settings)


def changed(models: dict, role: str, folder: Path, file: str = "config.json", **said) -> dict:
    """The models with another configuration for one of them."""
    other = shutil.copytree(models[role], folder)
    config = json.loads((other / file).read_text(encoding="utf-8"))
    (other / file).write_text(json.dumps(config | said), encoding="utf-8")
    return {**models, role: str(other)}


CONFIGURATIONS = {
    "a base for inpainting": (
        "base",
        {"file": "unet/config.json", "in_channels": 9},
        "takes 9 channels, as a model for inpainting does, and 4",
    ),
    "Stable Diffusion XL": (
        "base",
        {"file": "unet/config.json", "addition_embed_type": "text_time"},
        "it is Stable Diffusion XL",
    ),
    "Stable Diffusion 2": (
        "base",
        {"file": "unet/config.json", "cross_attention_dim": 1024},
        "it is Stable Diffusion 2",
    ),
    "another text encoder": (
        "base",
        {"file": "text_encoder/config.json", "hidden_size": 24},
        "gives texts of width 24, and its UNet reads 16",
    ),
    "a transformer": (
        "base",
        {"file": "unet/config.json", "_class_name": "FluxTransformer2DModel"},
        "UNet2DConditionModel",
    ),
    "a ControlNet for XL": ("controlnet", {"cross_attention_dim": 2048}, "2048 (Stable Diffusion XL)"),
    "a ControlNet of other channels": ("controlnet", {"conditioning_channels": 1}, "led by pictures of 1 channels"),
    "a ControlNet for inpainting": ("controlnet", {"in_channels": 9}, "it takes 9 channels"),
    "a ControlNet of other widths": (
        "controlnet",
        {"block_out_channels": [8, 32]},
        "blocks are 8, 32 wide, and the base's are 8, 16",
    ),
    "a ControlNet of more layers": (
        "controlnet",
        {"layers_per_block": 2},
        "have 2, 2 layers, and the base's have 1, 1",
    ),
    "a T2I adapter": (
        "controlnet",
        {"_class_name": "T2IAdapter"},
        "its class is T2IAdapter, and ControlNetModel is needed",
    ),
    "TemporalNet2": (
        "temporalnet",
        {"conditioning_channels": 6},
        "TemporalNet2 also wants the optical flow, and 3 are given",
    ),
    "a TemporalNet for XL": ("temporalnet", {"cross_attention_dim": 2048}, "2048 (Stable Diffusion XL)"),
    "a VAE of 16 channels": ("vae", {"latent_channels": 16}, "its latents have 16 channels, and the base's have 4"),
    "the VAE of XL": ("vae", {"scaling_factor": 0.13025}, "scaled by 0.13025, as Stable Diffusion XL's are"),
    "a VAE that halves less": ("vae", {"block_out_channels": [4, 8, 8]}, "it has 3 blocks, and 4 are needed"),
    "a small VAE": (
        "vae",
        {"_class_name": "AutoencoderTiny"},
        "its class is AutoencoderTiny, and AutoencoderKL is needed",
    ),
    "motion modules for XL": (
        "motion_adapter",
        {"block_out_channels": [8, 16, 16]},
        "it is made for Stable Diffusion XL",
    ),
    "motion modules of other widths": ("motion_adapter", {"block_out_channels": [8, 24]}, "blocks are 8, 24 wide"),
    "motion modules of more layers": ("motion_adapter", {"motion_layers_per_block": 2}, "have 2, 2 layers"),
    "PIA": ("motion_adapter", {"conv_in_channels": 9}, "it takes 9 channels, as PIA does"),
}


def test_models_that_fit_are_taken(models):
    check(models)
    check(models, window=32)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_what_a_configuration_says_is_held_against_it(name, models, tmp_path):
    role, said, words = CONFIGURATIONS[name]
    with pytest.raises(ModelError) as refused:
        check(changed(models, role, tmp_path / "other", **said))
    message = str(refused.value)
    assert words in message and message.startswith(f"--{role.replace('_', '-')} other does not fit: "), message
    assert "Take " in message and refused.value.exit_code == 2


def test_what_would_fit_is_named(models, tmp_path):
    with pytest.raises(ModelError, match=f"such as {CONTROLNET}"):
        check(changed(models, "controlnet", tmp_path / "one", cross_attention_dim=2048))
    with pytest.raises(ModelError, match=f"such as {TEMPORALNET}"):
        check(changed(models, "temporalnet", tmp_path / "two", conditioning_channels=6))


def test_a_window_is_as_long_as_the_modules_can_tell_frames_apart(models, tmp_path):
    first = changed(models, "motion_adapter", tmp_path / "v1", motion_max_seq_length=24)
    check(first, window=24)
    with pytest.raises(
        ModelError, match=r"--window 32 is longer .*--motion-adapter v1 .* 24 frames. Choose --window 24"
    ):
        check(first, window=32)


def checkpoint(models: dict, role: str, file: Path, **tensors: tuple[int, ...]) -> dict:
    """The models with one that is a file of such tensors."""
    save_file({name: torch.zeros(shape) for name, shape in tensors.items()}, file)
    return {**models, role: (str(file),) if role == "lora" else str(file)}


UNET, CONTROL, K = "model.diffusion_model.input_blocks", "control_model.", "attn2.to_k.weight"
CHECKPOINTS = {
    "a base for inpainting": (
        "base",
        {f"{UNET}.0.0.weight": (8, 9, 3, 3), f"{UNET}.1.1.{K}": (8, 16)},
        "for inpainting",
    ),
    "Stable Diffusion XL": (
        "base",
        {f"{UNET}.0.0.weight": (8, 4, 3, 3), "conditioner.embedders.0.x": (1,)},
        "Stable Diffusion XL",
    ),
    "Stable Diffusion 2": ("base", {f"{UNET}.0.0.weight": (8, 4, 3, 3), f"{UNET}.1.1.{K}": (8, 1024)}, "Diffusion 2"),
    "a LoRA for a base": (
        "base",
        {"lora_unet_x.lora_down.weight": (4, 8)},
        "there is no UNet of Stable Diffusion in it",
    ),
    "TemporalNet2": (
        "temporalnet",
        {f"{CONTROL}input_blocks.0.0.weight": (8, 4, 3, 3), f"{CONTROL}input_hint_block.0.weight": (4, 6, 3, 3)},
        "pictures of 6 channels",
    ),
    "a ControlNet for XL": (
        "controlnet",
        {"conv_in.weight": (8, 4, 3, 3), "controlnet_cond_embedding.conv_in.weight": (4, 3, 3, 3), f"x.{K}": (8, 2048)},
        "Stable Diffusion XL",
    ),
    "a T2I adapter": ("controlnet", {"body.0.block1.weight": (8, 8, 3, 3)}, "there is no ControlNet in it"),
    "a VAE of 16 channels": ("vae", {"decoder.conv_in.weight": (8, 16, 3, 3)}, "its latents have 16 channels"),
    "a LoRA for XL": ("lora", {"lora_unet_attn2_to_k.lora_down.weight": (4, 2048)}, "2048 (Stable Diffusion XL)"),
    "a LoRA with two encoders": ("lora", {"lora_te2_x.lora_down.weight": (4, 8)}, "it is made for Stable Diffusion XL"),
    "an IP-Adapter for XL": ("ip_adapter", {"ip_adapter.1.to_k_ip.weight": (8, 2048)}, "2048 (Stable Diffusion XL)"),
    "FaceID": (
        "ip_adapter",
        {"ip_adapter.1.to_k_ip.weight": (8, 16), "image_proj.proj.0.weight": (8, 8)},
        "reads faces by InsightFace",
    ),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_what_a_checkpoint_is_made_of_is_held_against_it(name, models, tmp_path):
    role, tensors, words = CHECKPOINTS[name]
    file = tmp_path / "other.safetensors"
    if role == "ip_adapter":
        tiny_ip_adapter({key: Path(path) for key, path in models.items()}, tmp_path)
    if role == "base":
        shutil.copytree(f"{models['base']}/tokenizer", tmp_path / "tokenizer")
    choices = checkpoint(models, role, file, **tensors)
    with pytest.raises(ModelError) as refused:
        check(choices, **({"image": "portrait.png"} if role == "ip_adapter" else {}))
    assert words in str(refused.value) and str(refused.value).startswith(
        f"--{role.replace('_', '-')} other.safetensors"
    )


def test_checkpoints_that_fit_are_taken(models, tmp_path):
    paths = {name: Path(path) for name, path in models.items()}
    whole = tiny_checkpoint(paths, tmp_path / "one" / "whole.safetensors")
    shutil.copytree(f"{models['base']}/tokenizer", whole.parent / "tokenizer")
    loras = [str(tiny_lora(paths, tmp_path / f"{motion}.safetensors", motion=motion)) for motion in (False, True)]
    adapter = tiny_ip_adapter(paths, tmp_path / "ip")
    check(
        {**models, "base": str(whole)},
        lora=loras[:1],
        motion_lora=loras[1:],
        image="portrait.png",
        ip_adapter=str(adapter),
    )


def test_a_file_that_ends_too_early_is_named(models, tmp_path):
    file = tmp_path / "cut.safetensors"
    whole = (Path(models["controlnet"]) / "diffusion_pytorch_model.safetensors").read_bytes()
    file.write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=r"cut.safetensors is damaged: it ends before its tensors do"):
        check({**models, "controlnet": str(file)})
