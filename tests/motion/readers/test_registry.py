"""The registry of readers: what is found in a folder, and what is said of everything else."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dancegen.errors import MocapError
from dancegen.motion.readers import registry
from dancegen.motion.readers.databases import TakeInfo
from dancegen.motion.readers.protocol import Reader
from dancegen.motion.readers.registry import find_takes, load_motion
from dancegen.pose.openpose_json import read_openpose_json

KEYPOINTS = {"people": [{"pose_keypoints_2d": np.full(75, 40.0).tolist()}]}


def keypoint_folders() -> Reader:
    """A format whose recordings are folders, with a layout and not a suffix, and two-dimensional."""
    return Reader(
        about="folders of OpenPose JSON",
        claims=lambda path: path.is_dir() and any(path.glob("*_keypoints.json")),
        read=lambda path, hints, progress: read_openpose_json(path, fps=hints.fps or 30.0),
        describe=lambda path: TakeInfo(path.name),
    )


def test_motion_files_are_found_below_a_folder_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "up").symlink_to(tmp_path)
    for name in ("b.BVH", "deep/a.amc", "deep/a.asf", "notes.txt"):
        (tmp_path / name).touch()
    assert [take.path.name for take in find_takes(tmp_path)] == ["b.BVH", "a.amc"]
    assert [take.path for take in find_takes(tmp_path / "b.BVH")] == [tmp_path / "b.BVH"]
    (tmp_path / "empty").mkdir()
    for wrong in ("empty", "notes.txt", "nowhere"):
        with pytest.raises(MocapError):
            find_takes(tmp_path / wrong)


def test_wrong_input_gets_one_clear_line(tmp_path):
    (tmp_path / "song.mp3").touch()
    for path, message in (("song.mp3", r"give BVH files \(.bvh\) or .amc"), ("none.bvh", "does not exist")):
        with pytest.raises(MocapError, match=message):
            load_motion(tmp_path / path)
    with pytest.raises(MocapError, match="above zero"):
        load_motion(tmp_path / "none.bvh", source_fps=0)


def test_a_folder_with_a_known_layout_is_one_recording(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "READERS", (*registry.READERS, keypoint_folders()))
    (tmp_path / "takes" / "jump").mkdir(parents=True)
    for frame in range(3):
        (tmp_path / "takes" / "jump" / f"{frame:03d}_keypoints.json").write_text(json.dumps(KEYPOINTS))
    (tmp_path / "takes" / "walk.bvh").touch()
    jump, walk = find_takes(tmp_path)
    assert (jump.path.name, jump.info.performance, walk.path.name) == ("jump", "jump", "walk.bvh")
    with pytest.raises(MocapError, match=r"jump.* two dimensions"):
        jump.read()


def test_an_amc_is_made_of_its_skeleton_too(tmp_path):
    for name in ("05.asf", "05_02.amc", "07_01.amc"):
        (tmp_path / name).touch()
    (tmp_path / "06.asf").touch()
    known, orphan = find_takes(tmp_path)
    assert known.reader.companions(known.path) == (tmp_path / "05.asf",)
    assert orphan.reader.companions(orphan.path) == ()  # said when it is read, where the other files can still be used
