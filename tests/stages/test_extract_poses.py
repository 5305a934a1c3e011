"""extract-poses: the dances from every camera, in a dataset that needs nothing outside it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dancegen import extract_poses, prepare
from dancegen.audio.beats import Beats
from dancegen.dataset.format import ClipMotion, clip_dir, clip_views, poses_path, read_clips
from dancegen.errors import InputError, NotFoundError
from dancegen.options.declare import pixels
from dancegen.pose.sequence import PoseSequence
from dancegen.stages.extract_poses import parse_views
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A dataset whose sources are gone."""
    place = tmp_path_factory.mktemp("prepared")
    (place / "sources").mkdir()
    write_dancer(place / "sources" / "60_01.bvh")
    write_click(place / "sources" / "click.wav", 120)
    made = prepare(
        place / "sources" / "60_01.bvh", music=place / "sources", pairs=1, clip_seconds=3.0, workers=1,
        store=place / "store",
    )  # fmt: skip
    shutil.rmtree(place / "sources")
    return made


@pytest.fixture(scope="module")
def poses(dataset):
    return extract_poses(views="90, 0", canvas="320x240", workers=1, store=dataset.path.parents[1])


def test_every_clip_is_seen_from_every_camera(dataset, poses):
    clips = read_clips(poses)
    assert clips == read_clips(dataset)
    for clip in clips:
        assert clip_views(poses.path, clip) == ["a000", "a090"]
        motion = ClipMotion.load(clip_dir(dataset.path, clip) / "motion.npz").motion
        for view in clip_views(poses.path, clip):
            sequence = PoseSequence.load(poses_path(poses.path, clip, view))
            assert (len(sequence), sequence.fps, sequence.size, sequence.start_s) == (
                len(motion),
                30.0,
                (320, 240),
                0.0,
            )
            assert sequence.joints3d.shape == motion.joints3d.shape
            body = sequence.keypoints[:, 1:14]
            assert (body[..., 2] == 1).all()
            assert body[..., 0].min() >= 0 and body[..., 0].max() <= 320 and body[..., 1].max() <= 240
    assert poses.summary["sequences"] == 2 * len(clips)


def test_cameras_that_move_see_every_clip_too(dataset):
    poses = extract_poses(dataset, views="0,cuts,orbit", canvas="320x240", workers=1, store=dataset.path.parents[1])
    assert poses.summary["views"] == ["a000", "cuts", "orbit"]
    for clip in read_clips(poses):
        for view in ("cuts", "orbit"):
            body = PoseSequence.load(poses_path(poses.path, clip, view)).keypoints[:, 1:14]
            assert (body[..., 2] == 1).all() and body[..., :2].min() >= 0 and body[..., 0].max() <= 320


def test_the_cameras_see_different_sides(poses):
    clip = read_clips(poses)[0]
    front, side = (PoseSequence.load(poses_path(poses.path, clip, view)).keypoints for view in ("a000", "a090"))

    def width(keypoints):
        return np.abs(keypoints[:, 2, 0] - keypoints[:, 5, 0]).mean()  # between the shoulders

    assert width(front) > 4 * width(side)
    assert (front[:, 0, 2] > 0).all()  # the nose, from the front


def test_the_pose_dataset_is_complete_without_the_dataset(dataset, poses, tmp_path):
    alone = tmp_path / "elsewhere"
    shutil.copytree(poses.path, alone)
    for clip in read_clips(alone):
        folder = clip_dir(alone, clip)
        for name in ("mel.npy", "audio.flac", "beats.json"):
            assert (folder / name).read_bytes() == (clip_dir(dataset.path, clip) / name).read_bytes()
        assert len(Beats.load(folder / "beats.json").times_s) > 2


def test_the_second_run_is_answered_from_the_store_however_it_is_asked(dataset, poses):
    store = dataset.path.parents[1]
    for reference in (None, dataset, dataset.path, dataset.digest[:10]):
        again = extract_poses(reference, views=[0, 450], canvas=(320, 240), workers=2, store=store)
        assert again.cached and again.digest == poses.digest
    assert extract_poses(dataset, views="0", canvas="320x240", workers=1, store=store).digest != poses.digest


def test_without_a_dataset_it_says_how_to_make_one(tmp_path):
    with pytest.raises(NotFoundError, match="dancegen prepare"):
        extract_poses(store=tmp_path)


def test_views_and_sizes_are_read_or_refused():
    assert parse_views("0,45, 90") == [0, 45, 90] and parse_views([-90, 270, 30.4]) == [30, 270]
    assert parse_views("orbit,90,0,orbit") == [0, 90, "orbit"]
    assert pixels("--canvas", "640x360") == pixels("--canvas", (640, 360)) == (640, 360)
    for views in ("", "drone", ",", "0;90", "nan"):
        with pytest.raises(InputError, match="--views"):
            parse_views(views)
    for size in ("512", "0x512", "512x", "axb", "99999x512", (-3, 4)):
        with pytest.raises(InputError, match="--canvas"):
            pixels("--canvas", size)


def test_real_takes_become_a_dataset(shared_data, tmp_path):
    source = shared_data / "cmu-modern" / "05_08.amc"
    made = prepare(source, music=shared_data / "music" / "metal-madness.ogg", pairs=1, workers=1, store=tmp_path)
    seen = extract_poses(made, views="0", workers=1, store=tmp_path)
    (clip,) = read_clips(seen)
    sequence = PoseSequence.load(poses_path(seen.path, clip, "a000"))
    assert 3 < sequence.seconds < 8 and made.summary["footfall_alignment"] > 0.6
    height = np.ptp(sequence.keypoints[:, 1:14, 1], axis=1).mean()
    assert 150 < height < 480
