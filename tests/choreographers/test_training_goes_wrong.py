"""A training that leaves the finite or collapses is noticed and said, and spoils nothing that was good before."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tiny_diffusion import BODY, CONFIG, recordings
from tiny_gan import takes, tiny_config

from dancegen.choreographers.diffusion.trainer import Trainer as DiffusionTrainer
from dancegen.choreographers.gan.data import choose_starts
from dancegen.choreographers.gan.trainer import Trainer as GanTrainer
from dancegen.choreographers.training.descent import PATIENCE
from dancegen.errors import TrainingError
from dancegen.progress import Silent


class Listener(Silent):
    """Keeps what was said."""

    def __init__(self):
        self.said, self.warned = [], []

    def say(self, message):
        self.said.append(message)

    def warn(self, message):
        self.warned.append(message)


def gan(folder, *settings, progress=None, **options):
    config = tiny_config("train.steps=40", "train.validate_every=2", *settings)
    clips = takes(4, config)
    return GanTrainer(
        config, clips, takes(2, config), choose_starts(clips, config, 0), folder, progress=progress or Silent(),
        **options,
    )  # fmt: skip


def diffusion(folder, progress=None, **settings):
    config = replace(CONFIG, train=replace(CONFIG.train, steps=40, **settings))
    return DiffusionTrainer(config, recordings(), recordings(1), BODY, folder, progress=progress or Silent())


def finite(path):
    return all(value.isfinite().all() for value in load_file(path).values())


def poisoned(batch, number):
    """A batch whose motion is nan, every step from `number` on."""
    return batch if number < 1 else replace(batch, features=batch.features * math.nan)


def test_a_gan_that_learns_a_million_times_too_fast_stops_and_says_what_to_try(tmp_path):
    with pytest.raises(TrainingError, match=r"step \d+: .*--learning-rate .*1e\+06.*--init"):
        gan(tmp_path, "train.learning_rate=1e6", "train.discriminator_rate=1e6").run()
    for model in tmp_path.glob("*/*.safetensors"):
        assert finite(model)


def test_a_denoiser_that_learns_without_bounds_stops_and_says_what_to_try(tmp_path):
    with pytest.raises(TrainingError, match=r"step \d+: .*--learning-rate .*1e\+30.*--init"):
        diffusion(tmp_path, learning_rate=1e30).run()
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_step_with_a_bad_batch_is_left_out_and_counted_and_the_training_goes_on(tmp_path):
    listener = Listener()
    trainer = diffusion(tmp_path, listener)
    good, bad = (next(trainer.batches()) for _ in "ab")
    trainer.step(good)
    trainer.clock.tick()
    before = {name: value.clone() for name, value in trainer.denoiser.state_dict().items()}
    assert trainer.step(poisoned(bad, 1)) == {} and trainer.descent.skipped == 1
    assert all(torch.equal(before[name], value) for name, value in trainer.denoiser.state_dict().items())
    assert listener.warned == ["step 1: the loss features is not finite, so the step was left out (1 so far)"]
    trainer.clock.tick()
    assert trainer.step(good)["features"] > 0 and trainer.descent.in_a_row == 0
    trainer.clock.tick()
    trainer.report()
    again = diffusion(tmp_path)
    assert again.descent.skipped == 1


def test_bad_batches_without_end_stop_the_training_and_leave_the_last_report_as_it_was(tmp_path):
    trainer, seen = diffusion(tmp_path), []
    original = trainer.step

    def step(batch):
        seen.append(1)
        return original(poisoned(batch, len(seen) - 3))

    trainer.step = step
    with pytest.raises(TrainingError, match=f"step {2 + PATIENCE}: the loss features is not finite, {PATIENCE} steps"):
        trainer.run()
    assert finite(tmp_path / "best" / "model.safetensors") and finite(tmp_path / "last" / "model.safetensors")
    assert all(value.isfinite().all() for value in diffusion(tmp_path).denoiser.state_dict().values())


def test_a_gans_step_with_a_bad_batch_leaves_all_three_networks_and_their_statistics_as_they_were(tmp_path):
    trainer = gan(tmp_path, "generator.norm=batch", "train.own_output_ramp=0")
    batches = trainer.batches()
    trainer.step(next(batches))
    trainer.clock.tick()
    networks = (trainer.generator, trainer.discriminator, trainer.metronome)
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    batch = next(batches)
    assert trainer.step(batch | {"mel": batch["mel"] * math.nan}) == {}
    for old, network in zip(before, networks, strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(old[name], value) or not value.is_floating_point(), name
    assert trainer.dancers is None
    trainer.clock.tick()
    assert trainer.step(next(batches))["l1"] > 0
