"""Training dances are slowed on their beats, and stay the dances they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancegen.audio.beats import NO_BEATS
from dancegen.choreographers.augmentation import accented_s, check_accent
from dancegen.choreographers.gan.data import load_clips
from dancegen.errors import InputError
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import SILENT
from dancegen.store import open_store
from helpers.tiny_gan import pose_dataset, ticks, tiny_config


def test_time_runs_slower_on_beats_faster_between_them_and_is_on_time_at_each():
    times, beats = np.arange(0, 8, 0.01), ticks(7.3, 0.5, 0.2)
    heard = accented_s(times, beats, 0.3)
    assert np.interp(beats.times_s, times, heard) == pytest.approx(beats.times_s, abs=1e-3)
    rate = np.gradient(heard, times)
    inner = beats.times_s[1:-1]
    assert np.interp(inner, times, rate) == pytest.approx(0.7, abs=0.02)
    assert np.interp(inner + 0.25, times, rate) == pytest.approx(1.3, abs=0.02)
    outside = (times < beats.times_s[0]) | (times > beats.times_s[-1])
    assert (heard[outside] == times[outside]).all()
    assert (accented_s(times, NO_BEATS, 0.3) == times).all()


def test_the_gan_learns_from_accented_takes_and_only_where_it_is_asked_to(tmp_path):
    dataset = pose_dataset(open_store(tmp_path / "store"), train=1, val=1, seconds=6.0).path
    path = next((dataset / "clips").glob("c00/*/poses.npz"))
    sequence = PoseSequence.load(path)
    across = 100 + 60 * np.arange(len(sequence)) / sequence.fps  # the dancer walks across at 60 pixels a second
    heights = np.broadcast_to(120 + 10 * np.arange(18), (len(across), 18))  # no dancer is a point
    keypoints = np.stack([np.tile(across[:, None], 18), heights, np.ones((len(across), 18))], -1)
    keypoints[40:50, 3] = 0
    replace(sequence, keypoints=keypoints.astype(np.float32), size=(512, 512)).save(path)
    config = replace(tiny_config(), image=replace(tiny_config().image, fps=30.0))

    for accent in (0.0, 0.3):
        (take,) = load_clips(dataset, "train", config, SILENT, accent=accent)
        danced = take.views[0].keypoints * np.float32([512 / 32, 512 / 32, 1])
        times, inner = np.arange(take.frames) / 30, take.beats.times_s[1:-1]
        speed = np.gradient(danced[:, 0, 0], times)
        assert np.interp(inner, times, speed) == pytest.approx(60 * (1 - accent), rel=0.06)
        assert np.interp(inner + 0.2, times, speed) == pytest.approx(60 * (1 + accent), rel=0.06)
        missing = danced[:, 3, 2] == 0
        assert 8 <= missing.sum() <= 12 and missing[45] and not danced[missing, 3].any()


def test_an_accent_that_would_stop_a_dance_is_refused():
    check_accent(0.0)
    for accent in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match=r"train\.accent"):
            check_accent(accent)
