"""Styles: measured in real dance, drawn for a song, and followed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dancegen.choreographers.gan.beat_critic import PoseBeatCritic
from dancegen.choreographers.gan.data import ClipDataset
from dancegen.choreographers.gan.losses import synchrony_loss
from dancegen.choreographers.gan.style import LIVELINESS, StyleEmbedding, acceleration, measure
from dancegen.choreographers.phrases import loudness, phrases
from dancegen.choreographers.training.guarded_step import GuardedStep
from dancegen.choreographers.training.processes import ALONE
from helpers.tiny_gan import dancing, song, takes, tiny_config

SIZE = 512


def style_of(keypoints) -> torch.Tensor:
    return measure(torch.from_numpy(keypoints)[None], SIZE, 10.0)[0]


def test_twice_as_far_in_the_same_time_is_livelier_by_log_2():
    body = dancing(40)
    wider = body.copy()
    wider[..., :2] = body[:1, :, :2] + 2 * (body[..., :2] - body[:1, :, :2])
    livelier = style_of(wider) - style_of(body)
    assert livelier[0].item() == pytest.approx(np.log(2), abs=0.05) and (livelier[:LIVELINESS] > -1e-3).all()
    still = style_of(np.repeat(body[:1], 40, axis=0))
    assert (still[:LIVELINESS] < style_of(body)[:LIVELINESS] + 1e-6).all()


def test_a_place_is_where_hips_neck_and_lower_ankle_are():
    moved = dancing(40)
    before = style_of(moved)
    moved[..., :2] += (51.2, -25.6)
    after = style_of(moved)
    assert after[LIVELINESS:].tolist() == pytest.approx(
        (before[LIVELINESS:] + torch.tensor([0.1, -0.05, -0.05])).tolist(), abs=1e-5
    )
    assert torch.allclose(after[:LIVELINESS], before[:LIVELINESS], atol=1e-4)


def test_a_hidden_joint_does_not_make_a_dance_livelier():
    body = dancing(40)
    hidden = body.copy()
    hidden[10:20, 4] = 0
    assert torch.allclose(style_of(hidden), style_of(body), atol=0.15)


def test_styles_change_from_phrase_to_phrase_as_real_ones_and_stay_in_place():
    style = StyleEmbedding(8)
    data = ClipDataset(takes(6, tiny_config()), tiny_config(), seed=0)
    style.learn(data[i]["style"] for i in range(len(data)))
    tune, here = song(240.0), torch.tensor([0.4, 0.3, 0.9])
    times = np.arange(2400) / 10
    drawn = style.through(tune, times, here, 5)
    assert (drawn[:, LIVELINESS:] == here).all()
    assert torch.equal(drawn, style.through(tune, times, here, 5))
    assert not torch.equal(drawn, style.through(tune, times, here, 6))
    assert torch.allclose(drawn[:, 0].mean(), style.mean[0], atol=0.5 * style.spread[0, 0].item())
    assert drawn[:, 0].std().item() == pytest.approx(style.spread[0, 0].item(), rel=0.35)
    assert len(drawn.unique(dim=0)) >= len(phrases(tune)) > 40


def test_it_grows_livelier_where_the_music_grows_louder():
    tune = song(24.0)
    tune.mel[12 * 90 :] += 0.5
    marks = np.array([0.0, 4.0, 8.0, 12.0])
    calm, loud = loudness(tune, marks)[1:3], loudness(tune, marks)[3]
    assert loud > calm.max() + 0.5


def test_the_beat_critic_learns_the_beat_of_real_dance_and_sees_who_is_late():
    torch.manual_seed(0)
    config = tiny_config("train.beat_critic_steps=60")
    data, judge = takes(6, config, frames=60), PoseBeatCritic(config)
    steps = GuardedStep([judge], ALONE)
    judge.learn(data, config, steps, seed=0)
    assert not any(p.requires_grad for p in judge.parameters())
    poses = torch.from_numpy(np.stack([take.views[0].keypoints[:40] for take in data]))
    frames = np.rint(np.arange(1, 40) / config.image.fps * 90).astype(int)
    counts = torch.ones(len(data), 39)

    def error(late: int) -> float:
        heard = torch.from_numpy(np.stack([take.mel[frames + late] for take in data]))
        return synchrony_loss(judge(poses), heard, counts).item()

    assert error(0) < 0.35 and error(12) > error(0) + 0.2


@pytest.mark.slow
def test_a_beat_critic_that_learns_on_reads_the_beat_of_real_dance_and_none_in_what_was_generated():
    torch.manual_seed(0)
    config = tiny_config("train.beat_critic_steps=60")
    data, judge = takes(6, config, frames=60), PoseBeatCritic(config)
    steps = GuardedStep([judge], ALONE)
    judge.learn(data, config, steps, seed=0)
    real = torch.from_numpy(np.stack([take.views[0].keypoints[:12] for take in data]))
    generated = real + torch.tensor([2.0, 1.0, 0.0]) * (torch.arange(12) % 2).view(1, 12, 1, 1)  # twitches as well
    before = judge(generated).norm(dim=-1).mean()
    for step in range(200):  # it seldom sees more than legs
        judge.learn_on(data, generated, config, steps, seed=(0, step))
    assert judge(generated).norm(dim=-1).mean() < 0.5 * before
    assert judge(real).norm(dim=-1).mean() > 2 * judge(generated).norm(dim=-1).mean()
    assert not any(p.requires_grad for p in judge.parameters()) and not judge.training


def test_the_beat_critic_mostly_sees_the_legs_alone_and_always_the_legs():
    judge, rolls = PoseBeatCritic(tiny_config()), torch.Generator().manual_seed(0)
    poses = torch.from_numpy(takes(1, tiny_config())[0].views[0].keypoints)[None].repeat(500, 1, 1, 1)
    shown = judge.observe(poses, rolls)[..., 2] > 0
    assert shown[..., 8:14].all()
    others = torch.cat([shown[..., :8], shown[..., 14:]], -1)
    alone = ~others.flatten(1).any(1)
    assert others[~alone].all() and 0.7 < alone.float().mean() < 0.9


def test_a_shiver_and_a_sway_of_one_speed_differ_in_acceleration():
    frames = torch.arange(60)

    def dance(period: float) -> torch.Tensor:
        swing = period * torch.sin(2 * np.pi * frames / period)
        return torch.from_numpy(dancing(1)).repeat(60, 1, 1) + torch.stack([swing, swing, 0 * swing], -1)[:, None]

    sway, shiver = dance(30.0)[None], dance(10.0)[None]
    assert torch.allclose(measure(sway, SIZE, 10.0)[:, :2], measure(shiver, SIZE, 10.0)[:, :2], atol=0.1)
    apart = acceleration(shiver, SIZE, 10.0) - acceleration(sway, SIZE, 10.0)
    assert apart[0, :2].tolist() == pytest.approx([np.log(3)] * 2, abs=0.15)
    assert apart[0, 2:].abs().max() < 1e-3  # arms and legs are carried along


def test_who_moves_wildly_is_no_easier_to_read():
    torch.manual_seed(0)
    judge = PoseBeatCritic(tiny_config()).freeze()
    judge.layers = torch.nn.Identity()  # what it looks at
    calm = torch.from_numpy(takes(1, tiny_config(), frames=40)[0].views[0].keypoints)[None]
    wild = calm.clone()
    wild[:, 1:, :, :2] += calm[:, 1:, :, :2] - calm[:, :1, :, :2]  # twice as far, from the same pose
    moves = [judge(dance).unflatten(-1, (13, 5))[..., 2:4] for dance in (calm, wild)]
    assert moves[0].abs().mean() > 0.1 and torch.allclose(moves[0], moves[1], atol=0.05)
