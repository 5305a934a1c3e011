"""Which genre the clips of a dataset are: --genre, genres.json, the name in a database, the folder."""

from __future__ import annotations

import json

import pytest

from dancegen import prepare
from dancegen.dataset.format import read_clips
from dancegen.dataset.genre_names import GENRES_FILE
from dancegen.errors import InputError
from helpers.listening import Listener
from helpers.songs import write_click
from helpers.stepping_dancer import write_dancer


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    return write_click(tmp_path_factory.mktemp("music") / "click.wav", 120)


@pytest.fixture
def takes(tmp_path):
    folder = tmp_path / "mocap"
    (folder / "couple").mkdir(parents=True)
    for number, name in enumerate(("solo", "couple/60_01", "couple/60_02")):
        write_dancer(folder / f"{name}.bvh", 4.0, 0.48 + 0.02 * number)
    return folder


def genres(takes, music, tmp_path, **options):
    heard = Listener()
    options |= {"music": music, "pairs": 1, "clip_seconds": 3.0, "workers": 1, "store": tmp_path / "s"}
    made = prepare(takes, progress=heard, **options)
    return {clip.take.partition("__")[0]: clip.genre for clip in read_clips(made)}, made, heard


def test_takes_of_one_folder_are_of_the_genres_that_its_file_says(takes, music, tmp_path):
    plain, before, _ = genres(takes, music, tmp_path)
    assert set(plain.values()) == {"mocap"} and len(plain) == 3
    (takes / GENRES_FILE).write_text(json.dumps({"couple/*": "salsa", "sollo": "modern"}))
    found, made, heard = genres(takes, music, tmp_path)
    assert found == {name: "salsa" if name.startswith("60") else "mocap" for name in found}
    assert made.digest != before.digest
    assert any(GENRES_FILE in text and "sollo" in text for text in heard.warned)
    assert set(genres(takes, music, tmp_path, genre="tango")[0].values()) == {"tango"}
    (takes / GENRES_FILE).write_text(json.dumps({"couple/*": "salsa"}))  # the same genres by other words
    assert genres(takes, music, tmp_path)[1].digest == made.digest


def test_a_damaged_file_is_told_before_any_work(takes, music, tmp_path):
    (takes / GENRES_FILE).write_text('{"solo": 3}')
    with pytest.raises(InputError, match=GENRES_FILE):
        genres(takes, music, tmp_path)
