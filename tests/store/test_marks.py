"""Names and pins: who is meant by a name, and what cannot be one."""

from __future__ import annotations

import pytest

from dancegen.errors import InputError, NotFoundError
from dancegen.store import open_store
from dancegen.store.marks import Marks, check_name
from helpers.store_examples import Builder, recipe


@pytest.mark.parametrize("name", ["tour", "Summer-2026", "f-major", "élan", "a_b", "facade-1", "x" * 48])
def test_a_name_is_found_again_whatever_its_capitals(store, name):
    made = store.obtain(recipe(), Builder())
    assert store.marks.give(name, made.stage, made.digest) is None
    for written in (name, name.upper(), name.lower()):
        assert store.find(written).digest == made.digest


@pytest.mark.parametrize(
    "name",
    ["", "7up", "deadbeef", "FACE", "a b", "a/b", "..", "a.mp4", "-x", "train~1", "a@b", "x" * 49, "latest", "🎵"],
)
def test_what_could_mean_something_else_is_no_name(store, name):
    with pytest.raises(InputError, match="--name"):
        store.marks.give(name, "train", "0" * 64)
    assert not (store.root / ".names").exists()


def test_words_that_are_taken_are_no_names():
    with pytest.raises(InputError, match="means something else already"):
        check_name("GAN", taken=("gan", "render"))


def test_a_name_moves_to_the_last_one_and_whose_it_was_is_told(store):
    first, second = (store.obtain(recipe(seed=seed), Builder()) for seed in (1, 2))
    assert store.marks.give("best", first.stage, first.digest) is None
    assert store.marks.give("best", first.stage, first.digest) is None
    assert store.marks.give("Best", second.stage, second.digest) == (first.stage, first.digest[:16])
    assert store.find("best").digest == second.digest
    assert store.marks.names() == {(second.stage, second.digest[:16]): ["Best"]}


def test_the_path_of_an_artifact_wins_over_a_name_and_any_other_folder_does_not(store, tmp_path, monkeypatch):
    first, second = (store.obtain(recipe(seed=seed), Builder()) for seed in (1, 2))
    store.marks.give("film", first.stage, first.digest)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "film").mkdir()
    assert store.find("film").digest == first.digest
    (tmp_path / "film").rmdir()
    second.path.rename(tmp_path / "film")
    assert store.find("film").digest == second.digest


def test_the_names_of_a_store_below_are_known_and_ones_own_come_first(tmp_path):
    below, own = open_store(tmp_path / "below"), open_store(tmp_path / "own")
    theirs = below.obtain(recipe(seed=1), Builder())
    for name in ("one", "two"):
        below.marks.give(name, theirs.stage, theirs.digest)
    both = open_store([own.root, below.root])
    mine = both.obtain(recipe(seed=2), Builder())
    both.marks.give("two", mine.stage, mine.digest)
    assert both.find("one").digest == theirs.digest
    assert both.find("two").digest == mine.digest
    assert below.find("two").digest == theirs.digest


def test_a_name_of_what_is_gone_says_so(store):
    made = store.obtain(recipe(), Builder())
    store.marks.give("gone", made.stage, made.digest)
    made.path.rename(store.root / "elsewhere")
    with pytest.raises(Exception, match=r"manifest\.json is missing; make it again with: dancegen generate-poses"):
        store.find("gone")


def test_steps_back_go_by_when_they_were_made_from_the_newest(store):
    made = [store.obtain(recipe(seed=seed), Builder()) for seed in range(4)]
    assert store.find("generate-poses@latest").digest == made[3].digest
    assert store.find("generate-poses~0").digest == made[3].digest
    assert store.find("generate-poses~1").digest == made[2].digest
    store.obtain(recipe(seed=2), Builder())  # answered: now it is the newest
    assert store.find("generate-poses@latest").digest == made[2].digest
    assert store.find("generate-poses~2").digest == made[0].digest
    with pytest.raises(NotFoundError, match="there are 4 of that stage"):
        store.find("generate-poses~3")
    with pytest.raises(NotFoundError, match="there are none of that stage"):
        store.find("train@latest")
    with pytest.raises(InputError, match="is a generate-poses artifact; a train artifact is needed"):
        store.find("generate-poses~1", "train")


def test_what_was_only_made_on_the_way_has_a_latest_too(store):
    made = store.obtain(recipe(), Builder(), standalone=False)
    assert store.find("generate-poses@latest").digest == made.digest


def test_pins_survive_and_can_be_taken_back(store):
    made = store.obtain(recipe(), Builder())
    assert store.marks.pin(made.stage, made.digest) and not store.marks.pin(made.stage, made.digest)
    assert Marks(store.roots).pins() == {(made.stage, made.digest[:16])}
    assert store.marks.unpin(made.stage, made.digest) and not store.marks.unpin(made.stage, made.digest)
    assert store.marks.pins() == set()


def test_the_marks_of_what_was_removed_are_forgotten(store):
    first, second = (store.obtain(recipe(seed=seed), Builder()) for seed in (1, 2))
    for name, made in (("one", first), ("uno", first), ("two", second)):
        store.marks.give(name, made.stage, made.digest)
        store.marks.pin(made.stage, made.digest)
    store.marks.forget(first.stage, first.digest)
    assert store.marks.names() == {(second.stage, second.digest[:16]): ["two"]}
    assert store.marks.pins() == {(second.stage, second.digest[:16])}
