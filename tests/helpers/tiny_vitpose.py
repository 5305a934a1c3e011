"""ViTPose and RT-DETR of the real classes, small enough to be made by a test, with their processors."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessor,
    RTDetrResNetConfig,
    VitPoseBackboneConfig,
    VitPoseConfig,
    VitPoseForPoseEstimation,
    VitPoseImageProcessor,
)

LABELS = {0: "person", 1: "chair"}


def tiny_vitpose(folder: Path, seed: int = 0, experts: int = 1) -> Path:
    """A ViTPose whose joints lie anywhere in the picture; some it is not sure of."""
    torch.manual_seed(seed)
    backbone = VitPoseBackboneConfig(
        image_size=(64, 48), patch_size=(16, 16), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, num_experts=experts, part_features=8, out_indices=[1],
    )  # fmt: skip
    model = VitPoseForPoseEstimation(VitPoseConfig(backbone_config=backbone, num_labels=17, use_simple_decoder=True))
    for weight in model.parameters():
        if weight.ndim > 1:
            torch.nn.init.kaiming_normal_(weight)
    torch.nn.init.uniform_(model.head.conv.bias, -0.5, 0.5)
    model.save_pretrained(folder)
    VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(folder)
    return folder


def tiny_rtdetr(folder: Path, seed: int = 0) -> Path:
    """An RT-DETR that takes some things for people and some for chairs."""
    torch.manual_seed(seed)
    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = RTDetrConfig(
        backbone_config=backbone, encoder_hidden_dim=16, encoder_in_channels=[8, 16, 16], encoder_ffn_dim=16,
        encoder_attention_heads=2, d_model=16, num_queries=12, decoder_in_channels=[16, 16, 16], decoder_ffn_dim=16,
        decoder_layers=2, decoder_attention_heads=2, num_denoising=0, feat_strides=[8, 16, 32], id2label=LABELS,
        label2id={name: number for number, name in LABELS.items()},
    )  # fmt: skip
    model = RTDetrForObjectDetection(config)
    for name, weight in model.named_parameters():
        if "class_embed" in name or "enc_score_head" in name:
            torch.nn.init.normal_(weight, 0, 0.6)
        elif "bbox_embed" in name and weight.ndim > 1:
            torch.nn.init.normal_(weight, 0, 0.3)
    model.save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 96, "width": 96}).save_pretrained(folder)
    return folder


def tiny_models(folder: Path, seed: int = 0) -> Path:
    """Both, in folders of one."""
    tiny_vitpose(folder / "vitpose", seed)
    tiny_rtdetr(folder / "rtdetr", seed)
    return folder
