"""The whole chain on real motion capture and real songs: from BVH and AMC to an MP4, each step from the one before."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import dancegen
from dancegen.audio.beats import Beats
from dancegen.dataset.format import read_clips
from dancegen.pose.geometry import body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY
from dancegen.video import probe_video, read_frames
from helpers.processes import run


@pytest.fixture(scope="module")
def chain(shared_data, tmp_path_factory):
    """Every step's artifact by name; each finds its input by itself, as the newest of the step before."""
    store = tmp_path_factory.mktemp("store")
    takes = [shared_data / "cmu-salsa" / "60_10_scaled.bvh", shared_data / "cmu-modern" / "05_03.amc"]
    learnt, unheard = (shared_data / "music" / name for name in ("metal-madness.ogg", "sugar-plum-fairy.ogg"))
    options = {"store": store}
    brief = {"family": "gan", "max_steps": 2, "batch": 2, "perceptual": 0, "settings": ("train.beat_critic_steps=20",)}
    return {
        "prepare": dancegen.prepare(
            takes, music=learnt, pairs=1, clip_seconds=3.0, val_fraction=0.5, workers=1, **options
        ),
        "extract": dancegen.extract_poses(views="0,90", workers=1, **options),
        "train": (trained := dancegen.train(preset="small", device="cpu", **brief, **options)),
        "generate": dancegen.generate_poses(
            unheard, model=trained.digest[:12], start=20, seconds=4, device="cpu", **options
        ),
        "render": dancegen.render(style="openpose", size="96x64", **options),
    }


def test_each_step_takes_what_the_one_before_made(chain):
    steps = list(chain.values())
    for before, after in ((0, 1), (1, 2), (3, 4)):
        assert steps[before].content in [entry.digest for entry in steps[after].inputs]
    weights = next(entry for entry in steps[3].inputs if entry.role == "weights")
    made = next(entry for entry in steps[2].files if entry.path == "model.safetensors")
    assert weights.digest == made.sha256
    assert not any(step.cached for step in steps)


def test_real_takes_are_danced_to_the_song_and_seen_by_two_cameras(chain):
    clips = read_clips(chain["extract"])
    assert {clip.split for clip in clips} == {"train", "val"} and {clip.take for clip in clips if clip.split == "train"}
    for clip in clips:
        for view in ("a000", "a090"):
            poses = PoseSequence.load(chain["extract"].path / "clips" / clip.id / view / "poses.npz")
            assert (poses.keypoints[:, BODY, 2] > 0).all() and 250 < body_height(poses.keypoints) < 450


def test_training_learnt_from_them_and_was_measured_on_the_others(chain):
    (row,) = csv.DictReader(chain["train"].file("history.csv").open())
    assert row["step"] == "2" and all(np.isfinite(float(row[name])) for name in ("l1", "position", "score"))
    assert 0.1 < float(row["real_speed"]) < 3 and 1 < float(row["real_accel"]) < 60
    assert chain["train"].file("model.safetensors").stat().st_size < 15e6


def test_the_song_it_never_heard_is_danced_by_a_person_of_the_right_size(chain):
    poses = PoseSequence.load(chain["generate"].file("poses.npz"))
    assert len(poses) == 120 and poses.start_s == 20
    assert (poses.keypoints[:, BODY, 2] > 0).all() and 120 < body_height(poses.keypoints) < 500
    assert np.ptp(poses.keypoints[:, BODY, :2], axis=0).max() > 1  # two steps of training, but it moves
    beats = Beats.load(chain["generate"].file("beats.json"))
    assert all(0 <= beat <= 4 for beat in beats.times_s)


def test_the_video_shows_the_dancer_with_the_music(chain):
    video = chain["render"].file("video.mp4")
    info = probe_video(video)
    assert (info.frames, info.size) == (120, (96, 64)) and abs(info.audio.end_s - info.video.end_s) <= 1 / 30
    frames = np.stack(list(read_frames(video)))
    drawn = (frames.max(-1) > 60).mean(axis=(1, 2))
    assert (drawn > 0.02).all() and (drawn < 0.6).all()


def test_the_command_finds_the_video_made_and_makes_nothing_anew(chain):
    store = chain["render"].path.parents[1]
    done = run("render", "--style", "openpose", "--size", "96x64", DANCEGEN_STORE=str(store))
    assert done.returncode == 0 and "answered from the store" in done.stdout, done.stderr
    assert chain["render"].digest[:16] in done.stdout
