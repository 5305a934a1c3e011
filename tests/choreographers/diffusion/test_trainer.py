"""The denoiser learns, keeps its best, and goes on after an interruption as if there had been none."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from dancegen.choreographers.diffusion import features as f
from dancegen.choreographers.diffusion.beat_critic import BodyBeatCritic, synchrony
from dancegen.choreographers.diffusion.config import check
from dancegen.choreographers.diffusion.data import Windows
from dancegen.choreographers.diffusion.denoiser import Conditioning, Denoiser
from dancegen.choreographers.diffusion.features import Normalizer
from dancegen.choreographers.diffusion.losses import LOSSES, dance_losses, synchrony_loss
from dancegen.choreographers.diffusion.model import load_model
from dancegen.choreographers.diffusion.trainer import DiffusionTrainer
from dancegen.choreographers.diffusion.validation import compare
from dancegen.choreographers.training.guarded_step import GuardedStep
from dancegen.choreographers.training.processes import ALONE
from dancegen.errors import InputError, ModelError
from helpers.tiny_diffusion import BODY, CONFIG, FPS, clips


def _trainer(folder, config=CONFIG, **options) -> DiffusionTrainer:
    return DiffusionTrainer(config, clips(), clips(1), BODY, folder, **options)


def _with(config=CONFIG, **train):
    return replace(config, train=replace(config.train, **train))


def test_a_perfect_window_costs_nothing_and_each_term_sees_its_own_fault():
    plain = Normalizer(torch.zeros(127), torch.ones(127), torch.zeros(1, 2))
    offsets = torch.from_numpy(BODY.offsets).float()

    def terms(found, wanted):
        return dance_losses(found, wanted, plain, offsets, FPS)

    standing = torch.from_numpy(clips(1)[0].features[:1, :60]).clone()
    standing[..., f.CONTACTS] = 0
    perfect = terms(standing, standing)
    assert set(perfect) == set(LOSSES) - {"synchrony"} and max(perfect.values()) < 1e-9
    shifted = terms(f.moved(standing, torch.tensor([[0.1, 0.0]])), standing)
    assert shifted["position"] == pytest.approx(0.01 / 3, rel=1e-3) and shifted["velocity"] < 1e-9
    jumping = standing.clone()
    jumping[:, 30:, 0] += 0.1  # one jump of 3 m/s
    jumped = terms(jumping, standing)
    assert jumped["velocity"] == pytest.approx(9 / 3 / 59, rel=1e-3) and jumped["acceleration"] > 10
    sliding = standing.clone()
    sliding[:, :, 0] += torch.arange(60) / FPS  # a metre a second
    assert terms(sliding, sliding)["contact"] == 0
    sliding[..., f.CONTACTS] = 1
    floating = sliding.clone()
    floating[..., f.CONTACTS] = 0  # to deny that a foot stands does not help
    assert terms(floating, sliding)["contact"] == terms(sliding, sliding)["contact"] > 0.2


def _windows(count: int = 16):
    """Joints of stepping dancers, the music they step to, and the same dances as numbers."""
    batch = Windows(clips(4), ["stepping"], CONFIG).draw(count, np.random.default_rng(5))
    joints = f.positions(batch.features, torch.from_numpy(BODY.offsets).float())
    return joints, batch.song[:, 4:-4], batch.features


@pytest.fixture(scope="module")
def beat_critic():
    windows = Windows(clips(4), ["stepping"], CONFIG)
    offsets = torch.from_numpy(BODY.offsets).float()

    def draw(step):
        batch = windows.draw(16, np.random.default_rng([1, step]))
        return f.positions(batch.features, offsets), batch.song[:, 4:-4]

    torch.manual_seed(0)
    judge = BodyBeatCritic(FPS)
    return judge.learn(draw, 60, GuardedStep([judge], ALONE), seed=0)


def test_a_beat_critic_reads_the_beat_of_a_dance_and_that_another_is_off(beat_critic):
    joints, song, _ = _windows()
    on, off = (float(synchrony(beat_critic(joints), s).mean()) for s in (song, song.roll(4, 1)))
    assert on < 0.3 and off > on + 0.2  # half for one who shows no beat
    assert float(synchrony(beat_critic(joints), torch.zeros_like(song)).max()) == 0
    assert not any(p.requires_grad for p in beat_critic.parameters())


def test_keeping_time_is_asked_of_windows_that_hear_their_music(beat_critic):
    _, song, features = _windows(2)
    plain = Normalizer(torch.zeros(127), torch.ones(127), torch.zeros(1, 2))
    still = features[:, :1].repeat(1, 60, 1).requires_grad_(True)
    offsets = torch.from_numpy(BODY.offsets).float()
    loss = synchrony_loss(still, song, torch.tensor([1.0, 0.0]), plain, offsets, beat_critic)
    loss.backward()
    loss = float(loss.detach())
    assert loss > 0.05
    assert still.grad[0].abs().max() > 0 and still.grad[1].abs().max() == 0
    with torch.no_grad():
        assert synchrony_loss(features, song, torch.ones(2), plain, offsets, beat_critic) < 0.5 * loss


def test_a_denoiser_begins_as_one_who_lets_dances_through_and_noise_less():
    torch.manual_seed(0)
    denoiser = Denoiser(CONFIG, 1)
    features = _windows(32)[2]
    mean = features.mean((0, 1))
    dances = (features - mean) / features.std((0, 1)).clamp(min=0.1)
    denoiser.init_projections(dances)
    noise = torch.randn_like(dances) * dances.std()

    def through(x):
        with torch.no_grad():
            quiet = denoiser.encode_music(torch.zeros(32, 68, 44), torch.ones(32, dtype=torch.bool))
            return denoiser(x, torch.zeros(32, 60, 4), torch.zeros(32), quiet, Conditioning.none(32))

    assert (through(dances) - dances).square().mean() < 0.05 * dances.square().mean()
    assert through(noise).square().mean() < 0.4 * noise.square().mean()


def test_where_the_music_is_heard_is_where_the_dance_changes():
    """Attention knows how far apart frames are, and a frame's own music comes with it."""
    torch.manual_seed(0)
    denoiser = Denoiser(CONFIG, 1).eval()
    features = _windows(1)[2]
    denoiser.init_projections(features)
    nothing = torch.zeros(1, 60, 4), torch.zeros(1)
    silence = torch.zeros(1, 68, 44)
    click = silence.clone()
    click[0, 34, 40:] = 4.0  # in the middle of the window, frame 30
    with torch.no_grad():
        quiet, loud = (
            denoiser(
                features, *nothing, denoiser.encode_music(s, torch.ones(1, dtype=torch.bool)), Conditioning.none(1)
            )
            for s in (silence, click)
        )
    changed = (loud - quiet)[0].abs().sum(-1)
    assert changed.argmax() in range(26, 35) and changed[:20].max() < 0.01 * changed.max()


def test_numbers_that_nothing_can_be_trained_with_are_refused():
    for wrong in (
        replace(CONFIG, denoiser=replace(CONFIG.denoiser, stride=3)),
        replace(CONFIG, denoiser=replace(CONFIG.denoiser, stride=8)),  # 60 frames are no multiple
        _with(beat_critic_steps=0),
    ):
        with pytest.raises(InputError):
            check(wrong)
    for stride in (1, 2, 4):
        check(replace(CONFIG, denoiser=replace(CONFIG.denoiser, stride=stride)))


def test_what_hardly_moves_counts_little():
    normalizer = Windows(clips(), ["stepping"], CONFIG).normalizer(0)
    turns = normalizer.spread[f.TURNS]
    moving = turns.square().mean().sqrt()
    assert 0.35 * moving < turns.min() < 0.5 * moving  # her head keeps still


def test_windows_are_reproducible_whole_and_balanced_between_styles():
    many = clips(2) + clips(1, "rare")
    windows = Windows(many * 4 + clips(4), ["rare", "stepping"], CONFIG)
    one, two = (windows.draw(64, np.random.default_rng(3)) for _ in "ab")
    assert (one.features == two.features).all() and (one.song == two.song).all()
    assert one.features.shape == (64, 60, 127) and one.song.shape == (64, 68, 44)
    rare = np.mean(
        [(windows.draw(64, np.random.default_rng(i)).conditioning.style == 1).float().mean() for i in range(8)]
    )
    assert 0.3 < rare < 0.5  # a quarter of the clips
    known = one.known[:, :, 0]
    assert (known[:, :12].all(1) & ~known[:, 12:].any(1)).float().mean() > 0.4  # most go on from a prefix


def test_it_learns_to_dance_what_it_is_shown(tmp_path):
    trainer = _trainer(tmp_path, _with(steps=80, batch=16, learning_rate=0.003))
    losses = []
    for step in range(80):
        batch = trainer.windows.draw(16, np.random.default_rng(step), trainer.normalizer)
        losses.append(trainer.step(batch)["velocity"])
        trainer.budget.tick()
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


def test_a_training_leaves_a_model_its_history_and_samples(tmp_path):
    figures = _trainer(tmp_path).run()
    assert (tmp_path / "best" / "model.safetensors").stat().st_size < 1_000_000
    rows = list(csv.DictReader((tmp_path / "history.csv").open()))
    assert [int(row["step"]) for row in rows] == [2, 4] and float(rows[0]["position"]) > 0
    assert len(list((tmp_path / "samples").glob("*.png"))) == 2
    assert load_model(tmp_path / "best").styles == ("stepping",)
    assert figures["score"] == min(float(row["score"]) for row in rows) or figures["score"] > 0


def test_an_interrupted_training_goes_on_to_the_same_model(tmp_path):
    whole = _trainer(tmp_path / "whole")
    whole.run()
    part = _trainer(tmp_path / "part")
    for batch in islice(part.batches(), 2):
        part.recent.append(part.step(batch))
        part.budget.tick()
    part.save_checkpoint()
    resumed = _trainer(tmp_path / "part")
    assert resumed.budget.step == 2
    resumed.run()
    for name, value in whole.average.items():
        assert torch.allclose(value, resumed.average[name], atol=1e-5), name
    (tmp_path / "part" / "checkpoint.pt").write_bytes(b"no")
    with pytest.raises(ModelError, match="--force"):
        _trainer(tmp_path / "part")


def test_a_training_can_start_from_a_model_and_keeps_its_body(tmp_path):
    _trainer(tmp_path / "first").run()
    second = _trainer(tmp_path / "second", init=tmp_path / "first" / "best")
    given = load_model(tmp_path / "first" / "best")
    assert (second.body.offsets == given.body.offsets).all()
    assert torch.equal(second.denoiser.input_projection.weight, given.denoiser.input_projection.weight)


def test_a_training_from_a_model_learns_genres_that_it_does_not_know(tmp_path):
    _trainer(tmp_path / "first").run()
    given = load_model(tmp_path / "first" / "best")
    dances = clips(2) + clips(2, "arriving")
    second = DiffusionTrainer(CONFIG, dances, clips(1), BODY, tmp_path / "second", init=tmp_path / "first" / "best")
    assert second.styles == ("arriving", "stepping")
    weights, known = second.denoiser.style.weight, given.denoiser.style.weight
    assert torch.equal(weights[2], known[1]) and torch.equal(weights[0], known[0])
    assert (weights[1] - weights[2]).norm() > 5, "a style that begins as another stays it for long"
    assert torch.equal(second.normalizer.liveliness[1], given.normalizer.liveliness[0])
    assert second.normalizer.liveliness[0, 1] > 0
    second.run()
    assert load_model(tmp_path / "second" / "best").styles == ("arriving", "stepping")


def test_the_score_prefers_a_real_dance_to_a_frozen_and_to_a_shaking_one():
    real = {
        "speed_median": 0.24, "accel_mean": 3.5, "freeze_ratio": 0.05, "skating": 0.1, "variety": 0.06,
        "bas_music": 0.5, "bas_shifted": 0.2, "footfall": 0.6, "footfall_shifted": 0.3,
    }  # fmt: skip
    frozen = real | {"speed_median": 0.01, "freeze_ratio": 1.0, "variety": 0.0}
    shaking = real | {"accel_mean": 20.0}
    nowhere = real | {"bas_music": 0.2}
    score = compare(real, real).score
    assert score == pytest.approx(0, abs=1e-6)
    assert all(compare(real, other).score > score + 0.1 for other in (frozen, shaking, nowhere))
