"""The loss terms. Generator: adversarial, feature matching, weighted L1 and perceptual, for images with heat
channels position, and for dances that go their own way synchrony. Discriminator: real, fake and gradient penalty. All
take logits, never probabilities."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss

from dancegen.audio.beats import Beats
from dancegen.audio.features import N_MELS
from dancegen.choreographers.beat_critic import beat_error
from dancegen.choreographers.gan.image import locate
from dancegen.errors import InputError
from dancegen.files import load_checkpoint, load_tensors

VGG_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
VGG_SIZE_MB = 528

Features = list[list[Tensor]]


def adversarial_loss(judged: Features) -> Tensor:
    """Generator: binary cross entropy of its patches against "real", mean over both scales."""
    return _patches(judged, 1.0)


def real_loss(judged: Features, smoothing: float) -> Tensor:
    """Discriminator on real frames; one-sided label smoothing (Salimans et al., 2016)."""
    return _patches(judged, 1.0 - smoothing)


def fake_loss(judged: Features) -> Tensor:
    """Discriminator on generated frames."""
    return _patches(judged, 0.0)


def _patches(judged: Features, label: float) -> Tensor:
    logits = [scale[-1].float() for scale in judged]
    return torch.stack([binary_cross_entropy_with_logits(x, torch.full_like(x, label)) for x in logits]).mean()


def feature_matching_loss(fake: Features, real: Features, trust: Tensor) -> Tensor:
    """L1 between the discriminator's features of both frames, mean over layers and scales (Wang et al., 2018).

    trust: (N,), how much each frame's real counterpart counts as the answer.
    """
    pairs = [(f, r) for fs, rs in zip(fake, real, strict=True) for f, r in zip(fs[:-1], rs[:-1], strict=True)]
    return torch.stack(
        [((f.float() - r.detach().float()).abs().mean((1, 2, 3)) * trust).mean() for f, r in pairs]
    ).mean()


def weighted_l1_loss(fake: Tensor, real: Tensor, black_weight: float, trust: Tensor) -> Tensor:
    """L1 over pixels of images in -1..1, where a pixel that is black in the real image counts `black_weight`.

    images: (N, C, S, S); trust: (N,), how much each real image counts as the answer. Without the pixels' weight an
    empty picture is nearly right: nine pixels in ten are black. The heat channels, all but the first three, are maps of
    a position and not paint: the median that L1 seeks of an uncertain position is an empty map, so they are held to the
    squared error, whose mean keeps the joint where it likely is.
    """
    colour = _weighted((fake[:, :3] - real[:, :3]).abs(), real[:, :3], black_weight, trust)
    if fake.shape[1] == 3:
        return colour
    return colour + _weighted((fake[:, 3:] - real[:, 3:]).square(), real[:, 3:], black_weight, trust)


def _weighted(error: Tensor, real: Tensor, black_weight: float, trust: Tensor) -> Tensor:
    weight = torch.where(real > -0.9, 1.0, black_weight)
    return ((error * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)) * trust).mean()


def position_loss(fake: Tensor, keypoints: Tensor, sigma: float, trust: Tensor) -> Tensor:
    """Mean distance, in joints' standard deviations, between where heat channels say a joint is and where it was.

    fake: (N, 3 + 18, S, S) in -1..1; keypoints: (N, 18, 3) pixels; trust: (N,). A dancer moves by about a pixel a
    frame, which pixel errors hardly notice and a centroid does; joints that are hidden or not painted yet do not count.
    """
    found = locate(fake, sigma)
    painted = fake.detach()[:, 3:].amax((-1, -2)) > -0.6
    counts = (keypoints[..., 2] > 0) & painted
    distance = nn.functional.smooth_l1_loss(found, keypoints[..., :2], reduction="none", beta=0.3).sum(-1)
    return (distance * counts * trust[:, None]).sum() / counts.sum().clamp(min=1) / sigma


def synchrony_loss(shown: Tensor, mel: Tensor, counts: Tensor) -> Tensor:
    """Squared distance between the beat that a dance shows and the music's, mean over frames whose music has one.

    shown: (B, N, 4), as the beat critic gives it; mel: (B, N, bands), each frame's moment in the spectrogram; counts:
    (B, N), how much each frame counts. Half for a dance that shows no beat at all.
    """
    cosine, sine = Beats.phasor(mel[..., N_MELS:]).unbind(-1)
    weight = counts * (cosine**2 + sine**2 > 0.25)
    return (beat_error(shown, cosine, sine) * weight).sum() / weight.sum().clamp(min=1)


def style_loss(apart: Tensor, counts: Tensor) -> Tensor:
    """Smooth L1 of how far styles are from their targets, (B, 9) in standard deviations of real dance, mean over the
    clips that count, (B,). What the real dance does not show, nan, is not far from anything."""
    known = torch.where(apart.isnan(), 0, apart)
    error = nn.functional.smooth_l1_loss(known, torch.zeros_like(known), reduction="none", beta=0.5).mean(1)
    return (error * counts).sum() / counts.sum().clamp(min=1)


def gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor, history: Tensor, mel: Tensor) -> Tensor:
    """How far the gradient's norm on random interpolates is from 1: E[(|grad D| - 1)^2] (Gulrajani et al., 2017)."""
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    mixed = (share * real + (1 - share) * fake.detach()).requires_grad_(True)
    score: Any = sum(scale[-1].float().mean((1, 2, 3)).sum() for scale in discriminator(mixed, history, mel))
    (gradient,) = torch.autograd.grad(score, mixed, create_graph=True)
    return (gradient.flatten(1).norm(2, 1) - 1).square().mean()


class PerceptualLoss(nn.Module):
    """L1 between VGG16 features of two images at three depths (Johnson et al., 2016); the network is frozen.

    weights: torchvision's VGG16 under its own key names (`features.0.weight` ...), .safetensors or .pth.
    """

    STAGES = ((0, 4), (4, 9), (9, 16))
    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path):
        super().__init__()
        from torchvision.models import vgg16

        with torch.device("meta"):  # without memory for the classifier's half gigabyte, which nobody needs here
            layers = cast(nn.Sequential, vgg16(weights=None).features)[: self.STAGES[-1][1]]
        layers.load_state_dict(_read_vgg(weights, layers), assign=True)
        for layer in layers:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.stages = nn.ModuleList(layers[a:b] for a, b in self.STAGES)
        self.requires_grad_(False).eval()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """Features of images whose first three channels are red, green and blue in -1..1."""
        x = (images[:, :3] / 2 + 0.5 - self.mean) / self.std
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, fake: Tensor, real: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = self.features(real)
        pairs = zip(self.features(fake), wanted, strict=True)
        return torch.stack([l1_loss(f.float(), r.float()) for f, r in pairs]).mean()


def _read_vgg(path: Path, layers: nn.Sequential) -> dict[str, Tensor]:
    stored = load_checkpoint(path) if path.suffix == ".pth" else load_tensors(path)
    if not isinstance(stored, dict):
        raise InputError(f"{path} holds no weights by name")
    wanted = layers.state_dict()
    for name, tensor in wanted.items():
        if f"features.{name}" not in stored or stored[f"features.{name}"].shape != tensor.shape:
            raise InputError(
                f"{path} lacks VGG16's features.{name}; it should hold torchvision's weights and key names"
            )
    return {name: stored[f"features.{name}"].float() for name in wanted}


def find_vgg(path: Path | None) -> Path:
    """The VGG16 weights: `path`, or torchvision's own download in torch's cache.

    InputError, naming the download, where there are none.
    """
    if path is not None:
        if not Path(path).is_file():
            raise InputError(f"--vgg {path}: no such file")
        return Path(path)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / VGG_URL.rsplit("/", 1)[1]
    if cached.is_file():
        return cached
    raise InputError(
        f"the perceptual loss needs VGG16's weights, which are not here: download {VGG_URL} ({VGG_SIZE_MB} MB) to "
        f"{cached}, or give them with --vgg PATH, or train without that loss: --perceptual 0"
    )
