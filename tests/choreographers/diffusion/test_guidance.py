"""Guidance as an input: one pass of the denoiser says what two said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dancegen.choreographers.diffusion import music, sampling
from dancegen.choreographers.diffusion.denoiser import Conditioning, Denoiser
from dancegen.choreographers.diffusion.guidance import STRONGEST, draw_guidance, unguided_by
from dancegen.choreographers.diffusion.planning import SampleRequest
from dancegen.choreographers.diffusion.sampling import sample
from dancegen.choreographers.diffusion.trainer import DiffusionTrainer
from helpers.tiny_diffusion import BODY, CONFIG, clips, model

GUIDED = replace(CONFIG, denoiser=replace(CONFIG.denoiser, guidance_embeds=True))


def test_what_is_compared_with_the_real_dance_is_what_guidance_would_go_beyond():
    with_music, without = torch.randn(2, 3, 5, 4)
    strength = torch.tensor([1.0, 2.0, 4.0])
    guided = without + strength[:, None, None] * (with_music - without)
    assert torch.allclose(unguided_by(strength, guided, without), with_music, atol=1e-6)


def test_only_windows_that_hear_their_music_are_guided_and_no_more_than_is_learnt():
    heard = torch.arange(4000) % 2 == 0
    strength = draw_guidance(heard, 0.5, torch.Generator().manual_seed(0))
    assert (strength[~heard] == 1).all() and 1 < strength.max() <= STRONGEST
    assert float((strength[heard] > 1).float().mean()) == pytest.approx(0.5, abs=0.03)
    inverse = 1 / strength[strength > 1]
    assert float(inverse.mean()) == pytest.approx((1 + 1 / STRONGEST) / 2, abs=0.02)


def test_a_new_denoiser_is_not_changed_by_the_strength_and_a_trained_one_is():
    torch.manual_seed(0)
    denoiser = Denoiser(GUIDED, 1).eval()
    torch.nn.init.normal_(denoiser.output_projection.weight)
    torch.nn.init.normal_(denoiser.modulate[1].weight, std=0.1)
    x, known, time = torch.randn(2, 60, 127), torch.zeros(2, 60, 4), torch.full((2,), 0.5)
    tokens = denoiser.encode_music(torch.randn(2, 68, music.WIDTH), torch.ones(2, dtype=torch.bool))

    def said(guidance):
        with torch.no_grad():
            return denoiser(x, known, time, tokens, Conditioning.none(2), guidance)

    assert torch.equal(said(None), said(torch.full((2,), 3.0)))
    torch.nn.init.normal_(denoiser.guidance.weight)
    assert torch.equal(said(None), said(torch.ones(2)))
    assert (said(None) - said(torch.full((2,), 3.0))).abs().max() > 0.01


@pytest.mark.parametrize(
    ("config", "strength", "windows"),
    [
        (CONFIG, 2.0, 2),
        (CONFIG, 1.0, 1),
        (GUIDED, 2.0, 1),
        (GUIDED, 1.0, 1),
        (GUIDED, STRONGEST + 1, 2),
        (GUIDED, 0.5, 2),
    ],
)
def test_one_pass_a_step_where_the_strength_is_an_input(config, strength, windows, monkeypatch):
    dancer, seen = model(config=config), []
    monkeypatch.setattr(sampling, "strain", lambda motion: np.zeros(len(motion)))  # nothing is drawn again
    forward = dancer.denoiser.forward
    monkeypatch.setattr(dancer.denoiser, "forward", lambda x, *rest: seen.append(len(x)) or forward(x, *rest))
    (dance,) = sample(dancer, [SampleRequest(clips(1)[0].song[:60])], guidance=strength, steps=3)
    assert seen == [windows] * 3 and dance.shape == (60, 127)


@pytest.mark.slow
def test_a_denoiser_learns_to_go_beyond_itself(tmp_path):
    """After some steps a strength of 3 takes it from what it says without music and style beyond what it says with."""
    config = replace(GUIDED, train=replace(GUIDED.train, steps=400, batch=16, learning_rate=0.003))
    trainer = DiffusionTrainer(config, clips(4), clips(1), BODY, tmp_path)
    for step in range(400):
        trainer.step(trainer.windows.draw(16, np.random.default_rng(step), trainer.normalizer))
        trainer.budget.tick()
    dancer = trainer.averaged()
    batch = trainer.windows.draw(32, np.random.default_rng(999), trainer.normalizer)
    noisy, time = torch.randn(32, 60, 127, generator=torch.Generator().manual_seed(1)), torch.full((32,), 0.7)

    def said(heard, strength):
        tokens = dancer.denoiser.encode_music(batch.song, torch.full((32,), heard))
        style = batch.conditioning.style * heard
        with torch.no_grad():
            return dancer.denoiser(
                noisy, batch.known, time, tokens, replace(batch.conditioning, style=style), torch.full((32,), strength)
            )

    without, plain, guided = said(False, 1.0), said(True, 1.0), said(True, 3.0)
    beyond, ahead = guided - plain, plain - without
    assert torch.cosine_similarity(beyond.flatten(), ahead.flatten(), 0) > 0.5
