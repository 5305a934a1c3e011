"""extract-poses of real footage, from the command that a person gives to the clips that come of it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from dancegen import extract_poses, prepare
from dancegen.dataset.format import VIDEO_VIEW, clip_dir, poses_path, read_clips, write_clips
from dancegen.detectors.blazepose import found_version
from dancegen.errors import InputError
from dancegen.pose.detections import Detections
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX
from dancegen.stages.detect_people import FILE, STAGE
from dancegen.store import Recipe, open_store
from helpers.filmed_clips import Shot, filmed_dataset, keypoints_dataset
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer

LOOKING = {"detector": "blazepose", "device": "cpu", "workers": 1}
needs_blazepose = pytest.mark.skipif(not found_version(), reason="needs the extra blazepose")


def pieces_of(made):
    """By take, (start, seconds) of the clips that came of it."""
    found = {}
    for clip in read_clips(made):
        found.setdefault(clip.take, []).append((clip.start, clip.seconds))
    return found


@needs_blazepose
def test_clips_end_at_the_cuts_and_the_close_up_is_dropped(shared_data, own_store):
    """Cuts at 3.0 and 4.67 s: a dancer, somebody else, and a close-up without legs, which is dropped."""
    shot = Shot(shared_data / "video" / "made_cuts.mp4", 0.0, 7.6, 12.0)
    dataset = filmed_dataset(open_store(own_store), {"cuts": shot})
    made = extract_poses(dataset, **LOOKING, min_seconds=1.5)
    ends = {round(start + seconds, 2) for start, seconds in pieces_of(made)["cuts"]}
    assert 3.0 in ends and max(ends) <= 4.67
    assert made.summary["rejected"]["no whole dancer"] >= 1
    (seen,) = open_store(own_store).artifacts(STAGE)
    assert Detections.load(seen.file(FILE)).cuts.tolist() == [36, 56]
    page = (made.path / "report.html").read_text()
    assert "no whole dancer" in page and "cuts" in page


@needs_blazepose
def test_a_phones_video_given_by_itself_stands_upright(shared_data, own_store):
    """Its pictures are stored lying; it is prepared on the way, and the newest dataset stays what it was."""
    made = extract_poses(shared_data / "video" / "made_phone_rotated.mp4", **LOOKING | {"workers": 2})
    (clip, *_) = read_clips(made)
    body = PoseSequence.load(poses_path(made.path, clip, VIDEO_VIEW)).keypoints
    head, feet = body[:, INDEX["nose"], 1], body[:, [INDEX["l_ankle"], INDEX["r_ankle"]], 1].mean(axis=1)
    assert (feet - head > 200).mean() > 0.95  # pixels of a canvas of 512
    store = open_store(own_store)
    assert len(store.artifacts("prepare")) == 1 and not store.places.newest("prepare").exists()


@needs_blazepose
def test_among_several_people_one_is_followed_throughout(shared_data, own_store):
    shot = Shot(shared_data / "video" / "openpose_video.avi", 0.0, 4.0, 8.0)
    made = extract_poses(filmed_dataset(open_store(own_store), {"street": shot}), **LOOKING, min_quality=0.0)
    (clip,) = read_clips(made)
    assert clip.seconds > 3.5
    poses = PoseSequence.load(poses_path(made.path, clip, VIDEO_VIEW))
    place = poses.keypoints[:, [INDEX["r_hip"], INDEX["l_hip"]], 0].mean(axis=1)
    tall = np.ptp(poses.keypoints[:, 1:14, 1], axis=1).mean()
    assert np.abs(np.diff(place)).max() < tall / 3  # nobody else takes over


def test_what_is_no_video_is_to_be_prepared_first(own_store, tmp_path):
    (tmp_path / "takes").mkdir()
    write_dancer(tmp_path / "takes" / "one.bvh")
    with pytest.raises(InputError, match=r"--music.*dancegen prepare .*takes"):
        extract_poses(tmp_path / "takes")
    with pytest.raises(InputError, match=r"nowhere"):
        extract_poses("nowhere.mp4")


def test_keypoints_are_cleaned_and_no_detector_is_asked(own_store):
    made = extract_poses(keypoints_dataset(open_store(own_store)), workers=1)
    assert "detector" not in made.summary and made.summary["views"] == ["c01", "c02"]
    clips = {clip.id: clip for clip in read_clips(made)}
    assert {(round(clip.start, 3), clip.seconds) for clip in clips.values()} == {(5.0, 8.0), (5.0, 3.5), (9.5, 3.5)}
    for clip in clips.values():
        views = sorted(path.parent.name for path in clip_dir(made.path, clip).glob("*/poses.npz"))
        assert views == (["c01"] if clip.seconds == 8.0 else ["c02"])
        poses = PoseSequence.load(poses_path(made.path, clip, views[0]))
        assert poses.size == (512, 512) and (poses.keypoints[:, 1:14, 2] > 0).all() and poses.start_s == 0
    assert clips["flat-00a00"].seconds == 8.0


def test_clips_of_several_kinds_are_one_dataset(own_store, tmp_path):
    store = open_store(own_store)
    flat = keypoints_dataset(store)
    (tmp_path / "takes").mkdir()
    write_dancer(tmp_path / "takes" / "one.bvh")
    write_click(tmp_path / "click.wav", 120)
    moved = prepare(tmp_path / "takes", music=tmp_path / "click.wav", pairs=1, clip_seconds=3, workers=1)

    def build(directory):
        for dataset in (flat, moved):
            shutil.copytree(dataset.path / "clips", directory / "clips", dirs_exist_ok=True)
        write_clips(directory, [*read_clips(flat), *read_clips(moved)])
        return {}

    made = extract_poses(store.obtain(Recipe("prepare", 5, {"both": True}), build), views="0,90", workers=1)
    assert made.summary["views"] == ["a000", "a090", "c01", "c02"]
    assert made.summary["clips"] == 3 + len(read_clips(moved))
    assert made.summary["sequences"] == 3 + 2 * len(read_clips(moved))
    alone = extract_poses(moved, views="0,90", workers=1)
    for clip in read_clips(alone):
        for view in ("a000", "a090"):
            assert poses_path(made.path, clip, view).read_bytes() == poses_path(alone.path, clip, view).read_bytes()
