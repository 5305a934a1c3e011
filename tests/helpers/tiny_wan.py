"""Wan VACE of the real classes, small enough for a test, saved as anyone saves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

CHANNELS, WORDS = 16, 32
"""Of latents, and the width of the text's embedding."""


def tiny_wan(folder: Path, seed: int = 0) -> Path:
    """A folder in the layout of the published repository, with weights that have learnt nothing."""
    from diffusers import AutoencoderKLWan, WanVACETransformer3DModel
    from transformers import UMT5Config, UMT5EncoderModel

    torch.manual_seed(seed)
    transformer = WanVACETransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=CHANNELS, out_channels=CHANNELS, text_dim=WORDS,
        freq_dim=16, ffn_dim=32, num_layers=3, rope_max_seq_len=32, vace_layers=[0, 2], vace_in_channels=96,
    )  # fmt: skip
    vae = AutoencoderKLWan(base_dim=3, z_dim=CHANNELS, dim_mult=[1, 1, 1, 1], num_res_blocks=1)
    text = UMT5EncoderModel(
        UMT5Config(vocab_size=300, d_model=WORDS, d_kv=8, d_ff=37, num_layers=2, num_heads=4, pad_token_id=0)
    )
    transformer.save_pretrained(folder / "transformer")
    vae.save_pretrained(folder / "vae")
    text.save_pretrained(folder / "text_encoder")
    write_tokenizer(folder / "tokenizer")
    return folder


def write_tokenizer(folder: Path) -> None:
    """UMT5's kind of tokenizer with a vocabulary of single letters."""
    from tokenizers import Tokenizer
    from tokenizers.models import Unigram
    from tokenizers.pre_tokenizers import Metaspace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    letters = ["\u2581", *(chr(code) for code in range(33, 127))]
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -3.0) for letter in letters)]
    tokenizer = Tokenizer(Unigram(vocab, unk_id=2))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", model_max_length=512
    ).save_pretrained(folder)


def tiny_wan_lora(base: Path, file: Path, size: float = 1.0, width: int | None = None) -> Path:
    """A LoRA on the queries of the transformer's attention, in diffusers' layout; width: of another model."""
    from diffusers import WanVACETransformer3DModel
    from safetensors.torch import save_file

    generator = torch.Generator().manual_seed(2)
    network = WanVACETransformer3DModel.from_pretrained(base / "transformer")
    tensors = {}
    for name, layer in network.named_modules():
        if name.startswith("blocks.") and name.endswith("attn1.to_q"):
            read, gives = width or layer.in_features, width or layer.out_features
            tensors[f"transformer.{name}.lora_A.weight"] = size * torch.randn(2, read, generator=generator)
            tensors[f"transformer.{name}.lora_B.weight"] = size * torch.randn(gives, 2, generator=generator)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, file)
    return file


def drawn(frames: int, size: tuple[int, int], shift: int = 0) -> np.ndarray:
    """(F, H, W, 3) uint8: a light block that wanders over black, as poses do."""
    width, height = size
    found = np.zeros((frames, height, width, 3), np.uint8)
    for frame in range(frames):
        left = (3 * frame + shift) % (width - 8)
        found[frame, height // 4 : height // 2, left : left + 8] = (250, 120, 40)
    return found
