"""The models as they are put together: what is usual, single files, and what leads the second pass."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.errors import ModelError
from dancegen.hub import locate
from dancegen.renderers.animatediff import loading
from dancegen.renderers.animatediff.backend import BACKEND
from dancegen.renderers.animatediff.costs import Networks, fitting_window
from dancegen.renderers.animatediff.loading import SD15, load_pipeline, make_scheduler, motion_unet
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.settings import NEGATIVE_PROMPT, SIZE, Settings
from dancegen.renderers.animatediff.temporal import TemporalPainter, steps_of, still_settings
from dancegen.renderers.animatediff.thrift import thrift_on
from dancegen.renderers.film.counting import weight_bytes
from dancegen.renderers.film.plan import make_plan
from dancegen.renderers.film.segments import cut
from dancegen.renderers.film.tiers import TIERS
from dancegen.weights import Located, Models
from helpers.tiny_animatediff import (
    options,
    tiny_checkpoint,
    tiny_embedding,
    tiny_ip_adapter,
    tiny_lora,
    tiny_models,
    tiny_temporalnet,
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models")))


@pytest.fixture
def tiny_configurations(models, tmp_path, monkeypatch):
    """The tiny models in the place of Stable Diffusion 1.5, whose configurations single files do not hold."""
    folder = shutil.copytree(SD15, tmp_path / "configurations")
    for part in ("unet", "text_encoder"):
        shutil.copy(f"{models['base']}/{part}/config.json", folder / part)
    for part in ("vae", "controlnet", "motion_adapter"):
        shutil.copy(f"{models[part]}/config.json", folder / part)
    monkeypatch.setattr(loading, "SD15", folder)


def located(settings: Settings) -> Models:
    return Models(tuple(locate(ref, offline=True) for ref in references(settings)))


def load(**choices):
    settings = Settings(**choices).completed()
    return load_pipeline(located(settings), settings, device="cpu", dtype=torch.float32)


def test_what_is_usual_is_what_the_makers_of_these_models_chose():
    usual = Settings().completed()
    assert usual.base == "SG161222/Realistic_Vision_V5.1_noVAE" and usual.vae == "stabilityai/sd-vae-ft-mse"
    assert usual.motion_adapter == "guoyww/animatediff-motion-adapter-v1-5-2"
    assert usual.controlnet == "lllyasviel/control_v11p_sd15_openpose"
    assert usual.temporalnet == "CiaraRowles/TemporalNet" and SIZE == (512, 768)
    assert (usual.steps, usual.window, usual.segment, usual.temporal) == (20, 16, 128, False)
    assert all(fault in NEGATIVE_PROMPT for fault in ("deformed body", "text", "blurry"))
    scheduler = make_scheduler(usual.sampler)
    chosen = {name: scheduler.config[name] for name in ("algorithm_type", "solver_order", "timestep_spacing")}
    assert type(scheduler).__name__ == "DPMSolverMultistepScheduler"
    assert chosen == {"algorithm_type": "dpmsolver++", "solver_order": 2, "timestep_spacing": "linspace"}
    assert scheduler.config.steps_offset == 1 and scheduler.config.final_sigmas_type == "zero"
    assert scheduler.config.beta_schedule == "linear"  # AnimateDiff's; single pictures have Stable Diffusion's own
    assert make_scheduler("dpm++", betas="scaled_linear").config.beta_schedule == "scaled_linear"


def test_a_base_in_one_file_is_the_base_that_its_directory_is(models, tiny_configurations, tmp_path):
    file = tiny_checkpoint(models, tmp_path / "one" / "whole.safetensors")
    shutil.copytree(f"{models['base']}/tokenizer", file.parent / "tokenizer")
    apart, whole = load(**models), load(**{**models, "base": str(file)})
    for name in ("unet", "text_encoder"):
        one, other = getattr(apart, name).state_dict(), getattr(whole, name).state_dict()
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("role", ["vae", "controlnet", "motion_adapter"])
def test_any_network_may_be_a_file_without_its_configuration(role, models, tiny_configurations, tmp_path):
    file = tmp_path / f"{role}.safetensors"
    shutil.copy(f"{models[role]}/diffusion_pytorch_model.safetensors", file)
    part = "unet" if role == "motion_adapter" else role  # motion modules are in the UNet, and nowhere else
    one, other = (getattr(load(**choice), part).state_dict() for choice in (models, {**models, role: str(file)}))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.fixture
def second_pass(models, tmp_path):
    """Paint one frame again, with some settings."""
    net = tiny_temporalnet(models, tmp_path / "temporalnet")
    random = np.random.default_rng(0)
    frame, pose, before, other, portrait = random.integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)

    def paint(sees_other: bool = False, words: str = "a dancer", **choices) -> np.ndarray:
        settings = Settings(**models, temporal=True, temporalnet=str(net), temporal_strength=0.9, **choices).completed()
        looks = portrait[None] if settings.image is not None else None
        painter = TemporalPainter(located(settings), settings, device="cpu", dtype=torch.float32, portrait=looks)
        last = other if sees_other else before
        return painter.paint(frame, pose, last, (words,), np.ones(1), seed=1).astype(float)

    return paint


def test_the_second_pass_sees_the_frame_before_and_takes_loras_and_the_portrait(second_pass, models, tmp_path):
    plain = second_pass()
    assert (second_pass() == plain).all()
    lora = tiny_lora(models, tmp_path / "lora" / "style.safetensors", motion=False, size=3.0)
    adapter = tiny_ip_adapter(models, tmp_path / "ip")
    changes = {
        "the frame before": second_pass(sees_other=True),
        "lora": second_pass(lora=(str(lora),)),
        "portrait": second_pass(image="portrait.png", ip_adapter=str(adapter), ip_scale=1.5),
        "words": second_pass(guidance=15.0),
    }
    for name, changed in changes.items():
        assert (changed != plain).any(), name


def test_in_the_second_pass_openpose_sees_the_pose_and_temporalnet_the_frame_before(models, tmp_path):
    net = tiny_temporalnet(models, tmp_path / "temporalnet")
    settings = Settings(**models, temporal=True, temporalnet=str(net), steps=3).completed()
    painter = TemporalPainter(located(settings), settings, device="cpu", dtype=torch.float32)
    frame, pose, before = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    seen: dict[int, torch.Tensor] = {}
    for place, each in enumerate(painter.pipeline.controlnet.nets):
        each.controlnet_cond_embedding.register_forward_pre_hook(
            lambda layer, given, place=place: seen.__setitem__(place, given[0][-1].permute(1, 2, 0) * 255)
        )
    painter.paint(frame, pose, before, ("a dancer",), np.ones(1), seed=1)
    assert np.abs(seen[0].numpy() - pose).max() < 0.01 and np.abs(seen[1].numpy() - before).max() < 0.01


def test_the_second_pass_reads_learnt_words_and_long_prompts_to_their_end(second_pass, tmp_path):
    learnt = {"embedding": (str(tiny_embedding(tmp_path / "sundress.safetensors")),)}
    assert (second_pass(words="a sundress", **learnt) != second_pass(words="a sundress")).any()
    assert (second_pass(**learnt) == second_pass()).all()
    one, other = (second_pass(words=f"{'a dancer in a red dress, ' * 6}{end}") for end in ("fire", "rain"))
    assert (one != other).any()


def test_each_picture_leads_the_network_that_was_named_for_it(models, tmp_path):
    from safetensors.torch import load_file

    named = {
        "controlnet": models["controlnet"], "depth_controlnet": str(tiny_temporalnet(models, tmp_path / "d", seed=7)),
        "temporalnet": str(tiny_temporalnet(models, tmp_path / "t", seed=8)),
    }  # fmt: skip
    settings = Settings(**{**models, **named}, depth=True, temporal=True).completed()
    first = load_pipeline(located(settings), settings, device="cpu", dtype=torch.float32).controlnet.nets
    second = TemporalPainter(located(settings), settings, device="cpu", dtype=torch.float32).pipeline.controlnet.nets
    for role, net in zip(
        ("controlnet", "depth_controlnet", "controlnet", "temporalnet"), [*first, *second], strict=True
    ):
        expected = load_file(f"{named[role]}/diffusion_pytorch_model.safetensors")
        assert all(torch.equal(net.state_dict()[name], expected[name]) for name in expected), role


def test_the_second_pass_keeps_the_sampler_unless_only_motion_modules_know_it():
    fast = Settings(fast=True).completed()
    assert still_settings(fast) == fast and steps_of(Settings(temporal_strength=0.35).completed()) == (20, 7)
    lightning = Settings(motion_adapter="a/b", sampler="euler", steps=4, guidance=1).completed()
    assert (still_settings(lightning).sampler, still_settings(lightning).steps) == ("dpm++", 20)
    assert steps_of(Settings(steps=2, temporal_strength=0.1).completed())[1] == 1


def test_configurations_give_as_many_parameters_as_the_published_networks_have():
    """Of Stable Diffusion 1.5's UNet and VAE, ControlNet 1.1 and the motion modules of AnimateDiff's second version."""
    absent = Models(tuple(Located(ref, None, (), "a" * 40, 1.0) for ref in references(Settings().completed())))
    networks = Networks.of(absent, torch.float16, (64, 64))
    parts = networks.flat, networks.vae, networks.controlnet, networks.unet
    flat, vae, controlnet, unet = (sum(each.numel() for each in part.parameters()) for part in parts)
    assert (flat, vae, controlnet, unet - flat) == (859_520_964, 83_653_863, 361_279_120, 453_209_280)


def test_the_unet_is_diffusers_own_without_a_second_copy_of_any_weight(models):
    from diffusers import MotionAdapter, UNet2DConditionModel, UNetMotionModel

    flat = UNet2DConditionModel.from_pretrained(f"{models['base']}/unet")
    adapter = MotionAdapter.from_pretrained(models["motion_adapter"])
    theirs, ours = UNetMotionModel.from_unet2d(flat, adapter), motion_unet(flat, adapter)
    assert dict(ours.config) == dict(theirs.config)
    expected, found = theirs.state_dict(), ours.state_dict()
    assert list(found) == list(expected) and all(torch.equal(found[name], expected[name]) for name in expected)
    given = {each.data_ptr() for network in (flat, adapter) for each in network.state_dict().values()}
    assert {each.data_ptr() for each in found.values()} == given


def test_no_weight_lies_on_the_device_that_nothing_computes_with(models):
    """What is counted of weights is all that a pipeline holds."""
    settings = Settings(**models).completed()
    pipeline = load(**models)
    networks = Networks.of(located(settings), torch.float32, (64, 64))
    counted = sum(weight_bytes(each) for each in (networks.unet, networks.controlnet, networks.vae))
    held = [each for each in pipeline.components.values() if hasattr(each, "parameters")]
    assert sum(weight_bytes(each) for each in held) - weight_bytes(pipeline.text_encoder) == counted


def test_a_plan_counts_the_second_pass_and_the_portraits_encoder(models, tmp_path):
    net, adapter = tiny_temporalnet(models, tmp_path / "net"), tiny_ip_adapter(models, tmp_path / "ip")
    segments = cut(60, [], [], longest=24, overlap=6, shortest=16)

    def plan(**choices):
        own = {**models, "temporalnet": str(net), "ip_adapter": str(adapter), "vram": "24", **choices}
        settings = Settings(**own).completed()
        return make_plan(BACKEND, located(settings), settings, segments, size=(64, 64), frames=120, device="cpu")

    plain, twice, looks = plan(), plan(temporal=True), plan(image="portrait.png")
    assert "once more with TemporalNet" in " ".join(twice.lines()) and not plain.to_dict()["temporal"]
    assert looks.peak_gb > plain.peak_gb and any("windows of 16 frames" in line for line in plain.lines())
    assert not any("may not be enough" in line for line in plain.lines())


@pytest.mark.slow
def test_the_memory_that_is_named_chooses_the_window():
    """By the shapes of Stable Diffusion 1.5, whose weights need not be here to be counted."""
    usual = Settings().completed()
    absent = Models(tuple(Located(ref, None, (), "a" * 40, 1.0) for ref in references(usual)))
    assert fitting_window(absent, usual, (384, 512), "8") == 16
    large = 1024, 1280
    assert [fitting_window(absent, usual, large, vram) for vram in ("8", "12", "16", "24")] == [12, 16, 16, 16]


@pytest.mark.slow
@pytest.mark.parametrize("window, size, saved", [(16, (512, 768), 0.4), (8, (384, 512), 0.02)])
def test_each_level_of_memory_takes_less_than_the_one_above(window, size, saved):
    """By the shapes of Stable Diffusion 1.5: layers that see a few frames at a time need less."""
    settings = Settings(window=window).completed()
    absent = Models(tuple(Located(ref, None, (), "a" * 40, 1.0) for ref in references(settings)))
    networks = Networks.of(absent, torch.float16, size)
    peaks = [networks.peak(settings, thrift_on(tier)) for tier in TIERS]
    assert peaks == sorted(peaks, reverse=True) and len(set(peaks)) == 4
    weights = weight_bytes(networks.unet) + weight_bytes(networks.controlnet)
    assert peaks[3] - weights < (1 - saved) * (peaks[2] - weights)
    # What stays of a segment's pictures on the device is counted.
    longer = networks.peak(replace(settings, segment=256), thrift_on(TIERS[0])) - peaks[0]
    assert longer == 128 * 320 * (size[0] // 8) * (size[1] // 8) * 2


@pytest.mark.slow
def test_a_plan_keeps_within_the_memory_that_is_named(monkeypatch):
    """What all networks at once would go beyond, they do not where they wait in main memory."""
    monkeypatch.setattr("dancegen.renderers.film.plan.free_gigabytes", lambda device: 64.0)
    settings = Settings(window=8).completed()
    absent = Models(tuple(Located(ref, None, (), "a" * 40, 1.0) for ref in references(settings)))
    segments = cut(8, [], [], longest=8, overlap=2, shortest=8)

    def plan(vram):
        named = replace(settings, vram=vram)
        return make_plan(BACKEND, absent, named, segments, size=(1024, 1024), frames=8, device="cpu")

    tight, hopeless = plan("16"), plan("8")
    assert tight.fits and tight.tier.name == "12" and tight.available_gb == 16
    assert not hopeless.fits and any("may not be enough" in line for line in hopeless.lines())


def test_windows_go_on_by_three_quarters():
    assert [Settings(window=window).completed().stride for window in (32, 16, 12, 8)] == [24, 12, 9, 6]
    assert Settings(window=8, stride=3).completed().stride == 3


def test_networks_that_are_made_for_another_base_are_refused_before_they_are_loaded(models, tmp_path):
    other = shutil.copytree(models["controlnet"], tmp_path / "xl")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"cross_attention_dim": 2048}))
    usual = Settings(**models).completed()
    BACKEND.check(located(usual), usual)
    with pytest.raises(ModelError, match="--controlnet xl does not fit: it reads texts of width 2048"):
        BACKEND.check(located(Settings(**{**models, "controlnet": str(other)}).completed()), usual)
