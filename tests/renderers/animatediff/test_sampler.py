"""The denoising loop is diffusers' own, window by window; thrift and interruptions do not change what it paints."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.hub import locate, quiet_libraries
from dancegen.renderers.animatediff import sampler as denoising
from dancegen.renderers.animatediff.loading import load_pipeline, make_scheduler
from dancegen.renderers.animatediff.models import references
from dancegen.renderers.animatediff.painter import AnimateDiffPainter
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.windows import frame_noise, other_seed
from dancegen.renderers.film.backend import Scene
from dancegen.renderers.film.resume import LATENTS, save_latents
from dancegen.renderers.film.tiers import TIERS, is_out_of_memory, tier_below, tier_named
from dancegen.weights import Models
from helpers.tiny_animatediff import options, tiny_lora, tiny_models, tiny_temporalnet

STEPS = 5


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return options(tiny_models(tmp_path_factory.mktemp("models")))


def load(models, **choices):
    settings = Settings(
        **{"steps": STEPS, "guidance": 4.0, "window": 8, "stride": 6, "negative_prompt": "fog", **models, **choices}
    ).completed()
    located = Models(tuple(locate(ref, offline=True) for ref in references(settings)))
    return settings, load_pipeline(located, settings, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def painter(models):
    settings, pipeline = load(models)
    return AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")


def scene(frames: int, first: int = 0, seed: int = 3) -> Scene:
    poses = np.random.default_rng(0).integers(0, 256, (frames, 64, 48, 3), dtype=np.uint8)
    return Scene(first, poses, ("a dancer",), np.ones((frames, 1), np.float32), seed)


@pytest.mark.parametrize("kind, order", [("dpm++", "rgb"), ("euler", "bgr")])
def test_one_window_is_what_diffusers_pipeline_paints(kind, order, models):
    from PIL import Image

    settings, pipeline = load(models, sampler=kind)
    pipeline.controlnet.register_to_config(controlnet_conditioning_channel_order=order)
    stretch = scene(8)
    noise = frame_noise(3, 0, 8, (4, 8, 6), window=8)
    with quiet_libraries():
        theirs = pipeline(
            "a dancer", negative_prompt=settings.negative_prompt, num_frames=8, width=48, height=64,
            num_inference_steps=STEPS, guidance_scale=4.0, latents=noise.permute(1, 0, 2, 3)[None],
            conditioning_frames=[Image.fromarray(pose) for pose in stretch.poses], output_type="latent",
        ).frames[0].permute(1, 0, 2, 3)  # fmt: skip
        ours = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu").paint(stretch)
    assert float((ours - theirs).abs().max()) <= 1e-6 * float(theirs.abs().max())


@pytest.mark.parametrize("together", [True, False])
def test_windows_share_what_the_controlnet_says_of_frames_that_they_share(together, models):
    """As if each had asked for itself: here each window of a step goes through diffusers' networks whole."""
    settings, pipeline = load(models, context="static")
    tier = TIERS[0] if together else TIERS[-1]
    painter, asked = AnimateDiffPainter(pipeline, settings, tier, "cpu"), []
    hook = pipeline.controlnet.register_forward_pre_hook(lambda net, args: asked.append(len(args[0])))
    shared = painter.paint(scene(20))
    hook.remove()
    assert sum(asked) == 2 * 20 * STEPS

    class Whole(denoising.Residuals):
        def release(self, place: int) -> None:
            self._kept = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(denoising, "Residuals", Whole)
        whole = painter.paint(scene(20))
    assert float((shared - whole).abs().max()) <= 1e-6 * float(whole.abs().max())


def change_that_recurs(latents: torch.Tensor, period: int) -> float:
    """How much of the change from frame to frame comes again after a period: the correlation of one with the next."""
    change = latents.diff(dim=0).flatten(1)[period:-period].double()  # the ends of a scene are like no other place
    one, next_one = change[:-period], change[period:]
    return float((one * next_one).sum() / (one.norm() * next_one.norm()))


def test_windows_that_move_leave_no_period_in_the_picture(models, tmp_path):
    """Of a scene that is the same in every frame, all that changes over time is the windows' doing."""
    recurring, frames = {}, 160
    for context in ("static", "moving"):
        settings, pipeline = load(models, context=context)
        painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
        still = scene(frames)
        still.poses[:] = still.poses[0]
        pipeline.scheduler.set_timesteps(STEPS)
        noise = frame_noise(3, 0, 1, (4, 8, 6), window=8).expand(frames, -1, -1, -1)
        save_latents(tmp_path / context / LATENTS, noise * pipeline.scheduler.init_noise_sigma, pipeline.scheduler, 0)
        recurring[context] = change_that_recurs(painter.paint(still, resume=tmp_path / context), settings.stride)
    assert recurring["static"] > 0.99 and recurring["moving"] < 0.5


@pytest.mark.parametrize("kind", ["dpm++", "lcm", "euler"])
@pytest.mark.parametrize("steps", [4, 20])
def test_a_sampler_leaves_nothing_of_the_first_noise_in_the_picture(kind, steps):
    """Networks that were always right would give the picture itself, and not its last bit of noise with it."""
    scheduler = make_scheduler(kind)
    scheduler.set_timesteps(steps)
    random = torch.Generator().manual_seed(0)
    picture, noise = torch.randn(2, 1, 4, 8, 8, generator=random)
    latents = noise * scheduler.init_noise_sigma
    for t in scheduler.timesteps:
        alpha = float(scheduler.alphas_cumprod[int(t)]) ** 0.5
        model_input = scheduler.scale_model_input(latents, t)
        noise_pred = (model_input - alpha * picture) / (1 - alpha**2) ** 0.5
        latents = scheduler.step(noise_pred, t, latents).prev_sample
    assert float((latents - picture).abs().max()) < 1e-3


@pytest.mark.parametrize("spans", [("0-1", "0-1"), ("0-0.6", "0.4-1"), ("0.2-0.6", "0.2-0.6")])
def test_depth_beside_poses_is_what_diffusers_pipeline_paints_with_two_controlnets(spans, models, tmp_path):
    """Each with its own strength, and from its own step to its own step."""
    from PIL import Image

    net = str(tiny_temporalnet(models, tmp_path / "depth", seed=7))
    given = dict(depth=True, depth_controlnet=net, depth_scale=0.7, control_scale=0.9)
    settings, pipeline = load(models, **given, control_span=spans[0], depth_span=spans[1])
    with torch.no_grad():  # so that what the pictures show counts as much as that there are some
        for each in pipeline.controlnet.nets:
            each.controlnet_cond_embedding.conv_out.weight.mul_(1000)
    stretch = scene(8)
    depth = np.random.default_rng(5).integers(0, 256, stretch.poses.shape, dtype=np.uint8)
    stretch = replace(stretch, depth=depth)
    noise = frame_noise(3, 0, 8, (4, 8, 6), window=8)
    starts, ends = zip(settings.control_span, settings.depth_span, strict=True)
    with quiet_libraries():
        theirs = pipeline(
            "a dancer", negative_prompt=settings.negative_prompt, num_frames=8, width=48, height=64,
            num_inference_steps=STEPS, guidance_scale=4.0, latents=noise.permute(1, 0, 2, 3)[None],
            conditioning_frames=[[Image.fromarray(each) for each in shown] for shown in (stretch.poses, depth)],
            controlnet_conditioning_scale=[0.9, 0.7], control_guidance_start=list(starts),
            control_guidance_end=list(ends), output_type="latent",
        ).frames[0].permute(1, 0, 2, 3)  # fmt: skip
        painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
        ours, exchanged = painter.paint(stretch), painter.paint(replace(stretch, depth=stretch.poses))
        painter.use(tier_named("8"))
        thrifty = painter.paint(stretch)
    close = 1e-6 * float(theirs.abs().max())
    off = [float((each - theirs).abs().max()) for each in (ours, thrifty, exchanged)]
    assert off[0] <= close and off[1] <= close and off[2] > 50 * close, (off, close)


def test_a_strength_that_stays_is_that_strength(models, painter, tmp_path):
    painter.use(TIERS[0])
    half, full = np.full(8, 0.5, np.float32), np.ones(8, np.float32)
    lora = str(tiny_lora(models, tmp_path / "lora.safetensors", motion=False, size=2.0))

    def painted(strengths, **choices):
        settings, pipeline = load(models, **choices)
        return AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu").paint(replace(scene(8), strengths=strengths))

    same = {
        "control": (painter.paint(replace(scene(8), strengths={"control": half})), painted({}, control_scale=0.5)),
        "prompt": (painter.paint(replace(scene(8), strengths={"prompt": half})), painted({}, guidance=2.0)),
        "lora": (
            painted({"lora": half}, lora=(lora,), pulse=("lora=0-1",)), painted({}, lora=(f"{lora}=0.5",))
        ),
        "one": (painted({"lora": full}, lora=(lora,), pulse=("lora=0-1",)), painted({}, lora=(lora,))),
    }  # fmt: skip
    for name, (one, other) in same.items():
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-3 * float(other.abs().max())), name
        assert not torch.allclose(one, painter.paint(scene(8)), rtol=1e-3, atol=1e-3), name


def test_a_strength_that_changes_acts_in_its_own_frames(models, tmp_path):
    """From frame 14 on, which only the last of three windows sees: in two steps that reaches frame 6, none before."""
    lora = str(tiny_lora(models, tmp_path / "lora.safetensors", motion=False, size=2.0))
    settings, pipeline = load(models, steps=2, context="static", lora=(lora,), pulse=("lora=0-1",))
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    low = np.full(20, 0.25, np.float32)
    rising = np.where(np.arange(20) < 14, low, 1).astype(np.float32)
    for name in ("control", "prompt", "lora"):
        stays, rises = (painter.paint(replace(scene(20), strengths={name: each})) for each in (low, rising))
        close = 1e-5 * float(stays.abs().max())
        assert torch.allclose(stays[:6], rises[:6], rtol=0, atol=close), name
        assert float((stays[14:] - rises[14:]).abs().max()) > 100 * close, name


@pytest.mark.parametrize("name", ["16", "12", "8"])
def test_thrift_changes_no_more_than_rounding(name, painter):
    painter.use(TIERS[0])
    roomy = painter.paint(scene(14))
    pictures = np.stack(list(painter.decode(roomy))).astype(int)
    painter.use(tier_named(name))
    thrifty = painter.paint(scene(14))
    assert torch.allclose(roomy, thrifty, rtol=1e-3, atol=1e-3 * float(roomy.abs().max()))
    assert np.abs(np.stack(list(painter.decode(roomy))).astype(int) - pictures).max() <= 1


@pytest.mark.parametrize("kind", ["dpm++", "lcm", "euler"])
def test_frames_are_decoded_beside_the_last_windows_and_are_the_same(kind, models):
    settings, pipeline = load(models, sampler=kind, context="static")
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    expected = np.stack(list(painter.decode(painter.paint(scene(20))))).astype(int)
    frames, first, windows = {}, threading.Event(), []

    def write(place: int, frame: np.ndarray) -> None:
        frames[place] = frame.astype(int)
        first.set()

    def wait_in_the_last_window(*_) -> None:
        windows.append(1)
        if len(windows) == 3 * STEPS:
            assert first.wait(60), "nothing is decoded while the last window is painted"

    hook = pipeline.unet.register_forward_pre_hook(wait_in_the_last_window)
    painter.film(scene(20), write)
    hook.remove()
    assert len(windows) == 3 * STEPS and list(frames) == list(range(20))
    assert np.abs(np.stack(list(frames.values())) - expected).max() <= 1


def test_a_fault_in_decoding_ends_the_painting(painter):
    def write(place: int, frame: np.ndarray) -> None:
        raise OSError("the disk is full")

    painter.use(TIERS[0])
    with pytest.raises(OSError, match="disk is full"):
        painter.film(scene(10), write)


def test_a_scene_that_was_painted_and_not_decoded_is_only_decoded(painter, tmp_path):
    painter.use(TIERS[0])
    whole, steps, frames = painter.paint(scene(10), resume=tmp_path / "saved"), [], []
    assert torch.equal(painter.paint(scene(10), resume=tmp_path / "saved", advance=steps.append), whole)
    assert steps == [STEPS]
    painter.film(scene(10), lambda place, frame: frames.append(place), resume=tmp_path / "saved")
    assert frames == list(range(10))


@pytest.mark.parametrize("kind", ["dpm++", "lcm", "euler"])
def test_a_scene_goes_on_from_its_saved_latents_to_the_same_bits(kind, models, tmp_path, monkeypatch):
    settings, pipeline = load(models, sampler=kind)
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    whole = painter.paint(scene(10))
    taken = []

    def stop_at_the_fourth(steps: float) -> None:
        taken.append(steps)
        if sum(taken) == 4:
            raise KeyboardInterrupt

    saved = tmp_path / "scene"
    monkeypatch.setattr(denoising, "SAVE_EVERY", 3)
    with pytest.raises(KeyboardInterrupt):
        painter.paint(scene(10), resume=saved, advance=stop_at_the_fourth)
    taken.clear()
    again = painter.paint(scene(10), resume=saved, advance=taken.append)
    assert taken[0] == 3 and sum(taken) == STEPS
    assert torch.equal(again, whole)


def test_a_damaged_save_is_begun_anew(painter, tmp_path):
    (tmp_path / "latents.safetensors").write_bytes(b"half a file")
    assert torch.equal(painter.paint(scene(3), resume=tmp_path), painter.paint(scene(3)))


def test_tiers_end_and_only_a_lack_of_memory_steps_down():
    assert [tier.name for tier in TIERS] == ["24", "16", "12", "8"] and tier_below(TIERS[-1]) is None
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError) as caught:  # 2**62 bytes: the allocator itself says no
        torch.empty(2**60, dtype=torch.float32)
    assert is_out_of_memory(caught.value)


def larger(stretch: Scene) -> Scene:
    """A scene to be painted half as large again."""
    poses = np.random.default_rng(1).integers(0, 256, (len(stretch), 96, 72, 3), dtype=np.uint8)
    return replace(stretch, larger=replace(stretch, poses=poses))


@pytest.mark.parametrize("kind", ["dpm++", "euler"])
def test_the_larger_pass_is_what_diffusers_makes_of_video_that_is_painted_anew(kind, models):
    """AnimateDiffVideoToVideoControlNetPipeline, from the same enlarged latents and the same noise."""
    import diffusers
    from PIL import Image
    from torch.nn.functional import interpolate

    settings, pipeline = load(models, sampler=kind, upscale=1.5, upscale_strength=0.6)
    stretch = larger(scene(8))
    names = ("vae", "text_encoder", "tokenizer", "unet", "scheduler", "controlnet")
    parts = {name: getattr(pipeline, name) for name in names}
    whole = diffusers.AnimateDiffVideoToVideoControlNetPipeline(motion_adapter=None, **parts)
    painter = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu")
    small = painter.paint(replace(stretch, larger=None))
    ours = painter.paint(stretch)
    start = interpolate(small, (12, 9), mode="bicubic")
    noise = frame_noise(other_seed(3, "larger"), 0, 8, (4, 12, 9), window=8)
    scheduler = pipeline.scheduler
    scheduler.set_timesteps(STEPS)
    scheduler.set_begin_index(STEPS - 3)
    noisy = scheduler.add_noise(start, noise, scheduler.timesteps[STEPS - 3 :][:1])
    (control,) = painter._controls
    control.network.controlnet_cond_embedding = control.embed
    with quiet_libraries():
        theirs = whole(
            prompt="a dancer", negative_prompt=settings.negative_prompt,
            width=72, height=96, num_inference_steps=STEPS, strength=0.6, guidance_scale=4.0,
            latents=noisy.permute(1, 0, 2, 3)[None], output_type="latent", controlnet_conditioning_scale=1.0,
            conditioning_frames=[Image.fromarray(pose) for pose in stretch.larger.poses],
        ).frames[0].permute(1, 0, 2, 3)  # fmt: skip
    assert ours.shape == (8, 4, 12, 9)
    assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-3 * float(theirs.abs().max()))


def test_a_scene_goes_on_in_its_larger_pass_to_the_same_bits(models, tmp_path, monkeypatch):
    settings, pipeline = load(models, upscale=1.5, upscale_strength=0.6)
    painter, stretch, taken = AnimateDiffPainter(pipeline, settings, TIERS[0], "cpu"), larger(scene(10)), []
    whole = painter.paint(stretch)

    def stop_in_the_second_pass(steps: float) -> None:
        taken.append(steps)
        if sum(taken) == STEPS + 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(denoising, "SAVE_EVERY", 1)
    with pytest.raises(KeyboardInterrupt):
        painter.paint(stretch, resume=tmp_path, advance=stop_in_the_second_pass)
    taken.clear()
    assert torch.equal(painter.paint(stretch, resume=tmp_path, advance=taken.append), whole)
    assert sum(taken) == STEPS + 3 and STEPS in taken and 2 in taken
