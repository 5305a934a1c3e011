"""Surveys of videos: how long they are by their pictures' own times, and what is missing of them."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.video.source import VideoFile
from dancegen.video.survey import survey
from helpers.filmed_dances import film

STEADY = np.arange(75) / 25


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
@pytest.mark.parametrize("fps", [12.5, 24.0, 25.0, 30.0, 60.0])
def test_as_many_frames_come_as_were_foreseen(suffix, fps, tmp_path):
    video = VideoFile(film(tmp_path / f"a{suffix}", STEADY))
    found = survey(video)
    assert found.pictures == pytest.approx(75, abs=1) and found.seconds == pytest.approx(3.0, abs=0.05)
    assert found.frames(fps) == len(list(video.frames(fps)))


def test_times_count_and_not_numbers(tmp_path):
    times = np.cumsum(np.random.default_rng(3).choice([1 / 30, 1 / 12], 60))
    video = VideoFile(film(tmp_path / "a.mp4", times, rate=30))
    found = survey(video)
    assert found.pictures == 60 and found.last_s == pytest.approx(times[-1] - times[0], abs=0.001)
    assert found.frames(30.0) == len(list(video.frames(30.0)))


@pytest.mark.parametrize("suffix", [".mkv", ".avi", ".webm"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_download_that_ended_early_is_told(suffix, share, tmp_path):
    path = film(tmp_path / f"a{suffix}", STEADY)
    whole = path.read_bytes()
    assert survey(VideoFile(path)).seconds > 2.9
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"is cut off: .* missing; copy it again"):
        survey(VideoFile(path))


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([0.0], "holds one picture"),
        (np.arange(8) / 2, "has 2 pictures a second"),
        ([*STEADY, *(STEADY + 20)], r"no pictures from 3\.0 to 20\.0 s: cut it there"),
    ],
)
def test_what_is_no_filmed_dance_is_told(times, reason, tmp_path):
    with pytest.raises(InputError, match=reason):
        survey(VideoFile(film(tmp_path / "a.mp4", times, rate=25)))


def test_real_videos_are_whole(shared_data):
    lengths = {path.stem: survey(VideoFile(path)).seconds for path in sorted((shared_data / "video").glob("*.[ma]*"))}
    assert len(lengths) == 12
    assert lengths["mgt_dancer"] == pytest.approx(62.88, abs=0.05) and lengths["made_vfr"] == pytest.approx(9.0)
