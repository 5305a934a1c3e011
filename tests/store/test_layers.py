"""A store over others that are only read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dancegen.cli import main
from dancegen.context import Context
from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.store import Store, open_store
from helpers.listening import Listener
from helpers.store_examples import Builder, recipe


def content(folder: Path) -> dict[str, tuple[int, int]]:
    """By path, the inode and the last change of everything below: nothing can be written without changing it."""
    found = [folder, *folder.rglob("*")]
    return {str(path): (path.lstat().st_ino, path.lstat().st_ctime_ns) for path in found}


@pytest.fixture
def lab(tmp_path) -> Store:
    """A laboratory's store, with one pose dataset and one dataset of somebody's."""
    store = open_store(tmp_path / "lab")
    store.obtain(recipe("extract-poses", views=1), Builder(b"the lab's"))
    store.obtain(recipe("prepare", songs=3), Builder(b"songs"))
    return store


@pytest.fixture
def mine(tmp_path, lab, monkeypatch) -> Iterator[Store]:
    """One's own over it; nothing in the laboratory's has changed when the test ends."""
    monkeypatch.setattr("getpass.getuser", lambda: "newcomer")
    before = content(lab.root)
    yield open_store([tmp_path / "mine", lab.root])
    assert content(lab.root) == before


def test_what_is_below_is_not_made_again(mine, lab):
    build = Builder()
    got = mine.obtain(recipe("extract-poses", views=1), build)
    assert got.cached is True and build.runs == 0 and lab.root in got.path.parents


def test_what_is_nowhere_is_made_in_ones_own(mine):
    made = mine.obtain(recipe("train", steps=1), Builder())
    assert made.cached is False and made.path.parent.parent == mine.root


def test_force_makes_it_in_ones_own_and_that_one_counts(mine):
    forced = mine.obtain(recipe("extract-poses", views=1), Builder(b"my own"), force=True)
    assert forced.path.parent.parent == mine.root
    assert mine.obtain(recipe("extract-poses", views=1), Builder()).path == forced.path
    assert mine.find(forced.digest[:8]).path == forced.path
    assert [each.path for each in mine.artifacts("extract-poses")] == [forced.path]


def test_both_are_listed_and_found(mine, lab):
    made = mine.obtain(recipe("train", steps=1), Builder())
    assert {each.stage for each in mine.artifacts()} == {"extract-poses", "prepare", "train"}
    shared = lab.artifacts("extract-poses")[0]
    assert mine.find(shared.digest[:8]).path == shared.path
    assert mine.find(shared.path, "extract-poses").path == shared.path
    assert mine.find(made.digest).path == made.path


def test_the_newest_is_ones_own_and_else_what_was_made_last_below(mine, lab):
    listener = Listener()
    shared = Context(mine, progress=listener).resolve(None, "extract-poses")
    assert lab.root in shared.path.parents and shared.digest[:16] in listener.said[0]
    made = mine.obtain(recipe("extract-poses", views=2), Builder())
    assert mine.newest("extract-poses").digest == made.digest
    mine.obtain(recipe("extract-poses", views=1), Builder())
    assert mine.newest("extract-poses").path == shared.path, "answered from below"
    with pytest.raises(NotFoundError, match="no train artifact"):
        mine.newest("train")


def test_the_newest_below_is_the_one_made_last(tmp_path, lab, monkeypatch):
    later = lab.obtain(recipe("extract-poses", views=5), Builder())
    lab.obtain(recipe("extract-poses", views=1), Builder())  # which the laboratory asked for last
    monkeypatch.setattr("getpass.getuser", lambda: "newcomer")
    assert open_store([tmp_path / "mine", lab.root]).newest("extract-poses").digest == later.digest


def test_ones_own_record_in_a_store_below_counts(tmp_path, lab):
    assert open_store([tmp_path / "mine", lab.root]).newest("prepare").digest == lab.artifacts("prepare")[0].digest


def test_damage_below_is_said_and_made_again_in_ones_own(tmp_path, lab):
    shared = lab.artifacts("extract-poses")[0]
    shared.file("poses.npz").write_bytes(b"the bat's")
    before, mine, listener = content(lab.root), open_store([tmp_path / "mine", lab.root]), Listener()
    with pytest.raises(StoreError, match="bytes have changed; make it again with: dancegen extract-poses"):
        mine.find(shared.digest)
    made = mine.obtain(recipe("extract-poses", views=1), Builder(), progress=listener)
    assert made.path.parent.parent == mine.root and made.cached is False
    (warning,) = listener.warned
    assert "only read" in warning and str(shared.path) in warning and "made again" in warning
    assert mine.find(shared.digest).path == made.path
    assert mine.damaged() == [], "one's own hides it"
    assert content(lab.root) == before


def test_what_a_kill_left_below_is_not_touched(tmp_path, lab):
    shared = lab.artifacts("extract-poses")[0]
    shared.path.rename(shared.path.with_name(f".replaced-{shared.path.name}-x"))
    before, mine = content(lab.root), open_store([tmp_path / "mine", lab.root])
    assert mine.artifacts("extract-poses") == []
    assert mine.obtain(recipe("extract-poses", views=1), Builder()).cached is False
    assert content(lab.root) == before


def test_several_lie_below(tmp_path, lab):
    other = open_store(tmp_path / "other")
    film = other.obtain(recipe("render", look="neon"), Builder())
    mine = open_store([tmp_path / "mine", lab.root, other.root])
    assert mine.find(film.digest[:6]).path == film.path
    assert {each.stage for each in mine.artifacts()} == {"extract-poses", "prepare", "render"}
    assert mine.roots == (tmp_path / "mine", lab.root, other.root)


def test_they_are_told_by_the_environment_too(tmp_path, lab, monkeypatch):
    monkeypatch.setenv("DANCEGEN_STORE", os.pathsep.join([str(tmp_path / "mine"), str(lab.root)]))
    assert open_store(None).roots == (tmp_path / "mine", lab.root)
    assert open_store([]).roots == (tmp_path / "mine", lab.root)


def test_a_store_below_must_be_there(tmp_path, lab):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="none does not exist; only the first --store is made"):
        open_store([tmp_path / "mine", tmp_path / "none"])
    with pytest.raises(InputError, match="is a file"):
        open_store([tmp_path / "mine", tmp_path / "file"])
    assert open_store([lab.root, lab.root]).below == ()


def test_a_command_takes_several(tmp_path, lab, capsys):
    shared = lab.artifacts("extract-poses")[0]
    both = ["--store", str(tmp_path / "mine"), "--store", str(lab.root)]
    assert main(["artifacts", "show", shared.digest[:8], *both, "--quiet"]) == 0
    assert capsys.readouterr().out.strip() == str(shared.path)
    assert not (tmp_path / "mine").exists()
