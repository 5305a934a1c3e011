"""A dry run of prepare says what would be read, how long it is, and about how many clips of what size come of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dancegen
from dancegen.cli import main
from helpers.filmed_dances import film
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("foreseen")
    (place / "dances").mkdir()
    write_click(place / "song.wav", 120, seconds=20)
    for number, seconds in enumerate((5.0, 6.0, 8.0, 11.0)):
        write_dancer(place / "dances" / f"take{number}.bvh", seconds=seconds, step_s=0.5)
    noise = np.random.default_rng(0)
    film(place / "dances" / "filmed.mp4", np.cumsum(noise.choice([1 / 30, 1 / 25], 250)), rate=30, size=(320, 240))
    film(place / "dances" / "silent.mp4", np.arange(60) / 25, sound_s=None)
    return place


def numbers(lines: tuple[str, ...], pattern: str) -> list[float]:
    """The numbers that a pattern finds in the one line that it fits."""
    (found,) = [match for line in lines if (match := re.search(pattern, line))]
    return [float(number) for number in found.groups()]


def megabytes(lines: tuple[str, ...]) -> float:
    """What would be on disk."""
    (found,) = [match for line in lines if (match := re.search(r"about ([\d.]+) (kB|MB) on disk", line))]
    return float(found[1]) / (1000 if found[2] == "kB" else 1)


def on_disk(made) -> float:
    """What is on disk, in MB."""
    return sum(path.stat().st_size for path in made.path.rglob("*") if path.is_file()) / 1e6


def test_what_would_be_read_is_what_is_read(place, tmp_path):
    given = {"music": place / "song.wav", "pairs": 2, "clip_seconds": 4.0, "workers": 1, "store": tmp_path}
    told = dancegen.plan("prepare", [place / "dances"], **given).work
    made = dancegen.prepare([place / "dances"], **given)
    files, seconds = numbers(told, r"would read (\d+) videos? \(([\d.]+) s\)")
    assert (files, seconds) == (1, pytest.approx(made.summary["video_seconds"], abs=0.3))
    takes, seconds = numbers(told, r", (\d+) takes of motion \(about ([\d.]+) s\), 1 song")
    assert (takes, seconds) == (4, pytest.approx(30.0, rel=0.1))
    assert numbers(told, r"about (\d+) clips") == [pytest.approx(made.summary["clips"], rel=0.25)]
    assert [line for line in told if line.startswith("would leave out silent.mp4: it has no sound")]
    # Drawings and clicks are packed better than what is filmed and sung.
    assert on_disk(made) / 2 < megabytes(told) < 8 * on_disk(made)


def test_people_are_told_in_words(place, own_store, capfd):
    command = ["prepare", str(place / "dances" / "filmed.mp4"), "--clip-seconds", "4", "--dry-run"]
    assert main(command) == 3
    said = capfd.readouterr().out
    assert re.search(r"would read 1 video \([89]\.\d s\)", said)
    assert "would make about 3 clips of up to 4 s: about " in said
    assert not any(own_store.glob("prepare/*/clips"))


def test_the_size_of_real_videos_is_foreseen(shared_data, tmp_path):
    videos = [shared_data / "video" / f"{name}.mp4" for name in ("d2mgan_tiktok_high1", "made_phone_rotated")]
    told = dancegen.plan("prepare", videos, store=tmp_path).work
    made = dancegen.prepare(videos, workers=1, store=tmp_path)
    assert megabytes(told) == pytest.approx(on_disk(made), rel=0.6)
    assert numbers(told, r"about (\d+) clips") == [made.summary["clips"]] == [2]
