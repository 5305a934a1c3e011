"""Old trash and what dead processes left is removed, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from dancegen.errors import InputError
from dancegen.store import Store, housekeeping, open_store
from dancegen.store.housekeeping import sweep
from dancegen.store.process import unique
from helpers.processes import run_python
from helpers.store_examples import Builder, recipe

DAY_S = 86_400


@pytest.fixture
def store(tmp_path) -> Store:
    """With one artifact, and swept today."""
    store = open_store(tmp_path / "store")
    store.obtain(recipe(), Builder())
    return store


@pytest.fixture(scope="module")
def dead() -> str:
    """A name that a process took which has ended."""
    return run_python("-c", "from dancegen.store.process import unique; print(unique())").stdout.strip()


ELSEWHERE = "00000000-12-3456-0123abcd"
"""A name that a process of another machine took."""


def all_of(store: Store) -> set[str]:
    return {path.relative_to(store.root).as_posix() for path in store.root.rglob("*")}


def leave(path: Path, days: float = 0.0) -> Path:
    """A directory with a file of 100 bytes, untouched for so many days."""
    path.mkdir(parents=True)
    (path / "half").write_bytes(bytes(100))
    for each in (path / "half", path):
        age(each, days)
    return path


def leave_file(path: Path, days: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(100))
    return age(path, days)


def age(path: Path, days: float) -> Path:
    os.utime(path, (time.time() - days * DAY_S,) * 2)
    return path


def trash(store: Store, days: float) -> Path:
    """Something thrown away so many days ago; its own date is today's, as a copy of a store would have it."""
    aside = f"{'cd' * 8}-{int(time.time() - days * DAY_S)}-{unique()}"
    return leave(store.root / "generate-poses" / ".trash" / aside)


def test_a_store_in_order_stays_as_it_is(store):
    before = all_of(store)
    freed = sweep(store.root)
    assert (freed.paths, freed.size, freed.failed) == ([], 0, [])
    assert all_of(store) == before and len(store.artifacts()) == 1


def test_trash_is_emptied_by_age(store):
    old, fresh = trash(store, housekeeping.TRASH_DAYS + 1), trash(store, housekeeping.TRASH_DAYS - 1)
    freed = sweep(store.root)
    assert freed.paths == [old] and freed.size == 100
    assert not old.exists() and fresh.exists()
    assert sweep(store.root, trash_days=0).paths == [fresh]


def test_what_is_replaced_today_goes_when_its_time_has_come(store, monkeypatch):
    store.obtain(recipe(), Builder(b"new"), force=True)
    assert sweep(store.root).paths == []
    later = time.time() + (housekeeping.TRASH_DAYS + 1) * DAY_S
    monkeypatch.setattr(time, "time", lambda: later)
    assert [path.parent.name for path in sweep(store.root).paths] == [".trash"]
    assert store.newest("generate-poses").file("poses.npz").read_bytes() == b"new"


def test_a_dry_run_says_what_would_go(store, dead):
    left = [trash(store, 99), leave(store.root / "generate-poses" / f".making-{'ab' * 8}-{dead}")]
    freed = sweep(store.root, dry_run=True)
    assert sorted(freed.paths) == sorted(left) and freed.size == 200
    assert all(path.exists() for path in left)


PLACES = {
    "being made": "generate-poses/.making-abababababababab-{}",
    "being replaced": "generate-poses/.replaced-abababababababab-{}",
}
FILES = {
    "the root": ".tmp-{}",
    "a stage": "generate-poses/.tmp-{}",
    "a record of the newest": ".newest/ann/.tmp-{}",
    "a record of a lock's holder": ".locks/.tmp-{}",
}


@pytest.mark.parametrize("place", [*PLACES.values(), *FILES.values()], ids=[*PLACES, *FILES])
def test_leftovers_go_with_their_process_and_not_by_age_alone(store, dead, place):
    make = leave if place in PLACES.values() else leave_file
    if "replaced" in place:
        leave(store.root / "generate-poses" / ("ab" * 8))
    gone = make(store.root / place.format(dead))
    mine = make(store.root / place.format(unique()), days=400)
    others = make(store.root / place.format(ELSEWHERE), days=1)
    others_old = make(store.root / place.format(ELSEWHERE[:-1] + "e"), days=housekeeping.LEFTOVER_DAYS + 1)
    freed = sweep(store.root)
    assert sorted(freed.paths) == sorted([gone, others_old])
    assert mine.exists() and others.exists()


def test_another_machines_work_stays_while_its_lock_is_held(store):
    left = leave(store.root / "generate-poses" / f".making-{'ab' * 8}-{ELSEWHERE}", days=99)
    with store.places.lock("generate-poses", "ab" * 8).attempt() as held:
        assert held and sweep(store.root).paths == []
    assert sweep(store.root).paths == [left]


def test_the_only_one_is_brought_back_and_not_removed(store, dead):
    made = store.newest("generate-poses")
    made.path.rename(made.path.with_name(f".replaced-{made.path.name}-{dead}"))
    assert sweep(store.root).paths == []
    assert store.newest("generate-poses").content == made.content


@pytest.mark.parametrize("look", ["artifacts", "find", "newest", "obtain"])
def test_every_look_brings_it_back(store, dead, look):
    made = store.newest("generate-poses")
    made.path.rename(made.path.with_name(f".replaced-{made.path.name}-{dead}"))
    looks = {
        "artifacts": lambda: store.artifacts()[0],
        "find": lambda: store.find(made.digest[:8]),
        "newest": lambda: store.newest("generate-poses"),
        "obtain": lambda: store.obtain(recipe(), Builder(b"made again")),
    }
    assert looks[look]().content == made.content


def test_what_a_run_goes_on_from_is_kept_for_long(store, monkeypatch):
    kept, other = store.scratch(recipe(seed=2)), store.scratch(recipe(seed=3))
    for folder in (kept, other):
        (folder / "checkpoint").write_bytes(bytes(100))
    for path in (kept / "checkpoint", kept):
        age(path, housekeeping.SCRATCH_DAYS - 1)
    for path in (other / "checkpoint", other):
        age(path, housekeeping.SCRATCH_DAYS + 1)
    assert sweep(store.root).paths == [other] and kept.exists()


def test_what_a_run_would_go_on_from_goes_once_its_result_is_there(store):
    left = store.scratch(recipe())
    assert sweep(store.root).paths == [left]


def test_old_locks_go_and_held_and_fresh_ones_stay(store):
    locks = store.root / ".locks"
    (fresh,) = locks.glob("*.lock")
    old, held = (age(leave_file(locks / f"train-{name * 16}.lock"), 99) for name in "ab")
    orphan = leave_file(locks / f"train-{'c' * 16}.holder.json")
    leave_file(old.with_suffix(".holder.json"))
    with store.places.lock("train", "b" * 16).attempt() as free:
        assert free
        sweep(store.root)
    assert sorted(locks.iterdir()) == sorted([fresh, held]) and not orphan.exists()


def test_making_something_sweeps_once_a_day(store, dead, monkeypatch):
    left = leave(store.root / "train" / f".making-{'ab' * 8}-{dead}")
    store.obtain(recipe(seed=2), Builder())
    assert left.exists(), "of another stage, and the store was swept today"
    tomorrow = time.time() + 1.5 * DAY_S
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    store.obtain(recipe(seed=2), Builder())
    assert left.exists(), "looking changes nothing"
    store.obtain(recipe(seed=3), Builder())
    assert not left.exists()


def test_with_a_clock_set_back_nothing_is_old_and_the_dead_are_dead(store, dead, monkeypatch):
    gone, thrown = leave(store.root / "generate-poses" / f".making-{'ab' * 8}-{dead}"), trash(store, 0)
    before = time.time() - 400 * DAY_S
    monkeypatch.setattr(time, "time", lambda: before)
    assert sweep(store.root).paths == [gone] and thrown.exists()
    assert store.obtain(recipe(), Builder()).cached is True
    assert store.obtain(recipe(seed=2), Builder()).cached is False
    assert store.newest("generate-poses").params == {"seed": 2}


def test_what_cannot_be_removed_is_named_and_fails_nothing(store, monkeypatch):
    stuck = trash(store, 99)

    def refuse(path, *arguments, **keywords):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(housekeeping.shutil, "rmtree", refuse)
    freed = sweep(store.root)
    assert freed.failed == [stuck] and freed.paths == [] and freed.size == 0
    (store.root / ".swept").unlink()
    assert store.obtain(recipe(seed=2), Builder()).cached is False


def test_a_build_that_fails_sweeps_nothing_else(store, dead):
    left = leave(store.root / "train" / f".making-{'ab' * 8}-{dead}")

    def fail(directory):
        raise InputError("no")

    with pytest.raises(InputError):
        store.obtain(recipe(seed=4), fail)
    assert left.exists()


def test_a_store_that_is_not_there_has_nothing_to_sweep(tmp_path):
    assert sweep(tmp_path / "none").paths == [] and not (tmp_path / "none").exists()
