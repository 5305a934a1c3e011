"""Stable Diffusion and its companions, of the real classes, small enough for a test, saved as anyone saves them."""

from __future__ import annotations

import json
from pathlib import Path

import torch

CHANNELS = (8, 16)
WORDS = 16  # width of the text's embedding


def tiny_models(
    folder: Path, seed: int = 0, channels: tuple[int, ...] = CHANNELS, groups: int = 4, heads: int = 2
) -> dict[str, Path]:
    """base, vae, motion_adapter and controlnet in a folder of their own each, with weights that have learnt nothing.

    groups, heads: of the motion modules, which a checkpoint without its configuration does not say.
    """
    from diffusers import AutoencoderKL, ControlNetModel, MotionAdapter, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    torch.manual_seed(seed)
    blocks = {"block_out_channels": channels, "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 2}
    down = {"down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"), "cross_attention_dim": WORDS}
    unet = UNet2DConditionModel(sample_size=8, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **blocks, **down)
    controlnet = ControlNetModel(conditioning_embedding_out_channels=(4, 8, 8, 8), **blocks, **down)
    adapter = MotionAdapter(
        block_out_channels=channels, motion_layers_per_block=1, motion_num_attention_heads=heads,
        motion_norm_num_groups=groups, motion_max_seq_length=32,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    for network in (controlnet, adapter):
        with torch.no_grad():  # ControlNets and motion modules begin as if they were not there
            for parameter in network.parameters():
                if not parameter.any():
                    parameter.normal_(0, 0.1)
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=WORDS, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, vocab_size=514,
            bos_token_id=512, eos_token_id=513, pad_token_id=513,
        )
    )  # fmt: skip
    unet.save_pretrained(folder / "base" / "unet")
    text.save_pretrained(folder / "base" / "text_encoder")
    write_tokenizer(folder / "base" / "tokenizer")
    for name, network in (("vae", vae), ("motion_adapter", adapter), ("controlnet", controlnet)):
        network.save_pretrained(folder / name)
    return {name: folder / name for name in ("base", "vae", "motion_adapter", "controlnet")}


def write_tokenizer(folder: Path) -> None:
    """CLIP's tokenizer with a vocabulary of single letters."""
    from transformers import CLIPTokenizer

    folder.mkdir(parents=True)
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [256 + number for number in range(256 - len(printable))]
    letters = [chr(code) for code in [*printable, *rest]]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (folder / "source").mkdir()
    vocab, merges = folder / "source" / "vocab.json", folder / "source" / "merges.txt"
    vocab.write_text(json.dumps({token: number for number, token in enumerate(tokens)}), encoding="utf-8")
    merges.write_text("#version: 0.2\n", encoding="utf-8")
    CLIPTokenizer.from_pretrained(folder / "source", model_max_length=77).save_pretrained(folder)


def options(models: dict[str, Path]) -> dict[str, str]:
    """The models as render's keywords."""
    return {name: str(path) for name, path in models.items()}


def flags(choices: dict[str, object]) -> list[str]:
    """Keywords as the command's options."""
    words = []
    for name, value in choices.items():
        flag = f"--{name.removesuffix('_s').replace('_', '-')}"
        words += [flag] if value is True else [flag, str(value)]
    return words


def tiny_temporalnet(models: dict[str, Path], folder: Path, seed: int = 1) -> Path:
    """A second ControlNet that fits the tiny models."""
    from diffusers import ControlNetModel

    torch.manual_seed(seed)
    network = ControlNetModel.from_config(ControlNetModel.load_config(models["controlnet"]))
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(0, 0.1)
    network.save_pretrained(folder)
    return folder


def tiny_lora(models: dict[str, Path], file: Path, *, motion: bool, size: float = 1.0) -> Path:
    """A LoRA on the queries of the UNet's attention, or of its motion modules, in diffusers' layout."""
    from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel
    from safetensors.torch import save_file

    torch.manual_seed(2)
    flat = UNet2DConditionModel.from_pretrained(Path(models["base"]) / "unet")
    network = UNetMotionModel.from_unet2d(flat, MotionAdapter.from_pretrained(models["motion_adapter"]))
    tensors = {}
    for name, layer in network.named_modules():
        if name.endswith("to_q") and ("motion_modules" in name) == motion:
            tensors[f"unet.{name}.lora_A.weight"] = size * torch.randn(2, layer.in_features)
            tensors[f"unet.{name}.lora_B.weight"] = size * torch.randn(layer.out_features, 2)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file)
    return file


def tiny_embedding(file: Path, vectors: int = 2, seed: int = 5) -> Path:
    """A learnt word of some vectors, as diffusers' script saves it."""
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    learnt = 3 * torch.randn(vectors, WORDS, generator=torch.Generator().manual_seed(seed))
    save_file({"anything": learnt.squeeze(0)}, file)
    return file


def tiny_ip_adapter(models: dict[str, Path], folder: Path) -> Path:
    """An IP-Adapter's weights with its image encoder beside it, as they are published."""
    from diffusers import UNet2DConditionModel
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(3)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32,
            patch_size=8, projection_dim=12,
        )
    )  # fmt: skip
    encoder.save_pretrained(folder / "image_encoder")
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * WORDS, 12), "image_proj.proj.bias": torch.zeros(4 * WORDS),
        "image_proj.norm.weight": torch.ones(WORDS), "image_proj.norm.bias": torch.zeros(WORDS),
    }  # fmt: skip
    network = UNet2DConditionModel.from_pretrained(Path(models["base"]) / "unet")
    attentions = [name for name in network.attn_processors if name.endswith("attn2.processor")]
    for place, name in enumerate(attentions):
        width = network.get_submodule(name.removesuffix(".processor")).to_k.out_features
        for part in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * place + 1}.{part}.weight"] = torch.randn(width, WORDS)
    save_file(tensors, folder / "ip-adapter.safetensors")
    return folder / "ip-adapter.safetensors"


def tiny_checkpoint(models: dict[str, Path], file: Path) -> Path:
    """The base in one file, its layers named as by Stable Diffusion's authors: as checkpoints are shared."""
    from diffusers import UNet2DConditionModel
    from safetensors.torch import load_file, save_file

    unet = UNet2DConditionModel.from_pretrained(Path(models["base"]) / "unet")
    names = {name: f"model.diffusion_model.{_authors_name(name)}" for name in unet.state_dict()}
    tensors = {names[name]: tensor.clone() for name, tensor in unet.state_dict().items()}
    words = load_file(Path(models["base"]) / "text_encoder" / "model.safetensors")
    for name, tensor in words.items():
        # Since its fifth version, transformers saves the layers without the prefix that checkpoints have.
        tensors[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = tensor.clone()
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file)
    return file


def _authors_name(name: str) -> str:
    """Where diffusers' layer of the UNet stands in the authors' code, for blocks of one layer each."""
    first, *rest = name.split(".")
    inner = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
             "conv2": "out_layers.3", "conv_shortcut": "skip_connection"}  # fmt: skip
    whole = {"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2"}
    if first in whole:
        return ".".join([whole[first], *rest])
    if first == "time_embedding":
        return f"time_embed.{ {'linear_1': 0, 'linear_2': 2}[rest[0]] }.{rest[1]}"
    if first == "mid_block":
        kind, number, *rest = rest
        place = f"middle_block.{2 * int(number) if kind == 'resnets' else 1}"
    else:
        block, kind, number, *rest = rest
        side, at = ("input", 1 + 2 * int(block)) if first == "down_blocks" else ("output", 2 * int(block))
        if kind == "downsamplers":
            return ".".join([f"{side}_blocks.{at + 1}.0.op", *rest[1:]])
        if kind == "upsamplers":
            return ".".join([f"{side}_blocks.{at + 1}.1", *rest])
        place = f"{side}_blocks.{at + int(number)}.{0 if kind == 'resnets' else 1}"
    if kind == "resnets":
        rest = [inner[rest[0]], *rest[1:]]
    return ".".join([place, *rest])
