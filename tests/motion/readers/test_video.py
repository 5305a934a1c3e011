"""Filmed dances among the readers: what counts as one, its music, and what its name says."""

from __future__ import annotations

import os

import numpy as np
import pytest

from dancegen.errors import InputError, MocapError
from dancegen.motion.readers.registry import find_takes, known, load_motion
from dancegen.motion.readers.video import check_is_file
from dancegen.video import VideoFile
from helpers.filmed_dances import film
from helpers.songs import write_click

STEADY = np.arange(30) / 25


def test_videos_of_all_suffixes_are_found_and_what_macos_keeps_beside_them_is_not(tmp_path):
    names = ("a.mp4", "b.MOV", "c.avi", "deep/d.mkv", "e.webm", "f.m4v", "g.mpg")
    (tmp_path / "deep").mkdir()
    for name in (*names, "._a.mp4", "notes.txt", "cover.jpg"):
        (tmp_path / name).write_bytes(b"x")
    found = find_takes(tmp_path)
    assert [take.path.relative_to(tmp_path).as_posix() for take in found] == sorted(names)
    assert {take.reader.kind for take in found} == {"video"}
    assert "videos" in known() and "videos" not in known("motion")


def test_a_take_gives_the_video_and_no_motion(tmp_path):
    (take,) = find_takes(film(tmp_path / "a.mp4", STEADY))
    recording = take.recording()
    assert isinstance(recording, VideoFile) and recording.fps == 25
    for read in (take.read, lambda: load_motion(take.path)):
        with pytest.raises(MocapError, match="two dimensions"):
            read()
    (tmp_path / "no.mp4").write_bytes(b"no video")
    (broken,) = find_takes(tmp_path / "no.mp4")
    with pytest.raises(InputError, match=r"no\.mp4"):
        broken.recording()


def test_the_best_sound_file_of_its_name_is_its_music(tmp_path):
    path = film(tmp_path / "a.mp4", STEADY)
    assert find_takes(path)[0].info.song is None
    for name in ("a.mp3", "a.FLAC", "b.wav", "a2.wav"):
        (tmp_path / name).write_bytes(b"sound")
    assert find_takes(path)[0].info.song == tmp_path / "a.FLAC"


def test_a_silent_video_of_aist_has_the_song_of_its_name(tmp_path):
    (tmp_path / "music").mkdir()
    song = write_click(tmp_path / "music" / "mBR0.wav", 100, seconds=3.0)
    loud = film(tmp_path / "gBR_sBM_c01_d04_mBR0_ch03.mp4", STEADY)
    silent = film(tmp_path / "gBR_sBM_c02_d04_mBR0_ch03.mp4", STEADY, sound_s=None)
    infos = [find_takes(path)[0].info for path in (loud, silent)]
    assert [info.song for info in infos] == [None, song]
    assert {(info.performance, info.genre, info.performer) for info in infos} == {
        ("gBR_sBM_cAll_d04_mBR0_ch03", "break", "d04")
    }


def test_what_only_has_the_name_of_a_video_is_told_what_it_is(tmp_path):
    (tmp_path / "empty.mp4").mkdir()
    os.symlink("loop.mp4", tmp_path / "loop.mp4")
    for name, reason in (("empty.mp4", "is a folder"), ("loop.mp4", "leads nowhere"), ("gone.mp4", "is no file")):
        with pytest.raises(InputError, match=reason):
            check_is_file(tmp_path / name)
    film(tmp_path / "empty.mp4" / "inside.mp4", STEADY)
    found = [take.path.name for take in find_takes(tmp_path)]
    assert found == ["inside.mp4", "loop.mp4"]  # a folder of videos is looked into, whatever it is called
