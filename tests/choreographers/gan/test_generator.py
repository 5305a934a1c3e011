"""Every part of both networks takes part: the gradient reaches it, and without it the result is another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from dancegen.audio.beats import BEAT_BANDS
from dancegen.audio.features import N_MELS
from dancegen.choreographers.gan.blocks import ConvLSTMCell, DilatedBlock
from dancegen.choreographers.gan.data import ClipDataset
from dancegen.choreographers.gan.discriminator import MultiScaleDiscriminator
from dancegen.choreographers.gan.generator import JointReader, Latent, UNetGenerator
from dancegen.choreographers.gan.image import clean, follow, heat, locate, past, picture, read
from dancegen.choreographers.gan.losses import fake_loss, real_loss
from dancegen.pose.heatmaps import draw_heatmaps
from helpers.tiny_gan import lively, takes, tiny_config

CONFIG = tiny_config()
PARTS = (
    "down.0", "down.1", "down.2", "up.0", "up.1", "spectrogram", "spectrogram.down.0", "spectrogram.dilated",
    "spectrogram.attention", "spectrogram.loud",
    "spectrogram.pulse", "join", "residual.0", "attention", "lstm", "recall",
    "look", "joint_reader", "joint_projection", "flow", "flow.bend", "flow.whole", "latent.prior", "sharpen", "paint",
)  # fmt: skip
KEEPS_SHAPE = ("spectrogram.dilated", "spectrogram.attention", "residual.0", "attention", "look")
WITHOUT_EFFECT = {"attention.key.bias"}  # the softmax takes no notice of what is added to all its scores alike


@pytest.fixture(scope="module")
def clip():
    """Two clips of eight frames: images (2, 8, C, S, S) and mel (2, 8, mel_width, N_MELS + BEAT_BANDS)."""
    data = ClipDataset(takes(2, CONFIG), CONFIG, seed=0, augment=False)
    items = [data[0], data[1]]
    found = {name: torch.stack([item[name] for item in items])[:, :8] for name in items[0]}
    images = clean(found["keypoints"].flatten(0, 1), CONFIG.image).unflatten(0, (2, 8))
    return found | {"images": images}


def seen(clip: dict, t: int) -> torch.Tensor:
    """What the generator is shown before frame t: where momentum carries the dancer, and where she was."""
    frames = clip["keypoints"]
    return past(frames[:, t - 1], frames[:, max(0, t - 2)], CONFIG)


def dance(network: UNetGenerator, clip: dict, frames: int = 3) -> torch.Tensor:
    """(2, frames, C, S, S): the network's images when it is shown the real frames before each."""
    config, images, state = network.config, [], network.start_state(2)
    noise = torch.ones(2, config.generator.noise_channels)
    for t in range(1, frames + 1):
        past, song = seen(clip, t), network.encode_music(clip["mel"][:, t])
        latent, _ = network.sample_latent(past, song, noise, state)
        image, state = network(past, song, latent, state)
        images.append(image)
    return torch.stack(images, 1)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_generator_that_is_switched_off_is_missed(part, clip):
    network = lively(CONFIG)
    with torch.no_grad():
        whole = dance(network, clip)

    def off(module, inputs, output):
        if isinstance(module, ConvLSTMCell):
            return torch.zeros_like(output[0]), inputs[1]
        return inputs[0] if part in KEEPS_SHAPE else torch.zeros_like(output)

    network.get_submodule(part).register_forward_hook(off)
    with torch.no_grad():
        without = dance(network, clip)
    assert (whole - without).abs().max() > 1e-3


def test_the_gradient_reaches_every_weight_of_the_generator(clip):
    network = UNetGenerator(CONFIG).train()
    real, told = clip["images"][:, 2], torch.tensor([True, True])
    song = network.encode_music(clip["mel"][:, 2], torch.randn(2, 9, generator=torch.Generator().manual_seed(0)))
    _, divergence = network.sample_latent(seen(clip, 2), song, torch.ones(2, 4), network.start_state(2), real, told)
    (dance(network, clip).square().mean() + divergence.mean()).backward()
    untouched = {name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()}
    assert untouched <= WITHOUT_EFFECT


def test_the_song_is_loud_enough_to_be_heard(clip):
    """An untrained network already tells one moment of a song from another; a hundredth of this taught nothing."""
    torch.manual_seed(0)
    heard = UNetGenerator(CONFIG).encode_music(clip["mel"].flatten(0, 1))[:, :, 0, 0]
    assert heard.std(0).mean() > 0.1


def test_what_was_painted_before_remains_faintly(clip):
    network = lively(CONFIG)
    with torch.no_grad():
        whole = dance(network, clip)
        network.remain.zero_()
        assert (dance(network, clip) - whole).abs().max() > 0.1


def test_every_dilation_is_heard():
    block = DilatedBlock(4, (1, 2, 4), "leaky")
    x = torch.randn(1, 4, 12, 12, generator=torch.Generator().manual_seed(0))
    whole = block(x)
    for branch in block.branches:
        kept = branch.weight.data.clone()
        branch.weight.data.zero_()
        assert (block(x) - whole).abs().max() > 1e-3
        branch.weight.data.copy_(kept)
    far = torch.zeros(1, 4, 12, 12, requires_grad=True)
    block(far)[0, :, 2, 2].sum().backward()
    assert far.grad[0, :, 6, 6].any() and not far.grad[0, :, 7, 7].any()  # four pixels away, and no further


@pytest.mark.parametrize("given", ["carried pose", "previous pose", "song", "noise", "memory"])
def test_the_next_pose_depends_on_everything_the_generator_is_given(given, clip):
    network = lively(CONFIG)
    images, mel = clip["images"], clip["mel"]
    inputs = {
        "carried pose": images[:, 3],
        "previous pose": images[:, 2, 3:],
        "song": mel[:, 3],
        "noise": torch.zeros(2, 4),
        "memory": [torch.zeros_like(s) for s in network.start_state(2)],
    }
    others = {
        "carried pose": images[:, 6],
        "previous pose": images[:, 6, 3:],
        "song": mel[:, 3].flip(0),
        "noise": torch.ones(2, 4),
        "memory": [torch.ones_like(s) for s in network.start_state(2)],
    }

    def next_image(values):
        previous = torch.cat([values["carried pose"], values["previous pose"]], 1)
        with torch.no_grad():
            return network(previous, network.encode_music(values["song"]), values["noise"], tuple(values["memory"]))[0]

    assert (next_image(inputs | {given: others[given]}) - next_image(inputs)).abs().max() > 1e-3


def test_the_memory_carries_the_song_from_frame_to_frame(clip):
    network = lively(CONFIG)
    previous = seen(clip, 2)
    early = clip["mel"][:, 1].clone().requires_grad_(True)
    state = network.start_state(2)
    for mel in (early, clip["mel"][:, 2], clip["mel"][:, 3]):
        image, state = network(previous, network.encode_music(mel), torch.zeros(2, 4), state)
    (gradient,) = torch.autograd.grad(image.sum(), early)
    assert gradient.abs().max() > 1e-6


def test_the_image_stays_between_black_and_white(clip):
    network = lively(CONFIG)
    with torch.no_grad():
        network.paint.weight.mul_(50)
        image = dance(network, clip)
    assert image.shape == (2, 3, 3 + 18, 32, 32) and image.abs().max() <= 1


def test_dropout_is_a_source_of_chance_and_the_seed_decides_it(clip):
    network = lively(CONFIG).train()
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        with torch.no_grad():
            results.append(dance(network, clip))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_the_encoder_tells_what_comes_and_the_divergence_counts_it(clip):
    network = lively(CONFIG)
    noise, state, told = torch.zeros(2, 4), network.start_state(2), torch.tensor([True, False])
    song, real = network.encode_music(clip["mel"][:, 3]), clip["images"]
    with torch.no_grad():
        for layer in (network.latent.prior[-1], network.latent.encoder[-1]):
            layer.weight.mul_(50)
        guessed, nothing = network.sample_latent(seen(clip, 3), song, noise, state)
        one, nats = network.sample_latent(seen(clip, 3), song, noise, state, real[:, 3], told)
        other, _ = network.sample_latent(seen(clip, 3), song, noise, state, real[:, 7], told)
    assert not nothing.any() and (nats > 0).all()
    assert torch.equal(one[1], guessed[1]) and torch.equal(other[1], guessed[1])  # the row that nobody tells
    assert (one[0] - guessed[0]).abs().max() > 1e-2 and (one[0] - other[0]).abs().max() > 1e-3


def test_the_divergence_is_that_of_two_normal_distributions():
    from torch.distributions import Normal, kl_divergence

    torch.manual_seed(0)
    latent = Latent(5, 3)
    for network in (latent.prior, latent.encoder):
        torch.nn.init.normal_(network[-1].weight)
    known, motion, told = torch.randn(4, 5), torch.randn(4, 36), torch.ones(4, dtype=torch.bool)
    (prior, spread), (true, true_spread) = (
        (x[:, :3], 4 * torch.tanh(x[:, 3:] / 4))
        for x in (latent.prior(known), latent.encoder(torch.cat([known, motion], 1)))
    )
    true = true + latent.motion_to_latent(motion)
    wanted = kl_divergence(Normal(true, true_spread.exp()), Normal(prior, spread.exp())).sum(1)
    drawn, divergence = latent(known, torch.full((4, 3), 0.5), motion, told)
    assert torch.allclose(divergence, wanted, rtol=1e-4)
    assert torch.allclose(drawn, true + 0.5 * true_spread.exp())


def test_the_reading_says_where_joints_are_and_where_they_go():
    now, before = two_poses()
    found = JointReader()(past(now, before, tiny_config("generator.momentum=1.0")))[0].unflatten(0, (2, 2, 18))
    to_axis = 2 / 31
    assert found[0, :, 4].tolist() == pytest.approx([20 * to_axis - 1, 10 * to_axis - 1], abs=0.01)
    assert found[1, :, 4].tolist() == pytest.approx([40 * to_axis, -20 * to_axis], abs=0.05)
    assert found[1, :, 7].abs().max() < 0.01 and not found[:, :, 0].any()


def two_poses() -> tuple[torch.Tensor, torch.Tensor]:
    now, before = torch.zeros(1, 18, 3), torch.zeros(1, 18, 3)
    now[0, 4], before[0, 4] = torch.tensor([20.0, 10, 1]), torch.tensor([16.0, 12, 1])
    now[0, 7] = torch.tensor([5.0, 6, 1])  # came into sight just now
    return now, before


def test_momentum_carries_every_joint_that_was_seen_twice():
    now, before = two_poses()
    shown = past(now, before, tiny_config("generator.momentum=0.5"))
    carried = read(shown[:, :21], CONFIG.image)[0]
    assert carried[4, :2] == pytest.approx([22, 9], abs=0.02) and carried[7, :2] == pytest.approx([5, 6], abs=0.02)
    assert not carried[0].any()
    assert shown.shape == (1, CONFIG.past_channels, 32, 32)
    assert torch.equal(shown[:, :3], clean(now, CONFIG.image)[:, :3])
    assert torch.equal(shown[:, 21:], heat(now, CONFIG.image))
    maps = torch.from_numpy(draw_heatmaps(now.numpy(), (32, 32), CONFIG.image.sigma))
    assert torch.allclose((heat(now, CONFIG.image) + 1) / 2, maps, atol=1e-6)
    assert torch.equal(past(now, before, tiny_config("generator.momentum=none")), clean(now, CONFIG.image))


def test_a_pose_drawn_clean_is_read_where_it_was_and_has_its_gradient():
    pose = torch.from_numpy(takes(1, CONFIG)[0].views[0].keypoints[:4].copy()).requires_grad_(True)
    image = clean(pose, CONFIG.image)
    again = follow(read(image, CONFIG.image), image, CONFIG.image)
    assert (again - pose)[..., :2].abs().max() < 0.05
    again[:, 4, 0].sum().backward()
    gradient = pose.grad[..., :2].clone()
    assert gradient[:, 4, 0].numpy() == pytest.approx(np.ones(4), abs=0.1)
    gradient[:, 4, 0] = 0
    assert gradient.abs().max() < 0.1
    assert (locate(image, CONFIG.image.sigma) - pose[..., :2]).abs().max() < 0.05


def test_limbs_are_drawn_in_their_places_with_gradient():
    pose = torch.zeros(1, 18, 3)
    pose[0, 2], pose[0, 3] = torch.tensor([8.0, 8, 1]), torch.tensor([24.0, 8, 1])  # the right upper arm
    pose.requires_grad_(True)
    drawn = picture(pose, CONFIG.image)
    covered = drawn.detach().amax(1)[0]
    assert covered[8, 16] > 0.8 and covered[4, 16] < 0.05 and covered[8, 30] < 0.05
    drawn[0, :, 10, 16].sum().backward()
    assert pose.grad[0, 2, 1] > 0 and pose.grad[0, 3, 1] > 0  # lower down, the limb would cover that pixel


# The discriminator


def earlier(clip) -> torch.Tensor:
    """The discriminator's history: pictures in 0..1 of the first poses, (2, 3 * H, S, S)."""
    return (clip["images"][:, : len(CONFIG.discriminator.history), :3].flatten(1, 2) + 1) / 2


def judged(network, clip, **changes):
    given = {
        "image": clip["images"][:, 3],
        "history": earlier(clip),
        "mel": clip["mel"][:, 3],
    }
    return network(*(given | changes).values())


@pytest.fixture(scope="module")
def judge():
    torch.manual_seed(0)
    return MultiScaleDiscriminator(CONFIG)


def test_both_scales_give_a_logit_a_patch_the_second_on_half_the_size(judge, clip):
    fine, coarse = judged(judge, clip)
    assert fine[-1].shape == (2, 1, 8, 8) and coarse[-1].shape == (2, 1, 4, 4)
    assert len(fine) == len(coarse) == len(CONFIG.discriminator.channels) + 1
    assert fine[-1].min() < 0 or fine[-1].max() > 1  # logits, not probabilities


@pytest.mark.parametrize("scale", [0, 1])
def test_the_gradient_reaches_every_weight_of_both_scales(judge, clip, scale):
    judge.zero_grad()
    (real_loss(judged(judge, clip), 0.1) + fake_loss(judged(judge, clip))).backward()
    assert all(value.grad.any() for value in judge.scales[scale].parameters())


@pytest.mark.parametrize("scale", [0, 1])
def test_a_scale_that_is_switched_off_is_missed(judge, clip, scale):
    features = judged(judge, clip)
    silent = [[f * (0 if i == scale else 1) for f in feats] for i, feats in enumerate(features)]
    for loss in (lambda f: real_loss(f, 0.1), fake_loss):
        assert abs(loss(silent) - loss(features)) > 1e-4


@pytest.mark.parametrize("given", ["image", "history", "mel"])
def test_both_scales_see_the_image_its_past_and_the_song(judge, clip, given):
    shape = {
        "image": clip["images"][:, 3],
        "history": earlier(clip),
        "mel": clip["mel"][:, 3],
    }
    for before, after in zip(judged(judge, clip), judged(judge, clip, **{given: shape[given].flip(0)}), strict=True):
        assert (before[-1] - after[-1]).abs().max() > 1e-4


def test_the_activation_takes_part_in_every_block():
    def blocks(network: UNetGenerator) -> list[torch.nn.Module]:
        parts = (network.down, network.up, network.spectrogram, network.join, network.residual, network.sharpen)
        return [module for part in parts for module in part.modules()]

    leaky, plain = (UNetGenerator(tiny_config(f"generator.activation={kind}")) for kind in ("leaky", "relu"))
    counts = [sum(isinstance(m, kind) for m in blocks(n)) for n, kind in ((leaky, nn.LeakyReLU), (plain, nn.ReLU))]
    assert counts[0] == counts[1] >= 10
    assert not any(isinstance(module, nn.ReLU) for module in leaky.modules())
    assert not any(isinstance(module, nn.LeakyReLU) for module in blocks(plain))
    plain.load_state_dict(leaky.state_dict())
    mel = torch.randn(2, CONFIG.generator.mel_width, N_MELS + BEAT_BANDS)
    assert (leaky.encode_music(mel) - plain.encode_music(mel)).abs().max() > 1e-4


def test_extra_layers_deepen_the_discriminator(clip):
    deep = MultiScaleDiscriminator(tiny_config("discriminator.extra_layers=5"))
    assert len(judged(deep, clip)[0]) == len(CONFIG.discriminator.channels) + 1 + 5


def test_the_discriminator_soon_tells_a_frozen_dance_from_a_real_one():
    """Both in the same strokes: only motion tells them apart."""
    torch.manual_seed(0)
    network, lags = MultiScaleDiscriminator(CONFIG), CONFIG.discriminator.history
    optimiser = torch.optim.Adam(network.parameters(), 1e-3, (0.5, 0.999))
    real = torch.from_numpy(np.stack([take.views[0].keypoints[:24] for take in takes(8, CONFIG)]))
    drawn = clean(real.flatten(0, 1), CONFIG.image).unflatten(0, real.shape[:2])
    mel = torch.zeros(8, CONFIG.generator.mel_width, N_MELS + BEAT_BANDS)
    found = []
    for step in range(60):
        now = 8 + step % 16
        moving = torch.cat([(drawn[:, now - lag, :3] + 1) / 2 for lag in lags], 1)
        frozen = ((drawn[:, now, :3] + 1) / 2).repeat(1, len(lags), 1, 1)
        loss = real_loss(network(drawn[:, now], moving, mel), 0.0) + fake_loss(network(drawn[:, now], frozen, mel))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    assert np.mean(found[-16:]) < 0.5 * 2 * np.log(2)  # half of what chance gives
