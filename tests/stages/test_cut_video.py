"""prepare of videos goes on where it was: the clips of each are kept, and lie on the disk once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dancegen import plan, prepare
from dancegen.cli import main
from dancegen.dataset.format import FRAMES_FILE, clip_dir, read_clips
from dancegen.stages.cut_video import STAGE
from dancegen.store import open_store
from dancegen.video import VideoFile
from helpers.clusters import dask_workers_that_die_of_some_videos, flags, two_dask_workers
from helpers.filmed_dances import click_track, film
from helpers.listening import Listener
from helpers.processes import start, wait_until

LENGTHS_S = {"a": 2.5, "b": 12.0, "c": 12.5, "d": 13.0}


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """The first is short: it is done long before the others."""
    folder = tmp_path_factory.mktemp("videos")
    for name, seconds in LENGTHS_S.items():
        film(folder / f"{name}.mp4", np.arange(round(25 * seconds)) / 25)
    return folder


@pytest.fixture(scope="module")
def whole(videos, tmp_path_factory):
    """What comes of them without an interruption."""
    return prepare(videos, genre="house", workers=1, store=tmp_path_factory.mktemp("whole"))


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the videos whose pictures are decoded from now on, in this process."""
    names: list[str] = []
    frames = VideoFile.frames

    def counted(self, *arguments, **keywords):
        names.append(self.path.name)
        return frames(self, *arguments, **keywords)

    monkeypatch.setattr(VideoFile, "frames", counted)
    return names


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_kill_only_what_is_missing_is_decoded(workers, videos, whole, tmp_path, decoded):
    store = open_store(tmp_path / "killed")
    process = start("prepare", videos, "--genre", "house", "--workers", workers, "--store", store.root)
    wait_until(lambda: list((store.root / STAGE).glob("[0-9a-f]*")), "the first video", process=process, seconds=180)
    process.kill()
    process.wait()
    first = {artifact.digest: artifact.created for artifact in store.artifacts(STAGE)}
    assert first and not store.artifacts("prepare")
    heard = Listener()
    made = prepare(videos, genre="house", workers=1, store=store, progress=heard)
    after = {artifact.digest: artifact.created for artifact in store.artifacts(STAGE)}
    assert len(after) == len(LENGTHS_S) and first.items() <= after.items()
    # Workers of the killed command may have finished a video after it.
    assert len(decoded) <= len(LENGTHS_S) - len(first) and "a.mp4" not in decoded
    assert any("of 4 videos have been cut already" in said for said in heard.said)
    assert (made.digest, made.content) == (whole.digest, whole.content)


def test_a_cluster_gives_the_bytes_of_one_process(tmp_path):
    sources = [film(tmp_path / f"{name}.mp4", np.arange(60 + name) / 25) for name in range(2)]
    one = prepare(sources, workers=1, store=tmp_path / "one")
    with two_dask_workers() as workers:
        two = prepare(sources, **workers, store=tmp_path / "cluster")
    assert (two.digest, two.content) == (one.digest, one.content)
    kept = [
        {each.digest: each.content for each in open_store(tmp_path / name).artifacts(STAGE)}
        for name in ("one", "cluster")
    ]
    assert len(kept[0]) == 2 and kept[0] == kept[1]


def test_clips_lie_on_the_disk_once(whole):
    store = open_store(whole.path.parents[1])
    kept = {path.stat().st_ino for path in (store.root / STAGE).rglob(FRAMES_FILE)}
    shown = [clip_dir(whole.path, clip) / FRAMES_FILE for clip in read_clips(whole)]
    assert len(shown) == len(kept) >= 4 and {path.stat().st_ino for path in shown} == kept
    assert not store.places.newest(STAGE).exists()


def test_of_an_added_video_only_its_own_pictures_are_decoded(videos, whole, tmp_path, decoded):
    """Neither another genre or licence nor other names make anything new of the others."""
    more = tmp_path / "more"
    more.mkdir()
    for path in videos.iterdir():
        (more / f"my-{path.name}").hardlink_to(path)
    new = film(more / "new.mp4", np.arange(60) / 25, sound_s=0.3)
    store = whole.path.parents[1]
    foretold = plan("prepare", more, genre="jazz", licence="ours", workers=1, store=store)
    assert foretold.work[-1] == "4 of 5 videos have been cut already" and not decoded
    heard = Listener()
    made = prepare(more, genre="jazz", licence="ours", workers=1, store=store, progress=heard)
    assert decoded == [new.name]
    clips = read_clips(made)
    assert {(clip.genre, clip.licence) for clip in clips} == {("jazz", "ours")}
    assert {clip.take for clip in clips} == {clip.song for clip in clips} == {"my-a", "my-b", "my-c", "my-d", "new"}
    assert all(clip.id.startswith(f"{clip.take}-0") for clip in clips)
    assert any(said.startswith("new.mp4: its sound begins 0.") for said in heard.said)
    again = Listener()
    prepare(more, genre="house", workers=1, store=store, progress=again)
    assert decoded == [new.name]
    assert any(said.startswith("new.mp4: its sound begins 0.") for said in again.said)  # also of what is kept


def test_what_makes_other_clips_is_decoded_anew(tmp_path, decoded):
    path, store = film(tmp_path / "a.mp4", np.arange(75) / 25), tmp_path / "store"
    prepare(path, workers=1, store=store)
    prepare(path, workers=1, val_fraction=0.3, store=store)
    assert len(decoded) == 1
    prepare(path, workers=1, clip_seconds=2.5, store=store)
    prepare(path, workers=1, fps=12.5, store=store)
    assert len(decoded) == 3
    prepare(path, workers=1, force=True, store=store)
    assert len(decoded) == 4
    soundfile.write(tmp_path / "a.wav", 0.5 * click_track(3.0, 22_050), 22_050)
    prepare(path, workers=1, store=store)
    assert len(decoded) == 5


def test_a_video_that_the_workers_of_a_cluster_die_of_is_left_out_and_named(tmp_path, capfd):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name, frames in (("deadly", 60), ("good", 70)):
        film(videos / f"{name}.mp4", np.arange(frames) / 25)
    store = open_store(tmp_path / "store")
    with dask_workers_that_die_of_some_videos() as workers:
        words = ["prepare", videos, *flags(workers), "--store", store.root]
        assert main([str(word) for word in words]) == 3
    assert "left out: deadly.mp4: the process that worked on it was ended" in capfd.readouterr().err
    (made,) = store.artifacts("prepare")
    assert {clip.take for clip in read_clips(made)} == {"good"}
