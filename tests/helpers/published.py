"""The usual models as their makers publish them, file for file, with tiny networks of the real classes in them.

What nobody should ever fetch, such as the same weights once more in another format, is only declared: a repository
lists it, with its size, and has no bytes of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from dancegen.renderers.animatediff.settings import (
    BASE,
    CONTROLNET,
    LCM_ADAPTER,
    LIGHTNING_ADAPTER,
    LIGHTNING_STEPS,
    MOTION_ADAPTER,
    TEMPORALNET,
    VAE,
)
from helpers.local_hub import Repository
from helpers.tiny_animatediff import tiny_ip_adapter, tiny_lora, tiny_models, tiny_temporalnet

CHANNELS, GROUPS, HEADS = (32, 64), 32, 8
"""As few as AnimateDiff's usual groups and heads allow."""
ORIGINALS, IP_ADAPTERS = "guoyww/animatediff", "h94/IP-Adapter"
NET = "diffusion_pytorch_model"
VERSIONS = {"mm_sd_v15.ckpt": (24, False), "mm_sd_v15_v2.ckpt": (32, True), "v3_sd15_mm.ckpt": (32, False)}
"""AnimateDiff's checkpoints: frames that they tell apart, and whether there is a module in the middle."""


def published(folder: Path) -> dict[str, Repository]:
    """Every repository that a film can need, by its name; their files lie in the folder."""
    models = tiny_models(folder / "tiny", channels=CHANNELS, groups=GROUPS, heads=HEADS)
    lightning = LIGHTNING_ADAPTER.rsplit("/", 1)[0]
    made = {
        name: Repository(folder / name.replace("/", "--"))
        for name in (BASE, VAE, CONTROLNET, TEMPORALNET, MOTION_ADAPTER, LCM_ADAPTER, lightning, ORIGINALS, IP_ADAPTERS)
    }
    shutil.copytree(models["base"], made[BASE].folder, ignore=shutil.ignore_patterns("source"))
    made[BASE].declared = {
        "Realistic_Vision_V5.1.safetensors": 4_270_000_000, "Realistic_Vision_V5.1-inpainting.ckpt": 4_270_000_000,
        f"unet/{NET}.bin": 3_440_000_000, "text_encoder/pytorch_model.bin": 492_000_000, "model_index.json": 541,
        "scheduler/scheduler_config.json": 308, "feature_extractor/preprocessor_config.json": 520, "README.md": 3_100,
    }  # fmt: skip
    for name, source in (
        (VAE, models["vae"]),
        (CONTROLNET, models["controlnet"]),
        (MOTION_ADAPTER, models["motion_adapter"]),
    ):
        shutil.copytree(source, made[name].folder)
    made[VAE].declared = {f"{NET}.bin": 335_000_000, "README.md": 6_000}
    halved(made[CONTROLNET].folder)
    made[CONTROLNET].declared = {f"{NET}.bin": 1_450_000_000, f"{NET}.fp16.bin": 723_000_000, "images/pose.png": 90_000}
    halved(made[MOTION_ADAPTER].folder)
    tiny_temporalnet(models, made[TEMPORALNET].folder)
    made[TEMPORALNET].declared = {
        "temporalnetversion1.ckpt": 12_700_000_000, f"{NET}.bin": 1_450_000_000, "temporalvideo.py": 5_000,
        "diff_control_sd15_temporalnet_fp16.safetensors": 723_000_000,
    }  # fmt: skip
    shutil.copytree(models["motion_adapter"], made[LCM_ADAPTER].folder)
    halved(made[LCM_ADAPTER].folder)
    tiny_lora(models, made[LCM_ADAPTER].folder / "AnimateLCM_sd15_t2v_lora.safetensors", motion=False, size=0.1)
    made[LCM_ADAPTER].declared = {"AnimateLCM_sd15_t2v.ckpt": 1_810_000_000, "AnimateLCM_sd15_i2v.ckpt": 2_220_000_000}
    made[lightning].folder.mkdir()
    for steps in LIGHTNING_STEPS:
        file = made[lightning].folder / LIGHTNING_ADAPTER.format(steps).rsplit("/", 1)[1]
        shutil.copy(models["motion_adapter"] / f"{NET}.safetensors", file)
        made[lightning].declared |= {f"animatediff_lightning_{steps}step_comfyui.safetensors": 908_000_000}  # type: ignore
    _originals(made[ORIGINALS])
    _ip_adapters(made[IP_ADAPTERS], models)
    return made


def halved(folder: Path) -> None:
    """The same weights in half precision beside those in full, as `variant="fp16"` saves them."""
    from safetensors.torch import load_file, save_file

    whole = load_file(folder / f"{NET}.safetensors")
    save_file({name: tensor.half() for name, tensor in whole.items()}, folder / f"{NET}.fp16.safetensors")


def motion_adapter(
    places: int = 32, middle: bool = True, channels: tuple[int, ...] = CHANNELS, layers: int = 1, seed: int = 7
) -> Any:
    """Motion modules of one of AnimateDiff's versions, which do something."""
    from diffusers import MotionAdapter

    torch.manual_seed(seed)
    adapter = MotionAdapter(
        block_out_channels=channels, motion_layers_per_block=layers, motion_num_attention_heads=HEADS,
        motion_norm_num_groups=GROUPS, motion_max_seq_length=places, use_motion_mid_block=middle,
    )  # fmt: skip
    with torch.no_grad():
        for parameter in adapter.parameters():
            if parameter.device.type != "meta" and not parameter.any():
                parameter.normal_(0, 0.1)
    return adapter


def original_names(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Motion modules with the names that AnimateDiff's own code gives them.

    There each of the two attentions of a block has a table of places of its own.
    """
    found = {}
    for name, tensor in tensors.items():
        block, modules, rest = name.partition(".motion_modules.")
        number, _, rest = rest.partition(".")
        start = f"{block}{modules}{number}.temporal_transformer."
        if rest.endswith("pos_embed.pe"):
            inside = rest.removesuffix("pos_embed.pe")
            for place in (0, 1):
                found[f"{start}{inside}attention_blocks.{place}.pos_encoder.pe"] = tensor.clone()
            continue
        for ours, theirs in (
            ("attn1.", "attention_blocks.0."), ("attn2.", "attention_blocks.1."), ("norm1.", "norms.0."),
            ("norm2.", "norms.1."), ("norm3.", "ff_norm."),
        ):  # fmt: skip
            rest = rest.replace(ours, theirs)
        found[start + rest] = tensor
    return found


def _originals(repository: Repository) -> None:
    """AnimateDiff's own checkpoints, as torch.save wrote them: some bare, some in a state_dict under `module.`."""
    repository.folder.mkdir()
    for name, (places, middle) in VERSIONS.items():
        tensors = original_names(motion_adapter(places, middle).state_dict())
        if name == "mm_sd_v15_v2.ckpt":
            saved: dict = tensors
        else:
            saved = {"state_dict": {f"module.{each}": tensor for each, tensor in tensors.items()}, "epoch": 3}
        torch.save(saved, repository.folder / name)
    repository.declared = {"mm_sdxl_v10_beta.ckpt": 950_000_000, "v3_sd15_sparsectrl_rgb.ckpt": 1_990_000_000}


def _ip_adapters(repository: Repository, models: dict[str, Path]) -> None:
    file = tiny_ip_adapter(models, repository.folder / "models")
    shutil.copy(file, file.with_name("ip-adapter-plus_sd15.safetensors"))
    file.rename(file.with_name("ip-adapter_sd15.safetensors"))
    repository.declared = {
        "models/image_encoder/pytorch_model.bin": 2_530_000_000, "models/ip-adapter-plus_sd15.bin": 158_000_000,
        "sdxl_models/ip-adapter_sdxl.safetensors": 703_000_000, "sdxl_models/image_encoder/config.json": 560,
        "sdxl_models/image_encoder/model.safetensors": 3_690_000_000, "README.md": 2_000,
    }  # fmt: skip
