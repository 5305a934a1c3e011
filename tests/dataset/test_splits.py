"""Splits: no performance is on both sides, and what a database prescribes holds."""

from __future__ import annotations

import pytest

from dancegen.dataset.splits import Origin, split_choice, split_performances
from dancegen.errors import InputError


def _origins(sources, **prescribed):
    return [Origin(name, source, prescribed.get(name)) for name, source in sources.items()]


def test_splits_leave_something_on_both_sides_and_do_not_depend_on_order():
    takes = _origins({f"{number:02d}": "a" if number < 12 else "b" for number in range(28)})
    splits = split_performances(takes, 0.1, seed=0)
    assert splits == split_performances(takes[::-1], 0.1, seed=0)
    val = [take for take in takes if splits[take.performance] == "val"]
    assert {take.source for take in val} == {"a", "b"} and len(val) == 3
    assert any(split_performances(takes, 0.1, seed=seed) != splits for seed in range(1, 5))
    assert sorted(split_performances(_origins({"x": "a", "y": "a"}), 0.1, 0).values()) == ["train", "val"]
    assert sorted(split_performances(_origins({"x": "a", "y": "b"}), 0.9, 0).values()) == ["train", "val"]
    assert split_performances(_origins({"x": "a"}), 0.5, 0) == {"x": "train"}
    assert set(split_performances(takes, 0.0, 0).values()) == {"train"}


def test_a_databases_own_split_holds_and_chance_divides_the_rest():
    takes = _origins(dict.fromkeys("abcdefgh", "folder"), a="val", b="train", c="train")
    splits = split_performances(takes, 0.4, seed=0)
    assert (splits["a"], splits["b"], splits["c"]) == ("val", "train", "train")
    assert [splits[name] for name in "defgh"].count("val") == 2
    assert split_performances(_origins({"x": "a", "y": "a"}, x="val", y="val"), 0.1, 0) == {"x": "val", "y": "val"}
    assert split_performances(_origins({"x": "a", "y": "a"}, x="val"), 0.1, 0) == {"x": "val", "y": "train"}


def test_sides_are_a_databases_own_or_by_chance_or_one_alone():
    own, random, test = (split_choice(how) for how in ("own", "random", "test"))
    assert [own.side("a", "a", side) for side in ("val", None)] == ["val", None]
    assert random.side("a", "a", "val") is None and not random.leaves_out("val")
    assert test.side("a", "a", None) == test.side("a", "a", "test") == "test"
    assert test.leaves_out("train") and not test.leaves_out(None) and not test.leaves_out("test")


def test_a_file_of_names_says_the_side_of_takes_and_performances(tmp_path):
    path = tmp_path / "sides.txt"
    path.write_text("# ours\n60_05 val\n60+61_06, test\n\n")
    choice = split_choice(path)
    assert choice.side("60_05", "60+61_05", None) == "val" and choice.side("60_06", "60+61_06", "train") == "test"
    assert choice.side("60_07", "60+61_07", "train") == "train" and choice.side("60_08", "60+61_08", None) is None
    assert choice.recipe == {"60_05": "val", "60+61_06": "test"}
    for text, words in (
        ("a b c", "line 1"),
        ("a left", "line 1"),
        ("a val\na test", "line 2"),
        ("# no", "names no take"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=words):
            split_choice(path)
    with pytest.raises(InputError, match="own, random, train, val, test, or a file"):
        split_choice("half")
