"""What goes and what stays: by age, by number and by size, and never what is kept, needed or in use."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dancegen.store import Artifact, Input, Recipe, Store
from dancegen.store.collect import NEEDED, PINNED, USED, Rules, collect, plan, remove
from helpers.processes import start_python, wait_until
from helpers.store_examples import Builder

DAY = 86_400


def made(store: Store, stage: str, *behind: Artifact, days: float = 0.0, **params: object) -> Artifact:
    """An artifact of 1,000 bytes and two more, last used so many days ago."""
    inputs = tuple(Input.artifact("from", each) for each in behind)
    artifact = store.obtain(Recipe(stage, 1, params, inputs), Builder(f"{stage} {params}".encode().ljust(1000)))
    used_days_ago(artifact, days)
    return artifact


def used_days_ago(artifact: Artifact, days: float) -> None:
    os.utime(artifact.path, (time.time() - days * DAY,) * 2)


def goes(store: Store, **rules) -> list[int]:
    """The seeds of what would go, in order."""
    return [seed_of(each.path) for each in plan(store, Rules(**rules)).remove]


def seed_of(path: Path) -> int:
    return Artifact.read(path).params["seed"]


@pytest.fixture
def five(store) -> list[Artifact]:
    """Seeds 0 to 4, last used 50, 40, 30, 20 and 10 days ago."""
    return [made(store, "generate-poses", days=50 - 10 * seed, seed=seed) for seed in range(5)]


def test_without_rules_no_artifact_goes(store, five):
    assert goes(store) == []


def test_the_last_of_each_stage_are_kept(store, five):
    made(store, "train", days=99, seed=9)
    assert goes(store, keep_last=2) == [0, 1, 2]
    assert goes(store, keep_last=0) == [9, 0, 1, 2, 3, 4]
    assert goes(store, keep_last=99) == []


def test_what_was_not_used_for_long_goes_and_age_is_of_use_not_of_making(store, five):
    assert goes(store, older_than_days=25) == [0, 1, 2]
    store.obtain(Recipe("generate-poses", 1, {"seed": 0}), Builder())  # answered from the store
    assert goes(store, older_than_days=25) == [1, 2]
    store.find(five[1].digest)
    assert goes(store, older_than_days=25) == [2]


def test_both_rules_at_once_are_both_asked(store, five):
    assert goes(store, older_than_days=25, keep_last=4) == [0]
    assert goes(store, older_than_days=45, keep_last=1) == [0]


def test_only_so_much_goes_that_the_rest_is_small_enough(store, five):
    assert five[0].size == 1002
    assert goes(store, max_size=3006) == [0, 1]
    assert goes(store, max_size=3005) == [0, 1, 2]
    assert goes(store, max_size=10**9) == []
    assert goes(store, max_size=0, older_than_days=35) == [0, 1]


@pytest.mark.parametrize("mark", ["pin", "name"])
def test_what_is_pinned_or_named_stays_with_all_that_it_was_made_from(store, mark):
    dataset = made(store, "prepare", days=90, seed=0)
    model = made(store, "train", dataset, days=80, seed=1)
    dance = made(store, "generate-poses", model, days=70, seed=2)
    made(store, "render", dance, days=60, seed=3)
    if mark == "pin":
        store.marks.pin(dance.stage, dance.digest)
    else:
        store.marks.give("tour", dance.stage, dance.digest)
    planned = plan(store, Rules(older_than_days=1))
    assert [seed_of(each.path) for each in planned.remove] == [3]
    assert {reason: len(each) for reason, each in planned.kept.items()} == {PINNED: 1, NEEDED: 2}


def test_what_is_kept_keeps_what_it_was_made_from(store):
    old = made(store, "prepare", days=90, seed=0)
    made(store, "train", old, days=1, seed=1)
    made(store, "prepare", days=80, seed=2)
    planned = plan(store, Rules(older_than_days=30))
    assert [seed_of(each.path) for each in planned.remove] == [2]
    assert list(planned.kept) == [NEEDED]


def test_to_free_space_what_was_made_from_another_goes_before_it(store):
    old = made(store, "prepare", days=90, seed=0)
    used = made(store, "train", old, days=20, seed=1)
    made(store, "generate-poses", used, days=30, seed=2)
    made(store, "evaluate", days=40, seed=3)
    assert goes(store, max_size=3500) == [3]
    assert goes(store, max_size=2500) == [3, 2]
    assert goes(store, max_size=0) == [3, 2, 1, 0]


def test_of_two_that_hold_the_same_one_may_go(store):
    twins = [store.obtain(Recipe("generate-poses", 1, {"seed": seed}), Builder(b"same")) for seed in (0, 1)]
    film = made(store, "render", twins[0], days=5, seed=2)
    store.marks.pin(film.stage, film.digest)
    for days, twin in zip((50, 40), twins, strict=True):
        used_days_ago(twin, days)
    assert goes(store, keep_last=0) == [1]  # the film names the other


def test_what_was_used_just_now_stays(store, five):
    used_days_ago(five[2], 0)
    planned = plan(store, Rules(keep_last=0))
    assert [seed_of(each.path) for each in planned.remove] == [0, 1, 3, 4]
    assert list(planned.kept) == [USED]


BUSY = """
import sys, time
from dancegen.store import Recipe, open_store
def build(directory):
    print("building", flush=True)
    time.sleep(60)
open_store(sys.argv[1]).obtain(Recipe("render", 1, {"seed": 8}), build)
"""


@pytest.fixture
def at_work(store):
    """A process that makes an artifact, and does not come to an end."""
    process = start_python("-c", BUSY, store.root)
    wait_until(lambda: list((store.root / ".locks").glob("*.holder.json")), "a build", process=process)
    yield process
    process.kill()
    process.communicate()


def test_what_a_process_at_work_may_rely_on_stays(store, five, at_work):
    """It began an hour ago and used an artifact half an hour ago; the rest nobody has used."""
    (record,) = (store.root / ".locks").glob("*.holder.json")
    began = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - 3600))
    said = record.read_text()
    record.write_text(said.replace(said.split('"since": "')[1].split('"')[0], began))
    used_days_ago(five[4], 0.5 / 24)
    assert goes(store, keep_last=0) == [0, 1, 2, 3]
    at_work.kill()
    at_work.communicate()
    assert goes(store, keep_last=0) == [0, 1, 2, 3, 4]


def test_what_another_process_holds_or_used_meanwhile_is_not_removed(store, five):
    planned = plan(store, Rules(older_than_days=15))
    store.find(five[1].digest)
    with store.places.lock(five[0].stage, five[0].digest).hold("it"):
        done = collect(store, planned)
    assert [seed_of(each.path) for each in done.busy] == [0, 1]
    assert [each.digest for each in done.artifacts] == [each.digest for each in five[2:4]]
    assert [each.digest for each in store.artifacts()] == [each.digest for each in (*five[:2], five[4])]


def test_a_dry_run_says_the_same_and_removes_nothing(store, five):
    planned = plan(store, Rules(keep_last=1))
    said = collect(store, planned, dry_run=True)
    assert len(store.artifacts()) == 5
    done = collect(store, planned)
    assert said.artifacts == done.artifacts and said.size == done.size == 4 * 1002
    assert [seed_of(each.path) for each in store.artifacts()] == [4]
    assert not any((store.root / "generate-poses" / ".trash").iterdir())


def test_old_trash_and_leftovers_go_with_it(store, five):
    store.obtain(Recipe("generate-poses", 1, {"seed": 0}), Builder(), force=True)
    (trashed,) = (store.root / "generate-poses" / ".trash").iterdir()
    aged = trashed.rename(trashed.with_name(trashed.name.replace(f"-{trashed.name.split('-')[1]}-", "-1000000000-")))
    assert aged in collect(store, plan(store, Rules())).swept.paths and not aged.exists()


def test_marks_of_what_is_removed_go_too(store, five):
    store.marks.pin(five[0].stage, five[0].digest)
    store.marks.give("tour", five[0].stage, five[0].digest)
    listed = store.listing().artifacts[0]
    assert remove(store, [listed]).artifacts == [listed]
    assert not store.marks.pins() and not store.marks.names()


def test_an_empty_store_has_nothing_to_free(store):
    assert collect(store, plan(store, Rules(keep_last=0))).size == 0
    assert not store.root.exists()
