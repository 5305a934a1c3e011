"""A training says what memory it needs before it begins, from measurements that leave no trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from dancegen.choreographers.training.memory_estimate import MemoryEstimate, growing, kept_for_backward, networks_bytes
from helpers.listening import Listener
from helpers.trainers import diffusion, gan


def test_what_backward_needs_is_counted_once_and_without_the_weights():
    network = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 30))

    def kept(rows):
        return kept_for_backward(lambda: network(torch.zeros(rows, 10)), [network])

    assert kept(5) == 4 * 5 * (10 + 20)  # the input and what tanh gave, which tanh and the next layer share
    assert growing(kept, 7) == (kept(7), 4 * 30)
    assert networks_bytes([network], [network], []) == 4 * (10 * 20 + 20 + 20 * 30 + 30) * 5


def test_a_measured_training_learns_what_an_unmeasured_one_learns(tmp_path):
    trainer = gan(tmp_path, "generator.norm=batch")
    dice = torch.get_rng_state()
    before = {name: value.clone() for name, value in trainer.generator.state_dict().items()}
    assert trainer.memory_estimate().activations > 1e6
    assert torch.equal(torch.get_rng_state(), dice)
    assert all(torch.equal(before[name], value) for name, value in trainer.generator.state_dict().items())


def test_two_windows_tell_what_a_batch_needs(tmp_path):
    trainer = diffusion(tmp_path)
    batch = next(trainer.batches())
    whole = kept_for_backward(
        lambda: trainer._losses(batch, torch.Generator()), [trainer.denoiser, trainer.beat_critic]
    )
    assert trainer.memory_estimate().activations == pytest.approx(whole, rel=0.05)


def test_two_frames_of_a_clip_tell_what_a_step_of_the_gan_needs(tmp_path):
    trainer = gan(tmp_path, "train.own_output_ramp=0")  # the longest clips at once
    said, batch = trainer.memory_estimate().activations, next(trainer.batches())
    networks = [trainer.generator, trainer.discriminator, trainer.beat_critic]
    # All that the step's backward passes need one after the other, some of it freed before the rest is there.
    whole = kept_for_backward(lambda: trainer.step(batch), networks)
    assert 0.5 * whole < said < 1.2 * whole


def test_too_little_memory_is_said_with_a_batch_that_fits():
    listener = Listener()
    MemoryEstimate(networks=10**6, activations=10**16, data=10**6, clips=10**6, each=10**10).report("cpu", listener)
    assert "memory: about 1e+04 TB on cpu" in listener.said[0] and "--batch" in listener.warned[0]
    listener = Listener()
    MemoryEstimate(networks=10**6, activations=10**6, data=10**6, clips=4, each=10**5).report("cpu", listener)
    assert listener.said and not listener.warned
