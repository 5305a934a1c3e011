"""AIST++ as it is published, all the way to a step of training: motions, joints in space, and what nine cameras saw."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import asdict

import numpy as np
import pytest

from dancegen import extract_poses, prepare, train
from dancegen.choreographers.diffusion.model import load_model
from dancegen.dataset.format import ClipMotion, clip_dir, clip_views, poses_path, read_clips
from dancegen.motion.readers.aist import read_keypoints3d
from dancegen.motion.readers.aist_cameras import cameras_of, read_cameras
from dancegen.pose.sequence import PoseSequence
from helpers.aistpp import coco, parameters, write_2d, write_dataset, write_pickle
from helpers.listening import Listener
from helpers.songs import write_click
from helpers.tiny_diffusion import CONFIG
from helpers.tiny_gan import SETTINGS

REAL = "gBR_sBM_cAll_d04_mBR0_ch03"
SPLITS = {
    "gBR_sBM_cAll_d04_mBR0_ch01": "train", "gPO_sFM_cAll_d10_mPO1_ch02": "train", "gWA_sBM_cAll_d25_mWA2_ch03": "val",
    "gKR_sBM_cAll_d30_mKR2_ch02": "test", "gBR_sFM_cAll_d05_mBR0_ch14": "ignore",
}  # fmt: skip
DIFFUSION = tuple(
    f"{part}.{name}={value}"
    for part in ("window", "denoiser", "train")
    for name, value in asdict(CONFIG)[part].items()
    if getattr(getattr(type(CONFIG)(), part), name) != value and name != "steps"
)
"""What makes the small preset tiny, as `--set` takes it."""


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("aist") / "aist_plusplus_final", SPLITS, seconds=5.0)


@pytest.fixture(scope="module")
def motions(published, store):
    return prepare(published, clip_seconds=5, workers=1, store=store)


@pytest.fixture(scope="module")
def seen(published, store):
    return prepare(published / "keypoints2d", clip_seconds=5, workers=1, store=store)


def rotated(dataset) -> list[bool]:
    """Which of its clips, in their order, have rotations."""
    loaded = (ClipMotion.load(clip_dir(dataset.path, clip) / "motion.npz") for clip in read_clips(dataset))
    return [each.motion.rotations is not None for each in loaded]


def test_names_and_lists_say_genre_dancer_music_and_split(motions, seen):
    for dataset in (motions, seen):
        clips = {clip.take: clip for clip in read_clips(dataset)}
        told = {take: (clip.genre, clip.performer, clip.song) for take, clip in clips.items()}
        assert told == {
            "gBR_sBM_cAll_d04_mBR0_ch01": ("break", "d04", "mBR0"),
            "gPO_sFM_cAll_d10_mPO1_ch02": ("pop", "d10", "mPO1"),
            "gWA_sBM_cAll_d25_mWA2_ch03": ("waack", "d25", "mWA2"),
            "gKR_sBM_cAll_d30_mKR2_ch02": ("krump", "d30", "mKR2"),
        }
        assert {clip.situation for clip in clips.values()} == {"basic", "advanced"}
        assert clips["gPO_sFM_cAll_d10_mPO1_ch02"].situation == "advanced"
        assert {take: clip.split for take, clip in clips.items()} == {
            take: split for take, split in SPLITS.items() if split != "ignore"
        }
        assert dataset.summary["left_out"] == []


def test_motions_keep_their_rotations_and_diffusion_learns_from_them(motions, store, tmp_path):
    assert all(rotated(motions))
    model = train(motions, family="diffusion", max_steps=1, settings=DIFFUSION, device="cpu", store=store)
    assert load_model(model.path).styles == ("break", "pop")


def test_the_gan_learns_from_what_the_nine_cameras_saw(seen, store):
    poses = extract_poses(seen, workers=1, store=store)
    for clip in read_clips(poses):
        views = [f"c{number:02d}" for number in range(1, 10)]
        lost = "c05" if clip.take == "gBR_sBM_cAll_d04_mBR0_ch01" else None  # not in time with the others
        assert clip_views(poses.path, clip) == [view for view in views if view != lost]
        for view in clip_views(poses.path, clip):
            sequence = PoseSequence.load(poses_path(poses.path, clip, view))
            assert sequence.size == (512, 512) and len(sequence) == 150
            body = sequence.keypoints[:, 1:14]
            assert (body[..., 2] > 0).all() and body[..., :2].min() > 0 and body[..., :2].max() < 512
    model = train(poses, family="gan", max_steps=1, settings=SETTINGS, device="cpu", store=store)
    assert (model.path / "model.safetensors").is_file()


def test_the_gan_learns_from_joints_in_space_too(published, store):
    made = prepare(published / "keypoints3d", clip_seconds=5, workers=1, store=store)
    assert not any(rotated(made))
    poses = extract_poses(made, views="0,90", workers=1, store=store)
    assert train(poses, family="gan", max_steps=1, settings=SETTINGS, device="cpu", store=store).summary


def test_the_published_files_go_all_the_way(shared_data, store, tmp_path):
    """The real joints, and what the real cameras see of them, with a click for the music that may not be passed on."""
    place = tmp_path / "aist"
    shutil.copytree(shared_data / "aistpp", place)
    joints = read_keypoints3d(place / "keypoints3d" / f"{REAL}.pkl")
    cameras = read_cameras(cameras_of(place / "keypoints3d" / f"{REAL}.pkl", REAL))
    views = np.stack([camera.pixels(joints) for camera in cameras])
    scores = np.full((*views.shape[:3], 1), 0.9)
    write_2d(place, REAL, np.concatenate([views, scores], axis=-1).astype(np.float32))
    (place / "music").mkdir()
    write_click(place / "music" / "mBR0.wav", 80, 13.0)
    (place / "splits" / "crossmodal_train.txt").open("a").write(f"\n{REAL}\n")  # it is on none of the lists

    whole = prepare(place, music=place / "music", clip_seconds=5, workers=1, store=store)
    assert {clip.take for clip in read_clips(whole)} == {REAL, "transflower_generated"}
    assert {clip.split for clip in read_clips(whole) if clip.take == REAL} == {"train"}
    assert rotated(whole) == [clip.take == "transflower_generated" for clip in read_clips(whole)]
    poses = extract_poses(whole, views="0", workers=1, store=store)
    settings = (*SETTINGS, "train.batch=2")
    assert train(poses, family="gan", max_steps=1, settings=settings, device="cpu", store=store).summary
    assert train(whole, family="diffusion", max_steps=1, settings=DIFFUSION, device="cpu", store=store).summary

    flat = prepare(place / "keypoints2d", clip_seconds=5, workers=1, store=store)
    clips = read_clips(flat)
    assert sum(clip.own_seconds for clip in clips) == pytest.approx(12.0, abs=0.1)
    assert all(len(clip_views(flat.path, clip)) == 9 for clip in clips)


def test_a_dance_whose_beginning_is_missing_stays_in_time_with_its_song(tmp_path):
    whole = coco(parameters(6.0))
    late = whole.copy()
    late[:90] = np.nan  # of 360
    for name, joints in (("gBR_sBM_cAll_d04_mBR0_ch01", whole), ("gBR_sBM_cAll_d04_mBR0_ch02", late)):
        write_pickle(tmp_path / "keypoints3d" / f"{name}.pkl", {"keypoints3d_optim": joints})
    (tmp_path / "music").mkdir()
    write_click(tmp_path / "music" / "mBR0.wav", 120, 8.0)
    made = prepare(tmp_path, clip_seconds=6, workers=1, val_fraction=0)
    first, second = read_clips(made)
    assert (first.song_start, second.song_start) == (0.0, pytest.approx(1.5, abs=0.012))
    moved, cut = (ClipMotion.load(clip_dir(made.path, clip) / "motion.npz").motion for clip in (first, second))
    at = round(second.song_start * 30)
    wrists = (motion.joints3d[:, 7] - motion.joints3d[:, 5] for motion in (moved, cut))
    truth, found = next(wrists)[at:], next(wrists)
    count = min(len(truth), len(found)) - 2
    assert count > 120
    np.testing.assert_allclose(found[2:count], truth[2:count], atol=0.02)


def test_sequences_on_none_of_the_lists_are_told_of(published, tmp_path):
    place, heard = tmp_path / "aist", Listener()
    shutil.copytree(published, place)
    (place / "splits" / "crossmodal_val.txt").write_text("")
    prepare(place, clip_seconds=5, workers=1, progress=heard)
    assert any("1 of 4 sequences, such as gWA_sBM_cAll_d25_mWA2_ch03, are on none" in line for line in heard.warned)


def test_a_pickle_that_would_run_code_is_left_out_and_the_others_are_read(published, tmp_path, capsys):
    from dancegen.cli import main

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    place = tmp_path / "aist"
    shutil.copytree(published, place)
    bad = place / "motions" / "gPO_sFM_cAll_d10_mPO1_ch02.pkl"
    bad.write_bytes(pickle.dumps(pickle.loads(bad.read_bytes()) | {"more": Bomb()}))
    assert main(["prepare", str(place), "--clip-seconds", "5", "--workers", "1"]) == 3
    said = capsys.readouterr().err
    assert "motions/gPO_sFM_cAll_d10_mPO1_ch02.pkl is not read" in said and "it may run code" in said
    assert not (tmp_path / "ran").exists()
