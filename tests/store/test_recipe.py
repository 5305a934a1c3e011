"""What identifies a result: everything that can change it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from dancegen.errors import InputError
from dancegen.store import Input, Recipe, encode
from helpers.processes import run_python


def test_values_that_only_look_alike_have_different_encodings():
    values = [1, 1.0, "1", True, 0, 0.0, "", False, None, "None", [], {}, [1], ["1"], {"1": 1}, [[1]], [1, 2], [[1], 2]]
    values += [["ab"], ["a", "b"], {"a": "b"}, ["a", ["b"]], {"a": None}, {"a": {}}, "i1;", 1e300, 10**300, 0.1, "0.1"]
    for one, other in combinations(values, 2):
        assert encode(one) != encode(other), (one, other)


def test_the_order_of_parameters_does_not_matter_and_that_of_a_list_does():
    assert encode({"a": 1, "b": {"x": 1, "y": 2}}) == encode({"b": {"y": 2, "x": 1}, "a": 1})
    assert encode([1, 2]) != encode([2, 1])


def test_a_tuple_is_the_list_it_becomes_in_the_manifest():
    assert encode({"size": (512, 512)}) == encode({"size": [512, 512]})


def test_floats_are_told_apart_to_the_last_bit():
    assert encode(0.1 + 0.2) != encode(0.3)
    assert encode(1e-320) != encode(0.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_none_is_refused_with_its_name(value):
    with pytest.raises(InputError, match=r"generate-poses\.fps is (nan|-?inf)"):
        _ = Recipe("generate-poses", 1, {"fps": value}).digest


@pytest.mark.parametrize("value", [Path("song.mp3"), b"bytes", {1: 2}, {1, 2}, object(), 1j])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(TypeError, match="song"):
        encode({"song": value}, "song")


def test_a_numpy_scalar_is_the_number_it_holds_or_is_refused():
    np = pytest.importorskip("numpy")
    assert encode(np.float64(1.5)) == encode(1.5)
    with pytest.raises(TypeError):
        encode(np.float32(1.5))


def test_the_digest_is_the_same_in_every_process():
    recipe = Recipe(
        "train", 2, {"b": [1, 2.5, None], "a": "ü", "c": {"x": True}}, (Input.weights("vgg", "vgg19", "1"),)
    )
    code = f"from dancegen.store import *; print({recipe!r}.digest)"
    other = run_python("-c", code, PYTHONHASHSEED="77")
    assert other.stdout.strip() == recipe.digest, other.stderr


def test_the_encoding_never_changes_by_accident():
    # A change here makes every store out there forget what it has: raise SCHEMA and mean it.
    assert encode({"b": [1, 1.5, None], "a": "é"}) == b"m2:s1:as2:\xc3\xa9s1:bl3:i1;f0x1.8000000000000p+0;n;"
    recipe = Recipe("train", 1, {"seed": 0}, (Input.weights("vgg", "vgg19", "1"),))
    assert recipe.digest == "5534f0f76c80dc096c28b91214814fe2dd609c6a1c47862ca09360f2505ac9f9"


def test_stage_version_parameters_and_inputs_all_change_the_digest():
    recipe = Recipe("train", 1, {"seed": 0}, (Input("poses", "artifact", "a", "1"),))
    others = [
        replace(recipe, stage="render"),
        replace(recipe, version=2),
        replace(recipe, params={"seed": 1}),
        replace(recipe, params={"seed": 0, "more": None}),
        replace(recipe, inputs=()),
        replace(recipe, inputs=(Input("poses", "artifact", "a", "2"),)),
        replace(recipe, inputs=(Input("init", "artifact", "a", "1"),)),
    ]
    assert len({other.digest for other in (recipe, *others)}) == len(others) + 1


def test_names_and_kinds_of_inputs_never_change_the_digest():
    one = Recipe("train", 1, {}, (Input("poses", "artifact", "here", "1"),))
    other = Recipe("train", 1, {}, (Input("poses", "directory", "there", "1"),))
    assert one.digest == other.digest


def test_a_file_is_its_bytes_wherever_it_lies(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"song")
    (tmp_path / "b.mp3").write_bytes(b"song")
    (tmp_path / "c.mp3").write_bytes(b"gong")
    digests = [Input.file("song", tmp_path / name).digest for name in ("a.wav", "b.mp3", "c.mp3")]
    assert digests[0] == digests[1] != digests[2]


def test_a_directory_is_its_relative_names_and_bytes(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "walk.bvh").write_bytes(b"walk")
    (tmp_path / "two" / ".DS_Store").write_bytes(b"noise")
    (tmp_path / "three" / "in" / "walk.bvh").rename(tmp_path / "three" / "in" / "run.bvh")
    digests = [Input.directory("mocap", tmp_path / name).digest for name in ("one", "two", "three")]
    assert digests[0] == digests[1] != digests[2]


def test_only_files_that_match_the_pattern_count(tmp_path):
    (tmp_path / "walk.bvh").write_bytes(b"walk")
    before = Input.directory("mocap", tmp_path, "**/*.bvh").digest
    (tmp_path / "readme.txt").write_bytes(b"text")
    assert Input.directory("mocap", tmp_path, "**/*.bvh").digest == before
    with pytest.raises(InputError, match=r"no files that match \*\*/\*\.amc"):
        Input.directory("mocap", tmp_path, "**/*.amc")


def test_missing_and_mistaken_inputs_are_the_persons_to_mend(tmp_path):
    with pytest.raises(InputError, match=r"the song .*none\.mp3 does not exist"):
        Input.file("song", tmp_path / "none.mp3")
    with pytest.raises(InputError, match="is a directory; a file is needed"):
        Input.file("song", tmp_path)
    with pytest.raises(InputError, match="is not a directory"):
        Input.directory("mocap", tmp_path / "none")
