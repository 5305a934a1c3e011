"""Whatever became of a video, prepare names it with a reason or uses all of it, and uses the good ones beside it."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

from dancegen.cli import main
from dancegen.dataset.format import clip_dir, read_clips
from dancegen.video import probe_video
from helpers.damaged_videos import SECONDS, SUFFIXES, damaged_films, whole_films

SHORTER = 0.3
"""Seconds that may be missing from a video that is used: what is lost between two pictures is not told."""

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo") or sys.platform == "win32", reason="makes links and pipes")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    whole = whole_films(folder)
    return folder, whole, damaged_films(folder)


def test_each_of_two_hundred_damaged_videos_is_named_or_used_as_a_whole(made, capfd):
    folder, whole, damaged = made
    assert len(damaged) >= 200
    assert main(["prepare", str(folder), "--workers", "1", "--json"]) == 3
    shown = capfd.readouterr()
    result = json.loads(shown.out)
    place, left_out = Path(result["path"]), result["summary"]["left_out"]
    assert not any(word in shown.err for word in ("Traceback", "unexpected"))
    reasons = {path.name: [reason for reason in left_out if reason.startswith(path.name)] for path in damaged}
    assert sum(map(len, reasons.values())) == len(left_out)
    for name, said in reasons.items():
        assert len(said) <= 1, name
        for reason in said:
            assert len(reason) > len(name) + 10 and not re.search(r"Errno|/tmp|\w+Error\b|'av", reason), reason

    used = {clip.source: clip for clip in read_clips(place)}
    assert len(used) == len(whole) + sum(not said for said in reasons.values())
    for clip in used.values():
        assert clip.seconds > SECONDS - SHORTER and clip.start == 0
        info = probe_video(clip_dir(place, clip) / "frames.mp4")
        assert info.frames == round(clip.seconds * clip.fps)
        assert {path.name for path in clip_dir(place, clip).iterdir()} == {
            "frames.mp4", "mel.npy", "beats.json", "audio.flac",
        }  # fmt: skip
    assert {path.name for path in (place / "clips").iterdir()} == {clip.id for clip in read_clips(place)}

    for path in damaged:
        if path.stem.startswith("cut"):
            assert reasons[path.name], f"{path.name} was read as if it were whole"
    odd = (
        "empty.mp4", "text.mov", "song.mkv", "picture.avi", "loop.mp4", "nowhere.mov", "folder.mp4", "pipe.mkv",
        "one-picture.mp4", "slow.mp4", "short.mp4", "wide.mp4", "silent.mp4", "sound-first.mkv", "frozen.mp4",
    )  # fmt: skip
    assert all(reasons[name] for name in odd)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_good_video_of_every_kind_is_no_damaged_one(made, suffix, tmp_path, capfd):
    _, whole, _ = made
    assert main(["prepare", str(whole[suffix]), "--workers", "1", "--store", str(tmp_path)]) == 0
    capfd.readouterr()


def test_a_video_that_may_not_be_read_is_named(made, tmp_path, monkeypatch):
    from dancegen import prepare
    from dancegen.errors import InputError
    from dancegen.store import Input

    _, whole, _ = made
    for name in ("good", "locked"):
        (tmp_path / f"{name}.mp4").write_bytes(whole[".mp4"].read_bytes() + name.encode())
    (tmp_path / "locked.mp4").chmod(0)
    if os.access(tmp_path / "locked.mp4", os.R_OK):  # root reads everything
        read = Input.file

        def file(role: str, path: Path) -> Input:
            if Path(path).name == "locked.mp4":
                raise InputError(f"the {role} cannot be read: Permission denied")
            return read(role, path)

        monkeypatch.setattr("dancegen.stages.takes.Input.file", file)
    summary = prepare(tmp_path, workers=1, store=tmp_path / "store").summary
    assert summary["videos"] == 1
    (reason,) = summary["left_out"]
    assert reason.startswith("locked.mp4") and "ermission denied" in reason
