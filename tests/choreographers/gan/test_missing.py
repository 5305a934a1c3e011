"""Poses of filmed dances: what no picture shows is neither drawn nor learnt, and a dance starts whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from dancegen.choreographers.family import TrainingJob
from dancegen.choreographers.gan.beat_critic import PoseBeatCritic
from dancegen.choreographers.gan.data import ClipDataset, ClipViews, choose_starts, load_clips
from dancegen.choreographers.gan.image import clean
from dancegen.choreographers.gan.losses import style_loss
from dancegen.choreographers.gan.missing import completed, hidden, unseen
from dancegen.choreographers.gan.rollout import RolloutState, TeacherForcing, clip_noise, unroll
from dancegen.choreographers.gan.style import StyleEmbedding, acceleration, measure, place
from dancegen.choreographers.gan.trainer import GanTrainer, memory_needed
from dancegen.choreographers.gan.validation import _compare, validate
from dancegen.choreographers.training.processes import ALONE
from dancegen.dataset.format import clip_dir, poses_path, read_clips, write_clips
from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from dancegen.progress import SILENT
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.tiny_gan import dancing, filmed, filmed_dataset, lively, pose_dataset, takes, ticks, tiny_config

CONFIG = tiny_config("train.epochs=1000", "train.steps=40", "train.validate_every=20")
WRIST, KNEE, HIP = 4, 9, 8


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return filmed_dataset(open_store(tmp_path_factory.mktemp("store"))).path


@pytest.fixture(scope="module")
def clips(dataset):
    return load_clips(dataset, "train", CONFIG, SILENT)


def tensor(poses: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(poses, np.float32))


def without(poses: torch.Tensor, joint: int, frames=slice(None)) -> torch.Tensor:
    """Poses (..., N, 18, 3) of which some frames do not show a joint."""
    poses = poses.clone()
    poses[..., frames, joint, :] = 0.0
    return poses


# What a training is given


def test_filmed_clips_of_any_rate_and_length_are_read_as_they_are(clips):
    assert [clip.kind for clip in clips] == ["video"] * 4
    assert {len(clip.views) for clip in clips} == {1} and len({clip.frames for clip in clips}) == 3
    for clip in clips:
        (view,) = clip.views
        assert view.fps == CONFIG.image.fps and view.size == (32, 32)
        gone = view.keypoints[..., 2] == 0
        assert 0.05 < gone[:, BODY].mean() < 0.2 and not view.keypoints[gone].any()
        assert ((view.keypoints[..., 2] > 0) & (view.keypoints[..., 2] < 0.5)).any()


def test_a_missing_joint_stays_missing_however_a_clip_is_shown(clips):
    data = ClipDataset(clips, CONFIG, seed=0)
    shown = torch.cat([data.shown(index, epoch)["keypoints"] for index in range(4) for epoch in range(6)])
    gone = shown[..., 2] == 0
    assert 0.02 < gone[:, BODY].float().mean() < 0.3 and not shown[gone].any()
    heat = clean(shown, CONFIG.image)[:, 3:]
    assert (heat[gone] == -1).all() and (heat[~gone].amax((-1, -2)) > -1).all()


def test_what_is_given_is_said_and_what_cannot_be_used(dataset, tmp_path):
    heard = Listener()
    load_clips(dataset, "train", CONFIG, heard)
    (said,) = heard.said
    assert said.startswith("train: 4 clips, 16.0 s: 4 filmed; ") and "of the body's joints are missing" in said
    store = open_store(tmp_path)
    mixed = pose_dataset(store, train=3, val=1).path
    folder = clip_dir(mixed, "c00") / "a000"
    folder.rename(folder.with_name("video"))
    nobody = PoseSequence(np.zeros((90, 18, 3), np.float32), 30.0)
    nobody.save(poses_path(mixed, "c01", "a000"))
    short = clip_dir(mixed, "c02")
    PoseSequence(dancing(15, 30.0), 30.0).save(short / "a000" / "poses.npz")
    heard = Listener()
    (left,) = load_clips(mixed, "train", CONFIG, heard)
    assert left.id == "c00" and left.kind == "video"
    assert heard.warned == ["train: left out are 1 clip without poses of a dancer; 1 clip of less than 0.9 s"]
    nobody.save(poses_path(mixed, "c00", "video"))
    with pytest.raises(InputError, match="2 clips without poses of a dancer; 1 clip of less"):
        load_clips(mixed, "train", CONFIG, SILENT)


def test_the_memory_is_measured_on_the_longest_clip_that_can_be_used(dataset, tmp_path):
    store = open_store(tmp_path)
    mixed = pose_dataset(store, train=3, val=1)
    nobody = PoseSequence(np.zeros((90, 18, 3), np.float32), 30.0)
    nobody.save(poses_path(mixed.path, "c00", "a000"))
    write_clips(mixed.path, [replace(c, seconds=9.0) if c.id == "c00" else c for c in read_clips(mixed.path)])
    assert memory_needed(CONFIG, TrainingJob(mixed.path, tmp_path / "job", ALONE)).activations > 0


def test_no_frame_is_learnt_to_which_there_is_no_music():
    (take,) = takes(1, CONFIG, frames=40)
    assert take.frames == 40
    assert replace(take, mel=take.mel[:181]).frames == 21


# Start poses


def test_a_dance_starts_from_whole_poses(clips):
    starts = choose_starts(clips, CONFIG, 0).keypoints
    assert (starts[:, BODY, 2] > 0).all() and (starts[:, 0, 2] > 0).all()


def test_clips_that_never_show_a_whole_body_are_no_start_while_others_do(clips):
    (view,) = clips[0].views
    halved = view.keypoints.copy()
    halved[:, 9:11] = halved[:, 12:14] = 0.0
    half = replace(clips[0], id="half", views=(replace(view, keypoints=halved),))
    assert (choose_starts([half, clips[1]], CONFIG, 0).keypoints[:, BODY, 2] > 0).all()
    alone = choose_starts([half], CONFIG, 0).keypoints
    assert ((alone[:, BODY, 2] > 0).sum(1) == 9).all()  # the most that there is


# Styles


def test_a_place_is_that_of_the_frames_that_show_it():
    poses = tensor(dancing(40))[None]
    seen = place(without(without(poses, HIP, slice(0, 20)), 10, slice(0, 20)), 512)
    assert torch.allclose(seen[0, (0, 2)], place(poses[:, 20:], 512)[0, (0, 2)])
    assert torch.isnan(place(without(poses, HIP), 512)[0, 0]) and not torch.isnan(place(poses, 512)).any()


def test_what_is_never_seen_has_no_style_and_no_say():
    poses = tensor(dancing(40))[None].requires_grad_()
    legless = poses * 1.0
    for joint in (9, 10, 12, 13):
        legless = torch.where(torch.arange(18)[:, None] == joint, 0.0, legless)
    found = measure(legless, 512, 10.0)
    assert torch.isnan(found[0]).tolist() == [False] * 4 + [True] * 2 + [False] * 2 + [True]
    style = StyleEmbedding(4)
    style.learn([found[0].detach(), measure(tensor(dancing(40, sway=0.3))[None], 512, 10.0)[0]])
    assert torch.isfinite(style.mean).all() and torch.isfinite(style(found)).all()
    whole = measure(tensor(dancing(40, beat_s=0.3))[None], 512, 10.0)
    loss = style_loss(style.relative(whole) - style.relative(found), torch.ones(1))
    loss.backward()
    assert 0 < loss.item() < 100 and torch.isfinite(poses.grad).all()


def test_joints_that_come_and_go_make_no_dance_wilder():
    legs = (KNEE, 10, 12, 13)
    poses = tensor(dancing(1)).repeat(1, 120, 1, 1)
    poses[..., legs, 0] += (20 * torch.sin(2 * np.pi * torch.arange(120) / 40))[None, :, None]
    flickers = poses
    for joint in legs:
        flickers = without(flickers, joint, slice(joint % 3, None, 5))
    for figure in (measure, acceleration):
        assert torch.allclose(figure(flickers, 512, 10.0), figure(poses, 512, 10.0), atol=0.1)


def test_who_listens_for_the_beat_does_not_see_hips_in_the_corner_of_the_picture():
    torch.manual_seed(0)
    judge = PoseBeatCritic(CONFIG).freeze()
    judge.layers = torch.nn.Identity()  # what it looks at
    poses = tensor(takes(1, CONFIG, frames=20)[0].views[0].keypoints)[None]
    places = judge(without(poses, HIP)).unflatten(-1, (13, 5))[..., :2]
    assert not places.any() and judge(poses).unflatten(-1, (13, 5))[..., :2].any()


# A step of training


def test_face_points_that_the_head_hides_are_no_missing_joints():
    real, own = tensor(filmed(10, 10.0)), tensor(dancing(10, first=0.5))
    real[:, 0] = 0.0
    gone = unseen(real)[..., 0]
    assert not gone[:, (0, 17)].any() and gone[:, WRIST].any()
    mixed = completed(real, own)
    assert torch.equal(mixed[gone], own[gone]) and torch.equal(mixed[~gone], real[~gone])
    assert not hidden(own, real)[gone].any() and torch.equal(hidden(own, real)[~gone], own[~gone])


def forced_rollout(real: torch.Tensor, start: torch.Tensor):
    torch.manual_seed(0)
    network, frames = lively(CONFIG), real.shape[1]
    images = clean(real.flatten(0, 1), CONFIG.image).unflatten(0, real.shape[:2])
    teacher = TeacherForcing(real, images, torch.ones(1, dtype=torch.bool), torch.ones(1, frames, dtype=torch.bool))
    noise = clip_noise(CONFIG, 1, frames, torch.Generator().manual_seed(0))
    mel = torch.zeros(1, frames, CONFIG.generator.mel_width, 82)
    style = measure(real, 32, 10.0)
    return unroll(network, RolloutState.start(network, start), mel, noise, style, teacher), teacher


def test_a_real_pose_that_leads_takes_no_joint_away():
    real = tensor(takes(1, CONFIG)[0].views[0].keypoints[:7])[None]
    dance, _ = forced_rollout(without(real[:, 1:], WRIST), real[:, 0])
    assert (dance.previous[..., WRIST, 2] > 0).all() and (dance.end.latest[..., WRIST, 2] > 0).all()
    others = [joint for joint in range(1, 14) if joint != WRIST]
    assert torch.equal(dance.previous[:, 1:, others], real[:, 1:-1, others])  # the rest is led


def trainer_of(clips: list[ClipViews], folder, *settings) -> GanTrainer:
    config = tiny_config("train.own_output_ramp=0", "train.alone_frames=1000000", "train.steps=40", *settings)
    return GanTrainer(config, clips, clips[:1], choose_starts(clips, config, 0), folder)


def test_a_joint_that_no_clip_shows_is_painted_where_it_is_and_judged_by_nobody(tmp_path):
    made = takes(4, CONFIG)
    clips = [
        replace(c, views=(replace(c.views[0], keypoints=without(tensor(c.views[0].keypoints), WRIST).numpy()),))
        for c in made
    ]
    trainer = trainer_of(clips, tmp_path)
    start = tensor(made[0].views[0].keypoints[:7])[None]
    dance, teacher = forced_rollout(without(start[:, 1:], WRIST), start[:, 0])
    times = torch.arange(6)[None]
    fake, real = trainer._cases(dance, teacher, without(start[:, 0], WRIST), torch.zeros(1, 6, 32, 82), times)
    channel = 3 + WRIST
    assert (fake.image[:, channel] == -1).all() and (real.image[:, channel] == -1).all()
    assert (fake.image[:, 3 + WRIST - 1] > 0).any()
    whole = trainer._cases(dance, replace(teacher, poses=start[:, 1:]), start[:, 0], torch.zeros(1, 6, 32, 82), times)
    assert (whole[0].image[:, channel] > 0).any() and not torch.equal(whole[0].history, fake.history)
    wanted = trainer._wanted(dance, teacher)
    own = clean(dance.joints.flatten(0, 1).detach(), CONFIG.image)
    assert torch.equal(wanted[:, channel], own[:, channel]) and (wanted[:, channel] > 0).any()


def test_steps_on_filmed_clips_are_finite_and_dances_go_on(clips, tmp_path):
    trainer = trainer_of(clips, tmp_path)
    for batch in islice(trainer.batches(), 4):
        losses = trainer.step(batch)
        assert losses and np.isfinite(list(losses.values())).all()
        assert (trainer.rollouts.latest[:, BODY, 2] > 0).float().mean() > 0.9
        trainer.budget.tick()


# Validation


def test_a_dance_that_is_right_scores_the_same_whatever_the_real_one_does_not_show():
    whole = [PoseSequence(dancing(60, first=0.3 * i), 10.0) for i in range(3)]
    shown = [PoseSequence(filmed(60, 10.0, first=0.3 * i), 10.0) for i in range(3)]
    for dance in shown:  # a leg is gone for more than half of the clip, and an arm for all of it
        dance.keypoints[:35, 11:14] = dance.keypoints[:, 3:5] = 0.0
    beats = [ticks(6.0, first=0.3 * i).times_s for i in range(3)]
    found, perfect = _compare(shown, whole, beats, beats), _compare(whole, whole, beats, beats)
    assert found.shape == pytest.approx(perfect.shape, abs=0.004) and found.place == pytest.approx(0, abs=0.01)
    assert found.real_speed == pytest.approx(perfect.real_speed, rel=0.25)
    assert found.score < 0.6


def test_validation_dances_from_the_first_whole_pose(clips):
    (view,) = clips[0].views
    assert (view.keypoints[0, BODY, 2] == 0).any()
    found = validate(lively(CONFIG), clips, None)
    assert np.isfinite(found.score) and found.missing < 0.1
