"""Between keypoints and the pose image the GAN paints: red, green, blue and one heat channel a joint, all in -1..1.

Everything drawn here has the gradient of the poses it was drawn from, so that a step of a dance is also judged by what
it leads to.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dancegen.choreographers.gan.config import GanConfig, ImageConfig
from dancegen.pose.cleaning import FILLED_CONFIDENCE, clamp_limbs
from dancegen.pose.decoding import decode_image
from dancegen.pose.drawing import draw_poses
from dancegen.pose.heatmaps import decode_heatmaps
from dancegen.pose.skeleton import BODY, JOINT_COLORS, LIMBS, N_LIMBS

THRESHOLD = 0.15
"""Heat under which a joint is taken to be missing: low, because a blurred joint is still a joint."""
STROKE = 0.8
"""Standard deviation of a limb's stroke, in pixels of the canvas it is drawn on."""
HELD_CONFIDENCE = 0.3
"""Of a joint that the image does not show and that therefore stays where it was: under FILLED_CONFIDENCE."""
FINE_ENOUGH = 32
"""Width of a canvas beyond which limbs are drawn at half size and enlarged."""


def clean(poses: Tensor, image: ImageConfig) -> Tensor:
    """The clean picture of each pose: (N, 18, 3) in image pixels to (N, C, S, S) in -1..1."""
    rgb = 2 * picture(poses, image) - 1
    return torch.cat([rgb, heat(poses, image)], 1) if image.heatmaps else rgb


def picture(poses: Tensor, image: ImageConfig) -> Tensor:
    """Red, green and blue of poses (N, 18, 3): (N, 3, S, S) in 0..1.

    Beside heat channels, limbs alone, soft, with the poses' gradient; without them the drawing that joints can be
    decoded from, without gradient.
    """
    if image.heatmaps:
        return _sticks(poses, image.size)
    drawn = torch.from_numpy(draw_poses(poses.detach().cpu().numpy(), (image.size, image.size)))
    return drawn.to(poses.device).permute(0, 3, 1, 2).float() / 255


def heat(poses: Tensor, image: ImageConfig) -> Tensor:
    """Heat channels (N, 18, S, S) in -1..1 of poses (N, 18, 3); those of missing joints are dark."""
    places = torch.arange(image.size, device=poses.device, dtype=torch.float32)
    blob = torch.exp(-0.5 * ((places - poses[..., :2, None]) / image.sigma) ** 2)
    there = (poses[..., 2] > 0).float()[..., None, None]
    return 2 * (there * blob[:, :, 1, :, None]) * blob[:, :, 0, None, :] - 1


def _sticks(poses: Tensor, size: int) -> Tensor:
    """Limbs in their colours, their edges fading with the distance from the bone."""
    reduced = 1 if size <= FINE_ENOUGH else 2
    first, second = torch.tensor(LIMBS, device=poses.device).T
    colours = torch.tensor(JOINT_COLORS[:N_LIMBS], device=poses.device, dtype=torch.float32) / 255
    there = ((poses[:, first, 2] > 0) & (poses[:, second, 2] > 0)).float()[..., None, None]
    points = (poses[..., :2] + 0.5) / reduced - 0.5
    start = points[:, first]
    bone = points[:, second] - start
    places = torch.arange(size // reduced, device=poses.device, dtype=torch.float32)
    x, y = ((places - start[..., i : i + 1]) for i in (0, 1))
    x, y, across, down = x[:, :, None, :], y[:, :, :, None], bone[..., 0, None, None], bone[..., 1, None, None]
    along = ((x * across + y * down) / (across**2 + down**2).clamp(min=1e-3)).clamp(0, 1)
    distance = (x - along * across) ** 2 + (y - along * down) ** 2
    cover = there * torch.exp(distance * (-0.5 / STROKE**2))
    drawn = torch.einsum("nlhw,lc->nchw", cover, colours) / cover.sum(1, keepdim=True).clamp(min=1)
    if reduced == 1:
        return drawn
    return nn.functional.interpolate(drawn, scale_factor=reduced, mode="bilinear", align_corners=False)


def past(latest: Tensor, before: Tensor, config: GanConfig) -> Tensor:
    """What the generator is shown of the past, (N, config.past_channels, S, S), of poses (N, 18, 3).

    The latest pose; and, with momentum, heat where that share of her motion since the pose `before` carries the dancer
    (in the place of the latest pose's heat, which comes after it). A joint that was not there before stays where it is.
    """
    momentum = config.generator.momentum
    if momentum is None or not config.image.heatmaps:
        return clean(latest, config.image)
    known = (latest[..., 2:] > 0) & (before[..., 2:] > 0)
    moved = latest[..., :2] + torch.where(known, momentum * (latest[..., :2] - before[..., :2]), 0)
    ahead = heat(torch.cat([moved, latest[..., 2:]], -1), config.image)
    drawn = clean(latest, config.image)
    return torch.cat([drawn[:, :3], ahead, drawn[:, 3:]], 1)


def read(images: Tensor, image: ImageConfig) -> np.ndarray:
    """The joints seen in generated pictures, and in nothing else: `(N, C, S, S)` in -1..1 to `(N, 18, 3)` pixels."""
    pixels = images.detach().float().cpu().numpy()
    if image.heatmaps:
        return decode_heatmaps((pixels[:, 3:] + 1.0) / 2.0, THRESHOLD, image.sigma)
    pictures = np.clip((pixels.transpose(0, 2, 3, 1) + 1.0) * 127.5, 0, 255).astype(np.uint8)
    return np.stack([decode_image(picture) for picture in pictures])


def tidy(seen: np.ndarray, before: np.ndarray, longest: np.ndarray) -> np.ndarray:
    """(N, 18, 3): a body joint that the image lost stays where it was; no limb is longer than `longest`, (17,) pixels.

    Neither is invented: without it one lost or far-off joint leads the next image astray, and that the next.
    """
    lost = np.zeros(seen.shape[:2], bool)
    lost[:, BODY] = (seen[:, BODY, 2] <= 0) & (before[:, BODY, 2] > 0)
    held = np.concatenate([before[..., :2], np.full_like(before[..., 2:], HELD_CONFIDENCE)], -1)
    found = seen.copy()
    found[..., 2] = np.where(seen[..., 2] > 0, np.maximum(seen[..., 2], FILLED_CONFIDENCE), 0)
    return clamp_limbs(np.where(lost[..., None], held, found), longest)


def follow(keypoints: np.ndarray, images: Tensor, image: ImageConfig) -> Tensor:
    """Decoded keypoints (N, 18, 3) as a tensor whose positions have the gradient of the images they were read from."""
    hard = torch.from_numpy(keypoints).to(images.device)
    if not image.heatmaps or not images.requires_grad:
        return hard
    soft = locate(images, image.sigma)
    trusted = (hard[..., 2:] > 0) & ((hard[..., :2] - soft.detach()).abs().amax(-1, keepdim=True) < 2)
    return torch.cat([hard[..., :2] + torch.where(trusted, soft - soft.detach(), 0), hard[..., 2:]], -1)


def locate(images: Tensor, sigma: float) -> Tensor:
    """Where the heat channels of (N, 3 + 18, S, S) images say the joints are: (N, 18, 2) pixels, with gradient.

    The centroid in a Gaussian window round the highest pixel, as decoding takes it (integral regression, Sun et al.,
    2018): seen through a window of the blob's own width it lies half way between the window's centre and the blob's.
    """
    heat = (images[:, 3:].float() + 1) / 2
    size = heat.shape[-1]
    peak = heat.detach().flatten(2).argmax(-1)
    centre = torch.stack([peak % size, peak // size], -1).float()
    places = torch.arange(size, device=heat.device, dtype=torch.float32)
    window = torch.exp(-0.5 * ((places - centre[..., None]) / sigma) ** 2)
    seen = heat.relu() * window[:, :, 1, :, None] * window[:, :, 0, None, :]
    across, down = seen.sum(-2), seen.sum(-1)
    centroid = torch.stack([across @ places, down @ places], -1) / across.sum(-1, keepdim=True).clamp(min=1e-3)
    return 2 * centroid - centre
