"""The dataset's files: what is written is read back, and what is none says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from dancegen.dataset.format import (
    Clip,
    ClipMotion,
    clip_dir,
    clip_kind,
    clip_views,
    link_or_copy,
    poses_path,
    read_clips,
    view_name,
    write_clips,
)
from dancegen.errors import InputError, MocapError, NotFoundError
from dancegen.motion.motion import Motion

CLIP = Clip("a-00a00", "f00", 1.5, 10.0, 30.0, "train", "salsa", None, "60+61_01", "Träume", 12.25)


def test_clips_come_back_as_written_sorted_by_id(tmp_path):
    clips = [dataclasses.replace(CLIP, id=name) for name in ("b", "a")]
    write_clips(tmp_path, clips)
    assert read_clips(tmp_path) == clips[::-1]
    write_clips(tmp_path, [dataclasses.replace(CLIP, performer="Anna")])
    assert read_clips(tmp_path)[0].performer == "Anna"
    write_clips(tmp_path, [dataclasses.replace(CLIP, overlap=2.5)])
    assert read_clips(tmp_path)[0].own_seconds == 7.5
    write_clips(tmp_path, [dataclasses.replace(CLIP, overlap=11.0)])
    with pytest.raises(InputError, match="overlaps the one before by more"):
        read_clips(tmp_path)


def test_a_directory_without_clips_says_how_to_make_a_dataset(tmp_path):
    with pytest.raises(NotFoundError, match="dancegen prepare"):
        read_clips(tmp_path)


def test_a_damaged_line_is_named_by_its_number(tmp_path):
    path = write_clips(tmp_path, [CLIP])
    path.write_text(path.read_text() + '{"id": "x"}\n')
    with pytest.raises(InputError, match="line 2"):
        read_clips(tmp_path)


def test_a_clips_motion_comes_back_with_its_warp_and_opens_as_a_motion(tmp_path):
    forward, up = np.tile([0, 0, 1.0], (4, 1)), np.tile([0, 1.0, 0], (4, 1))
    motion = Motion(np.random.default_rng(0).normal(size=(4, 18, 3)), forward, up, 30.0, 1.8, "take")
    clip = ClipMotion(motion, np.array([0, 0.2]), np.array([3.0, 3.2]), np.array([1.0, 1.1]), np.array([0.1]))
    clip.save(tmp_path / "motion.npz")
    again = ClipMotion.load(tmp_path / "motion.npz")
    for name in ("song_s", "take_s", "rate", "footfalls_s"):
        np.testing.assert_array_equal(getattr(again, name), getattr(clip, name))
    np.testing.assert_array_equal(again.motion.joints3d, motion.joints3d)
    assert Motion.load(tmp_path / "motion.npz").height_m == 1.8
    motion.save(tmp_path / "plain.npz")
    with pytest.raises(MocapError, match="not a clip of a dataset: it has no song_s"):
        ClipMotion.load(tmp_path / "plain.npz")


def test_cameras_are_named_by_their_angle(tmp_path):
    assert [view_name(angle) for angle in (0, 45, 360, -90)] == ["a000", "a045", "a000", "a270"]
    for view in ("a090", "a000"):
        path = poses_path(tmp_path, CLIP, view)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    assert clip_views(tmp_path, CLIP) == ["a000", "a090"]


def test_a_clip_is_motion_or_pictures_or_poses(tmp_path):
    files = {"motion": clip_dir(tmp_path, "m") / "motion.npz", "video": clip_dir(tmp_path, "v") / "frames.mp4"}
    for kind, path in (files | {"poses": poses_path(tmp_path, "p", "c01")}).items():
        path.parent.mkdir(parents=True)
        path.touch()
        assert clip_kind(tmp_path, kind[0]) == kind
    clip_dir(tmp_path, "empty").mkdir()
    with pytest.raises(NotFoundError, match="neither motion nor pictures nor poses"):
        clip_kind(tmp_path, "empty")


def test_a_file_is_copied_where_it_cannot_be_linked(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("music")
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    link_or_copy(tmp_path / "a", tmp_path / "deep" / "b")
    assert (tmp_path / "deep" / "b").read_text() == "music"
