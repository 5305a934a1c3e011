"""One long video: whatever ends the process, the same command goes on within it, to the same bytes."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen import prepare
from dancegen.dataset.format import read_clips
from dancegen.stages import cut_video, detect_people
from dancegen.store import open_store
from dancegen.video import VideoFile
from helpers.filmed_dances import film
from helpers.killed_halfway import PIECE, look
from helpers.processes import run_python

HALFWAY = "tests/helpers/killed_halfway.py"
SIGKILL = -9


@pytest.fixture
def shown(monkeypatch) -> list[int]:
    """The numbers of the pictures that are decoded and looked at, from now on, in this process."""
    found: list[int] = []
    passing = VideoFile.frames

    def frames(self, *arguments, first=0, **keywords):
        for number, picture in enumerate(passing(self, *arguments, first=first, **keywords), first):
            found.append(number)
            yield picture

    monkeypatch.setattr(VideoFile, "frames", frames)
    return found


def killed(pictures: int, *words: object) -> None:
    ended = run_python(HALFWAY, pictures, *words, timeout=240)
    assert ended.returncode == SIGKILL, ended.stderr


def test_the_cutting_of_a_video_goes_on_behind_the_clips_that_are_done(tmp_path, shown):
    """The video ends within a clip, so that the last one overlaps the one before it."""
    video = film(tmp_path / "long.mp4", np.arange(260) / 25)
    given = {"genre": "house", "clip_seconds": 2.0, "workers": 1}
    whole = prepare(video, **given, store=tmp_path / "whole")
    assert len(read_clips(whole)) == 6 and shown == list(range(260))
    store = open_store(tmp_path / "killed")
    options = ["--genre", "house", "--clip-seconds", "2", "--workers", "1"]
    words = ("command", "prepare", video, *options, "--store", store.root)
    killed(170, *words)
    assert not store.artifacts(cut_video.STAGE)
    killed(60, *words)  # again, in the last two, which are open at once
    shown.clear()
    made = prepare(video, **given, store=store)
    assert shown == list(range(200, 260))
    assert (made.digest, made.content) == (whole.digest, whole.content)
    kept = [each.content for each in store.artifacts(cut_video.STAGE)]
    assert kept == [each.content for each in open_store(tmp_path / "whole").artifacts(cut_video.STAGE)]
    assert not list(store.root.rglob("0*.mp4"))  # what was kept on the way is gone


def test_the_last_clips_of_a_video_are_enough_to_go_on_with(tmp_path, shown):
    """Killed while its music was written: no picture has to be decoded."""
    from dancegen.dataset import filmed

    video = film(tmp_path / "long.mp4", np.arange(130) / 25)
    given = {"genre": "house", "clip_seconds": 2.0, "workers": 1, "store": tmp_path / "store"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filmed, "_write_music", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(video, **given)
    assert shown == list(range(130))
    shown.clear()
    made = prepare(video, **given)
    assert not shown and [clip.seconds for clip in read_clips(made)] == [2.0, 2.0, 2.0]


def _interrupted(*_) -> None:
    raise KeyboardInterrupt


def test_the_search_for_dancers_goes_on_behind_the_pictures_that_were_looked_at(
    tmp_path, shared_data, shared_weights, shown, monkeypatch
):
    video, weights = shared_data / "video" / "made_cuts.mp4", shared_weights / "openpose-mobilenet-thin.pb"
    monkeypatch.setattr(detect_people, "PIECE_S", detect_people.PIECE_S)  # which `look` changes
    whole = look(video, weights, tmp_path / "whole")
    count = whole.summary["frames"]
    assert shown == list(range(count)) and count == 32 and whole.summary["cuts"] == 2
    store = open_store(tmp_path / "killed")
    killed(PIECE * 2 + 3, "look", video, weights, store.root)
    assert not store.artifacts(detect_people.STAGE)
    shown.clear()
    made = look(video, weights, store.root)
    assert shown == list(range(PIECE * 2, count))
    assert (made.digest, made.content) == (whole.digest, whole.content)
    assert not list(store.root.rglob("*.shots.npz"))  # what was kept on the way is gone
    for path in spoilt(tmp_path / "spoilt", video, weights):
        path.write_bytes(path.read_bytes()[:50])
    shown.clear()
    assert look(video, weights, tmp_path / "spoilt").content == whole.content
    assert shown == list(range(PIECE, count))


def spoilt(store, video, weights) -> list:
    """What is kept of the second piece, after a kill."""
    killed(PIECE * 2 + 3, "look", video, weights, store)
    return sorted(store.rglob(f"*{2 * PIECE:09d}*.npz"))[:1]
