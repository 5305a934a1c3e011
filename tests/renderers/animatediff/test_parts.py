"""A UNet whose layers see a few frames at a time gives the same numbers, with a portrait too, and can be undone."""

from __future__ import annotations

import pytest
import torch
from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

from dancegen.renderers.animatediff.parts import InParts, in_parts, whole
from helpers.tiny_animatediff import WORDS, tiny_models


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    models = tiny_models(tmp_path_factory.mktemp("models"))
    flat = UNet2DConditionModel.from_pretrained(models["base"] / "unet")
    return UNetMotionModel.from_unet2d(flat, MotionAdapter.from_pretrained(models["motion_adapter"])).eval()


def run(unet: UNetMotionModel, frames: int = 7) -> torch.Tensor:
    torch.manual_seed(0)
    sample, texts = torch.randn(2, 4, frames, 8, 6), torch.randn(2 * frames, 77, WORDS)
    with torch.inference_mode():
        return unet(sample, 3, encoder_hidden_states=texts).sample


@pytest.mark.parametrize("frames, places", [(2, 5), (1, 1000), (100, 3)])
def test_in_parts_it_computes_the_same_and_each_layer_sees_few_rows(frames, places, unet):
    expected, names = run(unet), [name for name, _ in unet.named_modules()]
    in_parts(unet, frames, places)
    seen: dict[str, list[int]] = {}
    for name, module in unet.named_modules():
        if isinstance(module, InParts):
            module.module.register_forward_pre_hook(
                lambda _, args, named, name=name: seen.setdefault(name, []).append(
                    len(next(each for each in (*args, *named.values()) if isinstance(each, torch.Tensor)))
                ),
                with_kwargs=True,
            )
    assert torch.allclose(run(unet), expected, atol=1e-5)
    kinds = {True: places, False: frames}
    assert len(seen) > 6
    assert all(max(rows) <= kinds["motion" in name] for name, rows in seen.items())
    whole(unet)
    assert [name for name, _ in unet.named_modules()] == names and torch.equal(run(unet), expected)
