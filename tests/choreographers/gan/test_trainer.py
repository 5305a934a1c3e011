"""Training: every loss counts, every clip is shown, and a break changes nothing."""

from __future__ import annotations

import csv
import shutil
import signal
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from dancegen.choreographers.gan import trainer as trainer_module
from dancegen.choreographers.gan.data import choose_starts
from dancegen.choreographers.gan.generator import UNetGenerator
from dancegen.choreographers.gan.model import load_config, load_model
from dancegen.choreographers.gan.rollout import teacher_forcing_mask
from dancegen.choreographers.gan.style import place
from dancegen.choreographers.gan.trainer import GanTrainer
from dancegen.errors import Cancelled, ModelError
from dancegen.progress import Silent
from helpers.tiny_gan import takes, tiny_config, with_train


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """VGG16's layers in torchvision's names, with weights that nobody trained."""
    from safetensors.torch import save_file
    from torchvision.models.vgg import cfgs, make_layers

    torch.manual_seed(0)
    layers = make_layers(cfgs["D"])[:16]
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file({f"features.{name}": value for name, value in layers.state_dict().items()}, path)
    return path


class Watcher(Silent):
    """Calls `on_step` after every step and `on_report` after every report, with how many there were."""

    def __init__(self, on_step=lambda n: None, on_report=lambda n: None):
        self.steps = self.reports = 0
        self.on_step, self.on_report = on_step, on_report

    @contextmanager
    def task(self, label, total=None):
        def advance(amount=1.0):
            if label.startswith("training"):
                self.steps += 1
                self.on_step(self.steps)

        yield advance

    def say(self, message):
        if message.startswith("step "):
            self.reports += 1
            self.on_report(self.reports)


def make(folder, config=None, *, clips: int = 5, **options) -> GanTrainer:
    config = config or tiny_config()
    return GanTrainer(
        config, takes(clips, config), takes(2, config), choose_starts(takes(2, config), config, 0), folder, **options
    )


def weights_after(trainer: GanTrainer, steps: int) -> tuple[dict, dict]:
    """Copies of the generator's and the discriminator's weights after so many steps."""
    for batch in islice(trainer.batches(), steps):
        trainer.step(batch)
        trainer.budget.tick()
    return tuple({k: v.clone() for k, v in n.state_dict().items()} for n in (trainer.generator, trainer.discriminator))


def same(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def with_loss(config, **values):
    return replace(config, loss=replace(config.loss, **values))


TERMS = ("adversarial", "feature_matching", "l1", "position", "divergence", "perceptual")


def one_step(folder, config, vgg):
    """The generator's weights after a step from weights that paint what they are shown."""
    torch.manual_seed(3)
    network = UNetGenerator(config)
    with torch.no_grad():
        network.remain.fill_(3.0)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    trainer = make(folder, config, vgg=vgg)
    trainer.generator.load_state_dict(before)
    return before, weights_after(trainer, 1)[0]


@pytest.fixture(scope="module")
def with_all(tmp_path_factory, vgg):
    return one_step(tmp_path_factory.mktemp("all"), with_loss(tiny_config(), perceptual=0.5), vgg)[1]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_reaches_the_generator_and_is_missed_at_weight_0(term, tmp_path, vgg, with_all):
    only = with_loss(tiny_config(), **{**dict.fromkeys(TERMS, 0.0), term: 1.0})
    before, alone = one_step(tmp_path / "alone", only, vgg)
    assert not same(before, alone)
    _, without = one_step(tmp_path / "without", with_loss(tiny_config(), **{"perceptual": 0.5, term: 0.0}), vgg)
    assert not same(with_all, without)


def test_what_an_image_shows_beside_its_joints_cannot_please_the_discriminator(tmp_path):
    config = with_loss(tiny_config(), **{**dict.fromkeys(TERMS, 0.0), "adversarial": 1.0})
    before, after = one_step(tmp_path, config, None)
    moved = (after["paint.weight"] != before["paint.weight"]).flatten(1).any(1)
    assert not moved[:3].any() and moved[3:].any()  # the colours learn nothing, the joints' heat does


def test_without_any_term_nothing_is_learnt(tmp_path):
    before, after = one_step(tmp_path, with_loss(tiny_config(), **dict.fromkeys(TERMS, 0.0)), None)
    assert same(before, after)


def test_the_gradient_penalty_moves_the_discriminator_and_only_it(tmp_path):
    config = tiny_config("loss.penalty_every=1")
    on = weights_after(make(tmp_path / "on", config), 1)
    off = weights_after(make(tmp_path / "off", with_loss(config, gradient_penalty=0.0)), 1)
    assert not same(on[1], off[1])


def test_label_smoothing_and_the_weight_of_black_change_what_is_learnt(tmp_path):
    plain = weights_after(make(tmp_path / "plain"), 1)
    unsmoothed = weights_after(make(tmp_path / "smooth", tiny_config("loss.label_smoothing=0")), 1)
    even = weights_after(make(tmp_path / "even", tiny_config("loss.black_weight=1")), 1)
    assert not same(plain[1], unsmoothed[1]) and not same(plain[0], even[0])


@pytest.mark.parametrize("clips, batch", [(6, 3), (7, 3), (2, 4)])
def test_an_epoch_shows_every_clip_once(clips, batch, tmp_path):
    trainer = make(tmp_path, tiny_config(f"train.batch={batch}"), clips=clips)
    shown, original = [], trainer.data.shown

    def counted(index, epoch):
        shown.append((epoch, index))
        return original(index, epoch)

    trainer.data.shown = counted
    batches, steps = trainer.batches(), trainer.budget.epoch_steps
    for epoch in range(2):
        shown.clear()
        sizes = [len(found["mel"]) for found in islice(batches, steps)]
        assert sorted(shown) == [(epoch, clip) for clip in range(clips)] and max(sizes) <= batch
    assert steps == -(-clips // batch)


RATE = "train.learning_rate=0.001"


def test_steps_and_epochs_end_a_training_and_the_rate_decays(tmp_path):
    trainer = make(
        tmp_path / "epochs",
        tiny_config("train.epochs=2", "train.batch=2", "train.decay=0.5", "train.decay_steps=none", RATE),
    )
    trainer.run()
    assert trainer.budget.step == 6
    assert trainer.generator_optimiser.param_groups[0]["lr"] == pytest.approx(0.001 * 0.5)
    assert trainer.discriminator_optimiser.param_groups[0]["lr"] == pytest.approx(
        trainer.config.train.discriminator_rate * 0.5
    )
    trainer = make(tmp_path / "steps", tiny_config("train.steps=3", "train.decay_steps=1", "train.decay=0.5", RATE))
    trainer.run()
    assert trainer.budget.step == 3
    assert trainer.generator_optimiser.param_groups[0]["lr"] == pytest.approx(0.001 * 0.25)


def test_minutes_end_a_training(tmp_path):
    trainer = make(tmp_path, with_train(tiny_config(), minutes=0.01, epochs=1_000_000))
    trainer.run()
    assert trainer.budget.elapsed_s >= 0.6 and trainer.budget.step < 200


def test_clips_grow_and_the_generator_dances_alone_more_and_more(tmp_path, monkeypatch):
    lengths, shares = [], []

    def noted(told, frames, share, chance):
        lengths.append(frames)
        shares.append(share)
        return teacher_forcing_mask(told, frames, share, chance)

    monkeypatch.setattr(trainer_module, "teacher_forcing_mask", noted)
    config = tiny_config(
        "train.steps=12", "train.own_output_ramp=0.5", "train.teacher_forcing=0.2", "train.validate_every=100"
    )
    make(tmp_path, config).run()
    assert lengths == sorted(lengths) and shares == sorted(shares, reverse=True)
    assert (lengths[0], lengths[-1]) == (4, 8) and (shares[0], shares[-1]) == (1.0, 0.2)


def test_real_poses_lead_the_share_of_frames_that_is_asked_for():
    told = torch.arange(400) % 4 > 0
    led = {share: teacher_forcing_mask(told, 20, share, torch.Generator().manual_seed(0)) for share in (0.0, 0.7, 1.0)}
    assert led[1.0][told].all() and not led[0.0].any()
    assert led[0.7][told].float().mean().item() == pytest.approx(0.7, abs=0.02)
    assert not led[1.0][~told].any()  # nothing real in a dance that goes its own way


def test_dances_go_on_from_step_to_step_and_are_not_held_to_the_clips_they_meet(tmp_path, monkeypatch):
    began, ended, teachers = [], [], []
    original = trainer_module.unroll

    def noted(generator, start, mel, noise, style, teacher):
        began.append(start)
        teachers.append(teacher)
        made = original(generator, start, mel, noise, style, teacher)
        ended.append(made.end)
        return made

    monkeypatch.setattr(trainer_module, "unroll", noted)
    monkeypatch.setattr(trainer_module, "STRAYED", float("inf"))
    config = tiny_config("train.own_output_ramp=0", "train.steps=4", "train.alone_frames=1000000")
    make(tmp_path, config, clips=8).run()
    for step in range(1, 4):
        for before, after in zip(ended[step - 1].tensors(), began[step].tensors(), strict=True):
            assert torch.equal(before[:2], after[:2]) and not after.requires_grad
        assert teachers[step].posterior.tolist() == [False, False, True, True]
        assert not began[step].state[0][2:].any()  # the others start anew


def test_a_dance_that_left_its_place_goes_on_no_more(tmp_path):
    trainer = make(tmp_path, tiny_config("train.own_output_ramp=0", "train.alone_frames=1000000"), clips=8)
    trainer.step(next(trainer.batches()))
    trainer.target_style = torch.cat([trainer.target_style[:, :-3], place(trainer.rollouts.latest[:, None], 32)], -1)
    assert trainer._continued(4, 1, torch.Generator()).tolist() == [0, 1]
    trainer.target_style[0, -3] += 0.3
    assert trainer._continued(4, 1, torch.Generator()).tolist() == [1]


@pytest.mark.parametrize("term", ["synchrony", "style", "acceleration"])
def test_what_a_dance_that_goes_its_own_way_is_held_to_reaches_the_generator(term, tmp_path):
    config = tiny_config("train.own_output_ramp=0", "train.alone_frames=1000000")
    with_it = weights_after(make(tmp_path / "with", with_loss(config, **{term: 5.0})), 2)[0]
    without = weights_after(make(tmp_path / "without", with_loss(config, **{term: 0.0})), 2)[0]
    assert not same(with_it, without)


def test_clips_may_also_shrink(tmp_path):
    config = tiny_config(
        "train.first_clip_frames=8", "train.clip_frames=4", "train.own_output_ramp=0.5", "train.steps=4"
    )
    trainer = make(tmp_path, config)
    trainer.run()
    assert trainer.budget.step == 4


# Breaks

RESUMABLE = tiny_config("train.steps=7", "train.batch=2", "train.validate_every=3", "train.decay=0.5")


def history(folder) -> list[dict]:
    rows = list(csv.DictReader((folder / "history.csv").open()))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A whole run: its folder, its trainer, its figures, and copies of its folder at both reports."""
    place = tmp_path_factory.mktemp("unbroken")
    watcher = Watcher(on_report=lambda n: shutil.copytree(place / "run", place / f"report{n}"))
    trainer = make(place / "run", RESUMABLE, progress=watcher)
    return place, trainer, trainer.run()


def check_same(folder, trainer, figures, unbroken):
    place, whole, expected = unbroken
    assert history(folder) == history(place / "run")
    assert same(trainer.generator.state_dict(), whole.generator.state_dict())
    assert same(trainer.discriminator.state_dict(), whole.discriminator.state_dict())
    assert same(trainer.average, whole.average) and figures == expected
    assert (folder / "best/model.safetensors").read_bytes() == (place / "run/best/model.safetensors").read_bytes()


@pytest.mark.parametrize("broken_after", [2, 3, 4, 6])  # mid-epoch, at a report, between reports, at an epoch's end
def test_an_interrupted_run_goes_on_as_if_there_had_been_no_break(broken_after, tmp_path, unbroken):
    def interrupt(step):
        if step == broken_after:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path, RESUMABLE, progress=Watcher(interrupt)).run()
    again = make(tmp_path, RESUMABLE)
    assert again.budget.step == broken_after
    check_same(tmp_path, again, again.run(), unbroken)


def test_a_cancelled_run_keeps_what_it_learnt_and_goes_on_as_if_there_had_been_no_break(tmp_path, unbroken):
    def cancel(step):
        if step == 4:
            raise Cancelled("enough for now")

    with pytest.raises(Cancelled, match="enough for now"):
        make(tmp_path, RESUMABLE, progress=Watcher(cancel)).run()
    again = make(tmp_path, RESUMABLE)
    assert again.budget.step == 4
    check_same(tmp_path, again, again.run(), unbroken)


def test_a_killed_run_goes_on_from_its_last_report(tmp_path, unbroken):
    folder = tmp_path / "run"
    shutil.copytree(unbroken[0] / "report1", folder)
    shutil.copy(unbroken[0] / "report2" / "history.csv", folder)  # the kill came between history and checkpoint
    again = make(folder, RESUMABLE)
    assert again.budget.step == 3
    check_same(folder, again, again.run(), unbroken)


def test_a_run_that_was_killed_after_its_last_step_has_its_figures(tmp_path, unbroken):
    shutil.copytree(unbroken[0] / "run", tmp_path / "run")
    again = make(tmp_path / "run", RESUMABLE)
    assert again.run() == unbroken[2] and history(tmp_path / "run") == history(unbroken[0] / "run")


def test_an_interrupt_waits_for_the_step_and_leaves_the_handler_as_it_was(tmp_path):
    trainer = make(tmp_path, RESUMABLE)
    original, before = trainer.step, signal.getsignal(signal.SIGINT)

    def interrupted(batch):
        if trainer.budget.step == 1:
            signal.raise_signal(signal.SIGINT)
        return original(batch)

    trainer.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.budget.step == 2 and make(tmp_path, RESUMABLE).budget.step == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_interrupt_does_not_wait(tmp_path):
    trainer = make(tmp_path, RESUMABLE)

    def stuck(batch):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second interrupt was swallowed")

    trainer.step = stuck
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert not (tmp_path / "checkpoint.pt").exists()


@pytest.mark.parametrize("kind", ["cut", "of another architecture"])
def test_a_checkpoint_that_cannot_go_on_is_said_to_be_one(kind, tmp_path):
    trainer = make(tmp_path, RESUMABLE if kind == "cut" else tiny_config("generator.channels=8,16,32"))
    trainer.save_checkpoint()
    if kind == "cut":
        data = (tmp_path / "checkpoint.pt").read_bytes()
        (tmp_path / "checkpoint.pt").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match="--force"):
        make(tmp_path, RESUMABLE)


# What it leaves


def test_the_figures_are_those_of_the_model_that_is_kept(unbroken):
    place, _, figures = unbroken
    scores = [float(row["score"]) for row in history(place / "run")]
    assert figures["score"] == pytest.approx(min(scores), abs=1e-4) and len(scores) == 3
    assert load_config(place / "run" / "best") == RESUMABLE
    assert sorted(p.name for p in (place / "run" / "samples").iterdir()) == [
        "step_000003.png", "step_000006.png", "step_000007.png",
    ]  # fmt: skip


def test_history_holds_every_loss_and_every_figure(unbroken):
    rows = history(unbroken[0] / "run")
    # The penalty is taken every eighth step, from the first on, and there is no VGG here.
    for name in GanTrainer.LOSSES:
        assert any(np.isfinite(float(row[name])) for row in rows) == (name != "perceptual")
    row = rows[-1]
    for name in ("speed", "real_speed", "accel", "freeze", "missing", "shape", "place", "score"):
        assert np.isfinite(float(row[name]))


def test_a_training_may_start_from_a_model(tmp_path, unbroken):
    model = unbroken[0] / "run" / "best"
    trainer = make(tmp_path, RESUMABLE, init=model)
    assert same(trainer.generator.state_dict(), load_model(model).generator.state_dict())
    kept = make(tmp_path / "other", RESUMABLE).discriminator.state_dict()
    assert not same(trainer.discriminator.state_dict(), kept)


def test_the_kept_generator_is_the_average_of_what_was_learnt(tmp_path):
    trainer = make(tmp_path, tiny_config("train.ema=0.5"))
    started = {k: v.clone() for k, v in trainer.average.items()}
    learnt, _ = weights_after(trainer, 1)
    name = "paint.weight"
    # At first the average follows faster than 0.5 would: (1 + 0) / (10 + 0).
    expected = 0.1 * started[name] + 0.9 * learnt[name]
    assert torch.allclose(trainer.averaged().state_dict()[name], expected, atol=1e-6)


def test_a_trained_model_is_taken_up_slowly(tmp_path):
    begun = make(tmp_path / "first", tiny_config("train.steps=2", "train.validate_every=2"))
    begun.run()
    config = tiny_config("train.warmup_steps=10", "train.ema=0.999", RATE)
    trainer = make(tmp_path / "second", config, init=tmp_path / "first/last")
    before = {name: value.clone() for name, value in trainer.average.items()}
    batches = trainer.batches()
    for share in (0.1, 0.2):
        trainer.step(next(batches))
        assert trainer.generator_optimiser.param_groups[0]["lr"] == pytest.approx(share * config.train.learning_rate)
        trainer.budget.step += 1
    moved = [
        (trainer.average[name] - before[name]).abs().sum() / (now - before[name]).abs().sum()
        for name, now in trainer.generator.state_dict().items()
        if now.is_floating_point() and not torch.equal(now, before[name])
    ]
    assert moved and max(moved) < 0.01
