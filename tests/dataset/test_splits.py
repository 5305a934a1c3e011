"""Splits: no performance is on both sides, and what a database prescribes holds."""

from __future__ import annotations

from dancegen.dataset.splits import Origin, split_performances


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
