"""genres.json says which take is of which genre, by name or pattern; the file nearest to a take counts."""

from __future__ import annotations

import json

import pytest

from dancegen.dataset.genre_names import GENRES_FILE, GenreFiles, GenreNames
from dancegen.errors import InputError


def write(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / GENRES_FILE
    path.write_text(names if isinstance(names, str) else json.dumps(names))
    return path


@pytest.mark.parametrize(
    ("take", "genre"),
    [
        ("J_Dance17_Shuffle.bvh", "shuffle"),  # a whole name counts before a pattern, wherever it stands
        ("J_Dance4.bvh", "party"),
        ("j_dance4.bvh", None),  # names are as they are written
        ("60_05.amc", "salsa"),
        ("couple/60_05.amc", "tango"),
        ("couple/deep/60_07.amc", "salsa on two"),
        ("solo/dance.mp4", "solo dance"),
        ("dance.mp4", None),
    ],
)
def test_a_take_is_known_by_its_name_by_its_path_or_by_a_pattern(tmp_path, take, genre):
    names = GenreNames.read(
        write(
            tmp_path,
            {
                "couple/60_05": "tango", "couple/deep/*": " salsa  on two ", "J_*": "party", "60_05.amc": "salsa",
                "J_Dance17_Shuffle": "shuffle", "solo/dance.mp4": "solo dance",
            },
        )
    )  # fmt: skip
    assert names.genre_of(tmp_path / take) == genre


def test_the_file_nearest_to_a_take_counts_and_what_no_take_has_is_known(tmp_path):
    write(tmp_path, {"*": "anything", "waltz/one": "never asked"})
    near = write(tmp_path / "waltz", {"one": "waltz", "onne": "waltz"})
    files = GenreFiles()
    assert files.genre_of(tmp_path / "waltz" / "one.bvh", tmp_path) == "waltz"
    assert files.genre_of(tmp_path / "waltz" / "two.bvh", tmp_path) == "anything"
    assert files.genre_of(tmp_path / "other.bvh", tmp_path / "other.bvh") == "anything"  # a file's own folder
    assert files.genre_of(tmp_path / "waltz" / "two.bvh", tmp_path / "waltz") is None  # what is above is not given
    assert files.unused == {tmp_path / GENRES_FILE: ["waltz/one"], near: ["onne"]}


@pytest.mark.parametrize(
    "wrong",
    ["{", "[]", '"salsa"', "{}", {"a": None}, {"a": 3}, {"a": ["salsa"]}, {"a": "  "}, {"a": "x" * 61}, {"a": "b\x07"}],
    ids=str,
)
def test_what_is_no_list_of_genres_is_refused_by_its_name(tmp_path, wrong):
    path = write(tmp_path, wrong)
    with pytest.raises(InputError, match=GENRES_FILE):
        GenreFiles().genre_of(tmp_path / "a.bvh", tmp_path)
    assert path.is_file()
