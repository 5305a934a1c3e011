"""The VAE piece by piece and strip by strip gives what diffusers' own gives of the whole; masks say what is known."""

from __future__ import annotations

import pytest
import torch

from dancegen.renderers.wan_vace.conditions import mask_of
from dancegen.renderers.wan_vace.vae import decode, encode, raw, statistics
from helpers.tiny_wan import tiny_wan


@pytest.fixture(scope="module")
def vae(tmp_path_factory):
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan.from_pretrained(tiny_wan(tmp_path_factory.mktemp("wan")) / "vae").eval()


@pytest.mark.parametrize("strips", [1, 2, 4])
@pytest.mark.parametrize("upright", [True, False])
def test_strips_of_a_picture_give_what_the_whole_gives(strips, upright, vae):
    torch.manual_seed(1)
    shape = (48, 2) if upright else (2, 48)
    video = torch.rand(1, 3, 9, *(8 * side for side in shape)) * 2 - 1
    latents = torch.randn(1, 16, 3, *shape)
    with torch.inference_mode():
        mean, std = statistics(vae, "cpu")
        theirs = (vae.encode(video).latent_dist.mode() - mean) / std
        assert (encode(vae, video, device="cpu", strips=strips) - theirs).abs().max() <= 1e-5
        assert (raw(vae, theirs) - vae.encode(video).latent_dist.mode()).abs().max() <= 1e-5
        assert (decode(vae, latents, strips=strips) - vae.decode(latents).sample).abs().max() <= 1e-5


@pytest.mark.parametrize("frames", [13, 17, 81])
@pytest.mark.parametrize("known, marked", [(0, 0), (1, 0), (2, 1), (6, 2), (10, 3)])
def test_of_known_frames_at_the_beginning_so_many_latents_are_known(known, marked, frames):
    painted = torch.ones(frames)
    painted[:known] = 0
    mask = mask_of(painted, ((frames + 3) // 4, 2, 3), 8)
    assert mask.shape == (1, 64, (frames + 3) // 4, 2, 3)
    assert (mask[0, 0, :, 0, 0] == 0).sum() == marked and (mask[0, 0, marked:] == 1).all()
