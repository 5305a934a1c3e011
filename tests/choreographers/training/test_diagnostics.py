"""A training that leaves the finite or collapses is noticed and said, and spoils nothing that was good before."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dancegen.choreographers.gan.validation import _compare
from dancegen.choreographers.training.diagnostics import Watch, dance_signs, never_wrong, spread
from dancegen.choreographers.training.guarded_step import PATIENCE
from dancegen.errors import TrainingError
from helpers.listening import Listener
from helpers.tiny_gan import takes, tiny_config
from helpers.trainers import diffusion, gan


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
    trainer.budget.tick()
    before = {name: value.clone() for name, value in trainer.denoiser.state_dict().items()}
    assert trainer.step(poisoned(bad, 1)) == {} and trainer.guarded.skipped == 1
    assert all(torch.equal(before[name], value) for name, value in trainer.denoiser.state_dict().items())
    assert listener.warned == ["step 1: the loss features is not finite, so the step was left out (1 so far)"]
    trainer.budget.tick()
    assert trainer.step(good)["features"] > 0 and trainer.guarded.in_a_row == 0
    trainer.budget.tick()
    trainer.report()
    again = diffusion(tmp_path)
    assert again.guarded.skipped == 1


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
    trainer.budget.tick()
    networks = (trainer.generator, trainer.discriminator, trainer.beat_critic)
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    batch = next(batches)
    assert trainer.step(batch | {"mel": batch["mel"] * math.nan}) == {}
    for old, network in zip(before, networks, strict=True):
        for name, value in network.state_dict().items():
            assert torch.equal(old[name], value) or not value.is_floating_point(), name
    assert trainer.rollouts is None
    trainer.budget.tick()
    assert trainer.step(next(batches))["l1"] > 0


# Collapse


def dancing_differently(count: int) -> list:
    return [take.views[0] for take in takes(count, tiny_config())]


def test_dances_that_are_all_one_have_no_spread_wherever_they_are_danced():
    dances = dancing_differently(3)
    one = dances[0]
    moved = replace(one, keypoints=one.keypoints + np.float32([5, 0, 0]))
    assert spread([one, moved, one]) < 1e-4
    assert spread(dances) > 0.02


def test_one_dance_to_all_songs_is_called_collapse_at_the_third_report_and_only_then():
    real = dancing_differently(4)
    beats = [np.arange(0.0, 2.4, 0.5)] * 4
    collapsed, lively = (_compare(real, made, beats, beats) for made in ([real[0]] * 4, real[::-1]))
    watch, said = Watch(), []
    for found in (lively, collapsed, collapsed, collapsed, collapsed, lively):
        said.append(watch.notice(dance_signs(found, "a larger --batch")))
    assert [len(words) for words in said] == [0, 0, 0, 1, 0, 0]
    assert "mode collapse" in said[3][0] and "--batch" in said[3][0] and "--init" in said[3][0]


def test_a_dancer_who_is_no_more_than_a_dot_ends_no_training():
    real, beats = dancing_differently(2), [np.arange(0.0, 2.4, 0.5)] * 2
    dots = [replace(dance, keypoints=np.full_like(dance.keypoints, 1.0)) for dance in real]
    found = _compare(real, dots, beats, beats)
    assert found.spread == 0.0 and found.freeze == 1.0 and found.missing == 1.0
    assert found.score > _compare(real, [real[0]] * 2, beats, beats).score + 5


def test_a_dancer_who_only_stands_is_noticed_in_a_training(tmp_path):
    listener = Listener()
    trainer = gan(tmp_path, "train.learning_rate=1e-12", "train.steps=6", progress=listener)
    with torch.no_grad():  # it paints all black, so the dancer stays in the pose that she began in
        trainer.generator.paint.weight.zero_()
        trainer.generator.remain.zero_()
        trainer.generator.paint.bias.fill_(-4)
        trainer.average = {name: value.clone() for name, value in trainer.generator.state_dict().items()}
    trainer.run()
    (words,) = listener.warned
    assert words.startswith("step 6: the dancer stands still 100% of the time") and "--learning-rate" in words


def test_a_discriminator_that_always_wins_is_noticed_with_a_rate_to_try(tmp_path):
    listener = Listener()
    trainer = gan(tmp_path, progress=listener)
    for _ in range(3):
        trainer.recent = [{"real": 0.33, "fake": 0.001}] * 2
        trainer.report()
    (words,) = [words for words in listener.warned if "the discriminator is never wrong" in words]
    assert "0.33 on real and 0.00" in words and "--set train.discriminator_rate=0.0001" in words


def test_what_was_noticed_is_remembered_over_a_break(tmp_path):
    trainer = gan(tmp_path)
    trainer.watch.seen = {"alike": 2}
    trainer.save_checkpoint()
    assert gan(tmp_path).watch.seen == {"alike": 2}


def test_labels_that_are_smoothed_are_no_merit_of_the_generator():
    assert never_wrong(0.33, 0.001, smoothing=0.1) and not never_wrong(0.45, 0.001, smoothing=0.1)
    assert never_wrong(0.001, 0.001, smoothing=0.0) and not never_wrong(0.33, 0.001, smoothing=0.0)
