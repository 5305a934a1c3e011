"""The loss terms, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from dancegen.choreographers.gan import losses
from dancegen.errors import InputError
from dancegen.pose.heatmaps import decode_heatmaps, draw_heatmaps

SURE = torch.ones(1)


def logits(*values: float) -> list[list[torch.Tensor]]:
    """What a discriminator of that many scales says of a picture: one feature, then one logit."""
    return [[torch.zeros(1, 2, 4, 4), torch.full((1, 1, 2, 2), value)] for value in values]


def test_the_adversarial_losses_take_logits():
    sure = math.log(1 + math.exp(-3.0))  # -log sigmoid(3)
    assert losses.adversarial_loss(logits(3.0, 3.0)).item() == pytest.approx(sure, rel=1e-5)
    assert losses.real_loss(logits(3.0, 3.0), 0.0).item() == pytest.approx(sure, rel=1e-5)
    assert losses.fake_loss(logits(3.0, 3.0)).item() == pytest.approx(3 + sure, rel=1e-5)
    assert losses.fake_loss(logits(3.0, -3.0)).item() == pytest.approx((3 + sure + sure) / 2, rel=1e-5)
    # Smoothed, the real label is 0.9: best where the discriminator is nine tenths sure.
    smoothed = [losses.real_loss(logits(x), 0.1).item() for x in (1.0, math.log(9), 4.0)]
    assert min(smoothed) == smoothed[1]


def test_a_certain_discriminator_still_has_a_gradient():
    judged = [[torch.full((1, 1, 2, 2), -40.0, requires_grad=True)]]
    losses.adversarial_loss(judged).backward()
    assert judged[0][0].grad.sum().item() == pytest.approx(-1.0)  # a sigmoid before the loss would leave nothing


def test_feature_matching_is_the_mean_over_layers_and_scales_and_leaves_the_logits_out():
    def features(*levels):
        sizes = ((1, 4, 1), (3, 2, 2), (1, 1, 99))  # channels, side, multiple; the last are the logits
        return [[torch.full((1, c, s, s), m * level) for c, s, m in sizes] for level in levels]

    assert losses.feature_matching_loss(features(1.0, 0.0), features(0.0, 0.0), SURE).item() == pytest.approx(
        (1 + 2) / 4
    )
    assert losses.feature_matching_loss(features(1.0, 3.0), features(1.0, 3.0), SURE).item() == 0


def test_black_counts_a_tenth():
    real = torch.full((1, 3, 2, 2), -1.0)
    real[0, :, 0, 0] = 1.0  # one pixel of four is drawn
    fake = real.clone()
    fake[0, :, 1, 1] = 0.0  # a black pixel is off by 1
    assert losses.weighted_l1_loss(fake, real, 0.1, SURE).item() == pytest.approx(0.1 / 1.3)
    fake = real.clone()
    fake[0, :, 0, 0] = 0.0  # the drawn one is
    assert losses.weighted_l1_loss(fake, real, 0.1, SURE).item() == pytest.approx(1.0 / 1.3)
    assert losses.weighted_l1_loss(fake, real, 1.0, SURE).item() == pytest.approx(1 / 4)


def test_heat_channels_are_held_to_the_squared_error_with_the_same_weights():
    real = torch.full((1, 3 + 18, 2, 2), -1.0)
    real[0, 3, 0, 0] = 0.5
    fake = real.clone()
    fake[0, 3, 0, 0] = 0.0
    fake[0, 4, 1, 1] = -0.8
    total = 1.0 + 0.1 * (18 * 4 - 1)
    assert losses.weighted_l1_loss(fake, real, 0.1, SURE).item() == pytest.approx((0.25 + 0.1 * 0.04) / total, rel=1e-4)


def one_joint(x: float, y: float, size: int = 24) -> np.ndarray:
    pose = np.zeros((1, 18, 3), np.float32)
    pose[0, 4] = (x, y, 1)
    return pose


def painted(pose: np.ndarray, size: int = 24, sigma: float = 1.5) -> torch.Tensor:
    heat = torch.from_numpy(draw_heatmaps(pose, (size, size), sigma)) * 2 - 1
    return torch.cat([torch.full((len(pose), 3, size, size), -1.0), heat], 1)


def test_the_position_loss_is_the_distance_in_deviations_and_none_where_the_joint_is_right():
    at = painted(one_joint(10.3, 12.6))
    assert losses.position_loss(at, torch.from_numpy(one_joint(10.3, 12.6)), 1.5, SURE).item() < 0.02
    off = losses.position_loss(at, torch.from_numpy(one_joint(13.3, 12.6)), 1.5, SURE).item()
    assert off == pytest.approx((3 - 0.15) / 1.5, abs=0.05)  # smooth L1: half of beta less than the distance


def test_the_position_loss_draws_a_joint_to_its_place():
    image = painted(one_joint(10.0, 12.0)).clamp(-0.999, 0.999).atanh().requires_grad_(True)
    target = torch.from_numpy(one_joint(12.5, 11.0))
    optimiser, found = torch.optim.Adam([image], 0.1), []
    for step in range(60):
        shown = torch.tanh(image)
        if step % 20 == 0:
            found.append(decode_heatmaps((shown.detach().numpy()[:, 3:] + 1) / 2, 0.15)[0, 4])
        optimiser.zero_grad()
        losses.position_loss(shown, target, 1.5, SURE).backward()
        optimiser.step()
    shown = torch.tanh(image).detach()
    found.append(decode_heatmaps((shown.numpy()[:, 3:] + 1) / 2, 0.15)[0, 4])
    distances = [float(np.hypot(x - 12.5, y - 11.0)) for x, y, _ in found]
    assert distances == sorted(distances, reverse=True) and distances[-1] < 0.5 < 2.5 < distances[0]


def test_joints_that_are_hidden_or_not_painted_have_no_position():
    image = painted(one_joint(10, 12)).requires_grad_(True)
    hidden = torch.zeros(1, 18, 3)
    assert losses.position_loss(image, hidden, 1.5, SURE).item() == 0
    black = torch.full((1, 21, 24, 24), -1.0, requires_grad=True)
    loss = losses.position_loss(black, torch.from_numpy(one_joint(3, 3)), 1.5, SURE)
    loss.backward()
    assert loss.item() == 0 and torch.isfinite(black.grad).all()


def test_what_is_not_trusted_does_not_count():
    real = painted(np.concatenate([one_joint(10, 12), one_joint(10, 12)]))
    fake = painted(np.concatenate([one_joint(14, 12), one_joint(10, 12)]))
    where = torch.from_numpy(np.concatenate([one_joint(10, 12), one_joint(10, 12)]))

    def found(trust):
        features = [[fake, fake[:, :1]]], [[real, real[:, :1]]]
        terms = (
            losses.weighted_l1_loss(fake, real, 0.1, trust),
            losses.position_loss(fake, where, 1.5, trust),
            losses.feature_matching_loss(*features, trust),
        )
        return [term.item() for term in terms]

    # The first frame is wrong, the second right.
    assert found(torch.tensor([0.5, 1.0])) == pytest.approx([term / 2 for term in found(torch.ones(2))], rel=1e-3)
    assert found(torch.tensor([0.0, 1.0])) == pytest.approx([0, 0, 0], abs=1e-6) and min(found(torch.ones(2))) > 0.001


class Slope(nn.Module):
    """A discriminator whose gradient by the image has the same known norm everywhere."""

    def __init__(self, norm: float):
        super().__init__()
        direction = torch.arange(1.0, 3 * 4 * 4 + 1)
        self.weight = nn.Parameter(norm * direction / direction.norm())

    def forward(self, image, history, mel):
        return [[(image.flatten(1) @ self.weight).reshape(-1, 1, 1, 1)]]


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_the_gradient_penalty_is_the_square_of_how_far_the_norm_is_from_1(norm):
    real, fake = torch.rand(5, 3, 4, 4), torch.rand(5, 3, 4, 4)
    slope = Slope(norm)
    penalty = losses.gradient_penalty(slope, real, fake, real, real)
    assert penalty.item() == pytest.approx((norm - 1) ** 2, abs=1e-6)
    if norm > 0:
        penalty.backward()
        push = (slope.weight.grad @ slope.weight).item() / norm
        assert push == pytest.approx(2 * (norm - 1), abs=1e-4)  # a step against it brings the norm to 1


def test_the_penalty_is_taken_between_real_and_fake():
    seen = []

    class Watching(Slope):
        def forward(self, image, history, mel):
            seen.append(image.detach())
            return super().forward(image, history, mel)

    real, fake = torch.zeros(50, 3, 4, 4), torch.ones(50, 3, 4, 4)
    losses.gradient_penalty(Watching(1.0), real, fake, real, real)
    (mixed,) = seen
    assert (mixed == mixed[:, :1, :1, :1]).all() and 0 < mixed.min() < 0.2 < 0.8 < mixed.max() < 1


# VGG


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    from safetensors.torch import save_file
    from torchvision.models.vgg import cfgs, make_layers

    torch.manual_seed(0)
    layers = make_layers(cfgs["D"])[:16]
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file({f"features.{name}": value for name, value in layers.state_dict().items()}, path)
    return path


def test_the_perceptual_loss_sees_differences_at_three_depths_and_learns_nothing_itself(vgg_file):
    loss = losses.PerceptualLoss(vgg_file)
    image = torch.rand(2, 21, 32, 32) * 2 - 1
    other = image.flip(3).requires_grad_(True)
    found = loss(other, image)
    found.backward()
    assert loss(image, image).item() == 0 < found.item()
    assert [f.shape[1:] for f in loss.features(image)] == [(64, 32, 32), (128, 16, 16), (256, 8, 8)]
    assert other.grad[:, :3].abs().min() >= 0 and other.grad[:, :3].any() and not other.grad[:, 3:].any()
    assert not any(parameter.requires_grad for parameter in loss.parameters())


def test_real_vgg_weights_are_read(shared_weights):
    loss = losses.PerceptualLoss(shared_weights / "vgg16-imagenet-features.safetensors")
    assert loss(torch.zeros(1, 3, 32, 32), torch.rand(1, 3, 32, 32)).item() > 0.01


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("kind", ["nothing.pth", "text.pth", "text.safetensors", "pickle.pth", "other.safetensors"])
def test_what_is_not_vgg_is_named(kind, tmp_path):
    import pickle

    from safetensors.torch import save_file

    path = tmp_path / kind
    if kind.startswith("nothing"):
        path.write_bytes(b"")
    elif kind.startswith("text"):
        path.write_text("these are not the weights you are looking for")
    elif kind.startswith("pickle"):
        path.write_bytes(pickle.dumps(Trap()))
    else:
        save_file({"features.0.weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=path.name):
        losses.PerceptualLoss(path)
    assert not Trap.sprung


class Trap:
    """An object whose unpickling runs code."""

    sprung = False

    def __reduce__(self):
        return (setattr, (Trap, "sprung", True))


def test_missing_vgg_weights_are_answered_with_the_download_its_size_and_both_ways_round(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError) as error:
        losses.find_vgg(None)
    for part in ("https://", "528 MB", "--vgg", "--perceptual 0", str(tmp_path)):
        assert part in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        losses.find_vgg(tmp_path / "vgg.safetensors")
    home = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    home.parent.mkdir(parents=True)
    home.write_bytes(b"weights")
    assert losses.find_vgg(None) == home
