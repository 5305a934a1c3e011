"""One segment of a tiny Wan VACE: what diffusers' own pipeline paints, led by poses, known frames and pictures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from dancegen.errors import Cancelled, DancegenError, ModelError
from dancegen.hub import locate
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.tiers import tier_named
from dancegen.renderers.wan_vace.backend import BACKEND
from dancegen.renderers.wan_vace.loading import load_transformer
from dancegen.renderers.wan_vace.painter import text_of
from dancegen.renderers.wan_vace.sampler import noise_of
from dancegen.renderers.wan_vace.settings import Settings
from dancegen.renderers.wan_vace.thrift import Streamed
from dancegen.weights import Models
from helpers.tiny_wan import drawn, tiny_wan, tiny_wan_lora

SIZE = 32, 48
FRAMES = 13


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_wan(tmp_path_factory.mktemp("wan"))


def painter_of(base, tier="24", **choices):
    settings = Settings(base=str(base), **{"steps": 3, **choices}).completed().sized(SIZE)
    models = Models(tuple(locate(ref, offline=True) for ref in BACKEND.references(settings)))
    return BACKEND.load(models, settings, "cpu", tier_named(tier))


def scene_of(poses=None, **changes) -> Scene:
    poses = drawn(FRAMES, SIZE) if poses is None else poses
    return Scene(0, poses, ("a dancer",), np.ones((len(poses), 1), np.float32), seed=3, **changes)


def filmed(painter, scene, **how) -> tuple[np.ndarray, dict]:
    frames: dict[int, np.ndarray] = {}
    told = painter.film(scene, frames.__setitem__, **how)
    assert list(frames) == list(range(len(scene)))
    return np.stack(list(frames.values())), dict(told)


def pictures(frames) -> list[Image.Image]:
    return [Image.fromarray(frame) for frame in frames]


@pytest.mark.parametrize("known, looks, guidance", [(0, 0, 5.0), (6, 2, 5.0), (10, 1, 1.0)])
def test_a_segment_is_what_diffusers_own_pipeline_paints(known, looks, guidance, base):
    from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline, WanVACETransformer3DModel
    from transformers import AutoTokenizer, UMT5EncoderModel

    rng = np.random.default_rng(0)
    before = rng.integers(0, 255, (known, *SIZE[::-1], 3), np.uint8) if known else None
    shown = rng.integers(0, 255, (looks, *SIZE[::-1], 3), np.uint8) if looks else None
    painter = painter_of(base, guidance=guidance)
    scene = scene_of(portrait=shown)
    with torch.inference_mode():
        latents = painter.paint(scene, "a dancer", before, None, lambda steps: None)
        ours = painter._decoded(latents) / 255
    pipeline = WanVACEPipeline(
        AutoTokenizer.from_pretrained(base / "tokenizer"), UMT5EncoderModel.from_pretrained(base / "text_encoder"),
        AutoencoderKLWan.from_pretrained(base / "vae"),
        UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0),
        WanVACETransformer3DModel.from_pretrained(base / "transformer"),
    )  # fmt: skip
    pipeline.set_progress_bar_config(disable=True)
    video = scene.poses.copy()
    video[:known] = 0 if before is None else before
    mask = [Image.new("L", SIZE, 0 if place < known else 255) for place in range(FRAMES)]
    noise = noise_of(3, 0, (1, 16, looks + 4, SIZE[1] // 8, SIZE[0] // 8))
    asked = {
        "prompt": "a dancer", "negative_prompt": painter.settings.negative_prompt, "video": pictures(video),
        "mask": mask, "reference_images": pictures(shown) if looks else None, "height": SIZE[1], "width": SIZE[0],
        "num_frames": FRAMES, "num_inference_steps": 3, "guidance_scale": guidance, "latents": noise,
    }  # fmt: skip
    theirs = pipeline(**asked, output_type="np").frames[0]
    assert theirs.shape == ours.shape and theirs.std() > 0.01
    assert np.abs(theirs - ours).max() <= 1e-5
    assert (pipeline(**asked, output_type="latent").frames[:, :, looks:] - latents).abs().max() <= 1e-4


def test_it_is_led_by_poses_pictures_known_frames_the_prompt_and_the_seed(base):
    painter = painter_of(base)

    def latents(scene, before=None, text="a dancer"):
        with torch.inference_mode():
            return painter.paint(scene, text, before, None, lambda steps: None)

    plain, white = latents(scene_of()), np.full((1, *SIZE[::-1], 3), 255, np.uint8)
    known = np.full((6, *SIZE[::-1], 3), 200, np.uint8)
    for other in (
        latents(scene_of(drawn(FRAMES, SIZE, shift=9))), latents(scene_of(portrait=white)), latents(scene_of(), known),
        latents(scene_of(), text="a robot"), latents(replace(scene_of(), seed=4)),
    ):  # fmt: skip
        assert other.shape == plain.shape and (other - plain).abs().max() > 1e-3
    assert torch.equal(latents(scene_of()), plain)


def test_known_frames_come_back_as_they_are_and_the_next_segment_is_told_the_tone(base):
    painter = painter_of(base)
    first, told = filmed(painter, scene_of())
    assert told["text"] == "a dancer" and len(told["tone"]["mean"]) == 3
    before = first[-6:]
    second, again = filmed(painter, replace(scene_of(), first=7, told=told), before=before)
    assert np.array_equal(second[:6], before) and again["text"] == "a dancer"
    assert second[6:].std() > 1


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["unipc", "euler"])
def test_a_segment_that_was_broken_off_goes_on_to_the_same_frames(sampler, base, tmp_path):
    choices = {"steps": 5, "sampler": sampler}
    whole, _ = filmed(painter_of(base, **choices), scene_of())
    for after in (1, 2, 4):
        left = [after]

        def advance(steps, left=left):
            left[0] -= steps > 0
            if left[0] < 0:
                raise Cancelled("enough")

        place = tmp_path / f"{sampler}-{after}"
        with pytest.raises(Cancelled):
            painter_of(base, **choices).film(scene_of(), lambda place, frame: None, resume=place, advance=advance)
        steps: list[float] = []
        again, _ = filmed(painter_of(base, **choices), scene_of(), resume=place, advance=steps.append)
        assert steps[0] == after + 1 and sum(steps) == 5
        assert np.array_equal(again, whole)


@pytest.mark.slow
def test_every_tier_paints_the_same(base):
    roomy, _ = filmed(painter_of(base, "24"), scene_of())
    for tier in ("16", "12", "8"):
        assert np.abs(filmed(painter_of(base, tier), scene_of())[0].astype(int) - roomy.astype(int)).max() <= 1


def test_blocks_that_come_one_by_one_compute_the_same(base):
    painter = painter_of(base)
    network = load_transformer(painter.models, torch.float32)
    given = {
        "hidden_states": torch.randn(1, 16, 2, 4, 4), "timestep": torch.ones(1),
        "encoder_hidden_states": torch.randn(1, 8, 32), "control_hidden_states": torch.randn(1, 96, 2, 4, 4),
    }  # fmt: skip
    with torch.inference_mode():
        plain = network(**given).sample
    streamed = Streamed([*network.blocks, *network.vace_blocks], "cpu")
    with torch.inference_mode():
        assert torch.equal(network(**given).sample, plain)
    streamed.end()
    assert not any(block._forward_pre_hooks or block._forward_hooks for block in network.blocks)
    with torch.inference_mode():
        assert torch.equal(network(**given).sample, plain)


def test_the_text_encoder_is_read_once_for_all_texts_and_freed(base):
    import gc

    from transformers import UMT5EncoderModel

    painter = painter_of(base)
    BACKEND.prepare(painter, ("a dancer", "a robot", painter.settings.negative_prompt))
    gc.collect()
    assert not [each for each in gc.get_objects() if type(each) is UMT5EncoderModel]
    assert painter.texts.of("a robot").shape == (1, 512, 32)
    assert painter.tokens_over("a dancer") == 0 and painter.tokens_over("x" * 600) == 600 + 2 - 512


def test_a_lora_changes_the_film_and_its_weight_counts(base, tmp_path):
    file = tiny_wan_lora(base, tmp_path / "style.safetensors")
    plain, half, whole = (
        filmed(painter_of(base, lora=lora), scene_of())[0].astype(int)
        for lora in ((), (f"{file}=0.5",), (str(file),))
    )  # fmt: skip
    assert np.abs(half - plain).mean() > 0.05 and np.abs(whole - half).mean() > 0.05


def test_a_segment_is_painted_in_the_text_that_most_of_its_own_frames_have():
    weights = np.zeros((13, 2), np.float32)
    weights[:7, 0], weights[7:, 1] = 1, 1
    scene = replace(scene_of(), texts=("red", "green"), weights=weights)
    assert text_of(scene, None) == "red" and text_of(scene, np.zeros((6, 4, 4, 3), np.uint8)) == "green"


def test_values_that_are_no_numbers_are_no_film(base, tmp_path):
    painter = painter_of(base)
    with torch.no_grad():
        painter.transformer.proj_out.bias.fill_(float("nan"))
    from dancegen.renderers.film.finite import NotFinite

    with pytest.raises(NotFinite, match="at step 1 of 3") as caught:
        filmed(painter, scene_of(), resume=tmp_path)
    assert not list(tmp_path.glob("*.safetensors"))
    with pytest.raises(ModelError, match=r"in proj_out\.bias: get the model anew"):
        painter.widen(caught.value)
    with torch.no_grad():
        painter.transformer.proj_out.bias.zero_()
    with pytest.raises(DancegenError, match="no wider precision"):
        painter.widen(caught.value)


def test_noise_is_another_for_each_segment_and_seed():
    drawn_ = [noise_of(seed, first, (1, 4, 3, 2, 2)) for seed, first in ((0, 0), (0, 7), (1, 0))]
    assert not any(torch.equal(one, other) for one, other in pairwise(drawn_))
    assert torch.equal(noise_of(0, 7, (1, 4, 3, 2, 2)), drawn_[1])
