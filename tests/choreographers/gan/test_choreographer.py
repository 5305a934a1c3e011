"""The GAN dances: any length and rate, the same for a seed, to this song and no other."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from dancegen.audio.features import FLOOR
from dancegen.choreographers.gan import choreographer
from dancegen.choreographers.gan.choreographer import RETAINED, GanChoreographer
from dancegen.choreographers.gan.data import with_beat
from dancegen.choreographers.gan.image import HELD_CONFIDENCE
from dancegen.pose.geometry import limb_lengths
from dancegen.pose.resampling import resample_keypoints
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from helpers.tiny_gan import song, tiny_config, tiny_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def dancer(folder):
    return GanChoreographer(folder)


@pytest.fixture(scope="module")
def tune():
    return song(4.0)


def dance(dancer, tune, **options) -> PoseSequence:
    return PoseSequence.concatenate(dancer.choreograph(tune, **options))


def apart(one: PoseSequence, other: PoseSequence) -> float:
    """Mean distance of the body's joints, in pixels."""
    return float(np.linalg.norm(one.keypoints[:, BODY, :2] - other.keypoints[:, BODY, :2], axis=-1).mean())


def test_the_seed_decides_the_dance(dancer, folder, tune):
    first = dance(dancer, tune, seed=3)
    assert np.array_equal(first.keypoints, dance(dancer, tune, seed=3).keypoints)
    assert np.array_equal(first.keypoints, dance(GanChoreographer(folder), tune, seed=3).keypoints)
    assert apart(first, dance(dancer, tune, seed=4)) > 1
    for seed in (-1, 2**40):
        assert len(dance(dancer, song(1.0), seed=seed)) == 30


def test_memory_goes_on_from_image_to_image_and_chunk_to_chunk_and_fades(dancer, monkeypatch):
    """So that nothing older than the training's clips leads the dance."""
    monkeypatch.setattr(choreographer, "CHUNK", 7)
    states: list[tuple] = []
    seen = dancer.model.generator.register_forward_hook(
        lambda _, given, made: states.append((given[3], made[1]))  # returns None: the image stays
    )
    dance(dancer, song(2.0))
    seen.remove()
    assert len(states) == 20 and all(part.abs().max() > 0 for part in states[0][1])
    for (_, left), (found, _) in pairwise(states):
        assert all(torch.equal(RETAINED * a, b) for a, b in zip(left, found, strict=True)) and 0.9 < RETAINED < 1


def test_a_dance_leaves_other_peoples_chance_alone(dancer):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    for _ in dancer.choreograph(song(2.0)):
        pass
    assert torch.equal(torch.rand(3), expected)


def test_without_noise_the_seed_still_decides_through_dropout(tmp_path, tune):
    dancer = GanChoreographer(
        tiny_model(tmp_path, tiny_config("generator.noise_channels=0", "generator.start_poses=1"))
    )
    first, same, other = (dance(dancer, tune, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.keypoints, same.keypoints) and apart(first, other) > 0.1


@pytest.mark.parametrize("fps", [1, 10, 23.976, 24, 25, 30, 60, 120])
@pytest.mark.parametrize("seconds", [1.0, 3.37])
def test_a_dance_is_as_long_as_the_song(dancer, fps, seconds):
    made = dance(dancer, song(seconds), fps=fps)
    assert len(made) == round(seconds * fps) and made.fps == fps


def test_a_long_dance_comes_in_pieces_that_follow_each_other(dancer):
    tune = song(23.45, start_s=7.5)
    pieces = list(dancer.choreograph(tune, fps=30, size=(320, 240)))
    assert len(pieces) >= 3 and sum(map(len, pieces)) == round(23.45 * 30)
    at = 7.5
    for piece in pieces:
        assert piece.start_s == pytest.approx(at) and (piece.fps, piece.size) == (30, (320, 240))
        at += len(piece) / 30
    whole = PoseSequence.concatenate(pieces)
    steps = np.linalg.norm(np.diff(whole.keypoints[:, BODY, :2], axis=0), axis=-1).max(1)
    seams = np.cumsum([len(piece) for piece in pieces])[:-1] - 1
    assert steps[seams].max() <= np.percentile(steps, 99.9)  # nobody sees where the pieces meet


def test_other_rates_show_the_same_dance(dancer, tune):
    slow, fast = dance(dancer, tune, fps=10), dance(dancer, tune, fps=60)
    assert np.abs(fast.keypoints[::6, BODY] - slow.keypoints[:, BODY]).max() < 0.05


def test_the_spline_between_frames_does_not_feel_where_the_pieces_meet(dancer):
    tune = song(14.0)
    frames, streamed = dance(dancer, tune, fps=10).keypoints, dance(dancer, tune, fps=30).keypoints
    whole = resample_keypoints(frames, np.arange(400) / 3)
    assert np.abs(streamed[:400, BODY, :2] - whole[:, BODY, :2]).max() < 0.02


def test_other_sizes_show_the_same_dance(dancer, tune):
    square, wide = dance(dancer, tune, size=(512, 512)), dance(dancer, tune, size=(1024, 512))
    assert np.allclose(wide.keypoints[:, BODY, 0] - 256, square.keypoints[:, BODY, 0], atol=1e-3)
    assert np.array_equal(wide.keypoints[:, BODY, 1], square.keypoints[:, BODY, 1])


@pytest.fixture
def one_start(folder):
    """A dancer with one pose to start from: which one it is depends on the song's mean loudness."""
    dancer = GanChoreographer(folder)
    starts = dancer.model.starts
    first = replace(starts, keypoints=starts.keypoints[:1], energy=starts.energy[:1])
    dancer.model = replace(dancer.model, starts=first)
    return dancer


def test_how_a_song_begins_is_danced_the_same_however_long_it_goes_on(one_start):
    long, longer = dance(one_start, song(13.0)), dance(one_start, song(21.0))
    same = 30 * 9
    assert np.allclose(long.keypoints[:same], longer.keypoints[:same], atol=0.02)


def test_repainting_the_song_changes_the_dance_from_there_on(one_start, tune):
    made = dance(one_start, tune)
    other = song(4.0, beat_s=0.37, band=50).mel
    assert apart(made, dance(one_start, replace(tune, mel=other))) > 1
    late = np.concatenate([tune.mel[:180], other[180:]])
    changed = dance(one_start, replace(tune, mel=late))
    # Heard from second 2 on and, in a window, a fifth of a second before; the spline reaches a few frames back.
    assert np.allclose(changed.keypoints[:30], made.keypoints[:30], atol=0.02)
    assert apart(changed.slice(60), made.slice(60)) > 1


def test_the_song_is_heard_later_by_as_much_as_steps_come_early(dancer, tune, monkeypatch):
    heard = with_beat(tune.mel, tune.beats)
    monkeypatch.setattr(choreographer, "AHEAD_S", 0.0)
    in_time = dancer._encode_music(heard, 4, 15, None)
    monkeypatch.setattr(choreographer, "AHEAD_S", 1 / dancer.config.image.fps)
    later = dancer._encode_music(heard, 5, 16, None)
    assert torch.allclose(in_time, later, atol=1e-5) and (in_time[1:] - in_time[:-1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", ["silence", "beatless", "deafening"])
def test_songs_without_a_beat_are_danced_too(dancer, tune, kind):
    mel = {
        "silence": np.full_like(tune.mel, FLOOR),
        "beatless": np.full_like(tune.mel, -1.0),
        "deafening": np.full_like(tune.mel, 3.0),
    }[kind]
    made = dance(dancer, replace(tune, mel=mel))
    assert len(made) == 120 and (made.keypoints[:, BODY, 2] > 0).all()


def test_the_dance_comes_from_the_image(folder, tune):
    """A network that paints black leaves the dancer standing, every joint held and said to be held."""
    dancer = GanChoreographer(folder)
    with torch.no_grad():
        dancer.model.generator.remain.zero_()
        dancer.model.generator.paint.weight.zero_()
        dancer.model.generator.paint.bias.fill_(-5)
    made = dance(dancer, tune)
    assert np.abs(np.diff(made.keypoints[:, BODY, :2], axis=0)).max() < 1e-3
    assert made.keypoints[30:, BODY, 2] == pytest.approx(HELD_CONFIDENCE)
    assert not made.keypoints[30:, 0].any()  # the face is not guessed


def test_no_limb_grows(dancer, tune):
    lengths = limb_lengths(dance(dancer, tune, fps=10, size=(32, 32)).keypoints)
    assert (np.nan_to_num(lengths) <= dancer.model.generator.longest + 0.01).all()


def test_the_start_is_a_real_pose_that_was_danced_to_music_as_lively(tmp_path, tune):
    dancer = GanChoreographer(tiny_model(tmp_path, tiny_config("generator.start_poses=32")))
    starts = replace(dancer.model.starts, energy=np.linspace(-2, 2, 32, dtype=np.float32))
    starts.keypoints[:, 1, 0] += np.arange(32) / 100  # told apart by the neck
    dancer.model = replace(dancer.model, starts=starts)
    for change, likely in ((-1.6, range(0, 12)), (1.6, range(20, 32))):
        mel = tune.mel.copy()
        mel[:45] += change
        chosen = set()
        for seed in range(8):
            first = dance(dancer, replace(tune, mel=mel, seconds=1.0), seed=seed, size=(32, 32)).keypoints[0]
            chosen.add(int(np.abs(starts.keypoints - first).max((1, 2)).argmin()))
            assert np.abs(starts.keypoints - first).max((1, 2)).min() < 1e-3
        assert len(chosen) > 1 and chosen <= set(likely)


def test_a_picture_without_heat_channels_is_decoded_by_its_colours(tmp_path, tune):
    config = tiny_config(
        "image.heatmaps=false", "image.size=64", "generator.noise_channels=0", "generator.momentum=none",
        "generator.flow=none", "generator.norm=batch",
    )  # fmt: skip
    made = dance(GanChoreographer(tiny_model(tmp_path, config)), tune)
    assert len(made) == 120 and (made.keypoints[:, BODY, 2] > 0).all()
