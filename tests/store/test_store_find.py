"""How a person names an artifact: by path, by digest, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dancegen.context import Context
from dancegen.errors import InputError, NotFoundError
from dancegen.store import open_store
from helpers.listening import Listener
from helpers.store_examples import Builder, recipe


def test_an_artifact_is_found_by_path_digest_and_prefix(store):
    made = store.obtain(recipe(), Builder())
    references = (made.path, str(made.path), made.digest, made.digest[:16], made.digest[:4], made.digest[:20].upper())
    for reference in references:
        assert store.find(reference).digest == made.digest


def test_a_relative_path_is_found_from_the_current_directory(store, monkeypatch):
    made = store.obtain(recipe(), Builder())
    monkeypatch.chdir(made.path.parent)
    assert store.find(made.path.name).path == made.path
    monkeypatch.chdir(made.path)
    assert store.find(".").path == made.path


def test_a_prefix_of_several_artifacts_is_refused_with_their_names(store):
    made = store.obtain(recipe(), Builder())
    twin = made.path.with_name(made.path.name[:8] + "0" * 8)
    shutil.copytree(made.path, twin)
    with pytest.raises(InputError, match=f"several artifacts begin with .*{twin.name}.*give more digits"):
        store.find(made.digest[:8])
    assert store.find(made.digest[:16]).path == made.path


def test_a_prefix_shared_with_another_stage_is_no_riddle_where_one_stage_is_meant(store):
    made = store.obtain(recipe("train"), Builder())
    (store.root / "render").mkdir()
    shutil.copytree(made.path, store.root / "render" / made.path.name)
    assert store.find(made.digest[:6], "train").path == made.path


@pytest.mark.parametrize("reference", ["abcd", "abc", "xyz!", "some/where/else", "no-such-thing"])
def test_what_is_not_there_is_said_with_how_to_see_what_is(store, reference):
    with pytest.raises(NotFoundError, match="dancegen artifacts ls"):
        store.find(reference)


def test_digits_that_go_on_wrongly_find_nothing(store):
    made = store.obtain(recipe(), Builder())
    wrong = made.digest[:40] + ("0" if made.digest[40] != "0" else "1")
    with pytest.raises(NotFoundError):
        store.find(wrong)


def test_a_directory_that_is_no_artifact_is_refused(store, tmp_path):
    (tmp_path / "songs").mkdir()
    with pytest.raises(InputError, match=r"not an artifact's directory: it has no manifest\.json"):
        store.find(tmp_path / "songs")


def test_a_folder_called_like_a_digest_does_not_hide_the_artifact(store, tmp_path, monkeypatch):
    made = store.obtain(recipe(), Builder())
    monkeypatch.chdir(tmp_path)
    (tmp_path / made.digest[:6]).mkdir()
    assert store.find(made.digest[:6]).path == made.path


def test_an_artifact_of_another_stage_is_refused(store):
    made = store.obtain(recipe("prepare"), Builder())
    with pytest.raises(InputError, match="is a prepare artifact; a train artifact is needed here"):
        store.find(made.digest, "train")


def test_a_copy_outside_the_store_is_used_unless_it_was_changed(store, tmp_path):
    made = store.obtain(recipe(), Builder(b"poses"))
    copy = Path(shutil.copytree(made.path, tmp_path / "mine"))
    assert store.find(copy).content == made.content
    (copy / "poses.npz").write_bytes(b"POSES")  # as long as before: only the bytes tell
    with pytest.raises(InputError, match=r"poses\.npz is not the file that was made"):
        store.find(copy)


def test_the_newest_is_the_one_last_made_or_answered(store):
    first, second = (store.obtain(recipe(seed=seed), Builder()) for seed in (1, 2))
    assert store.newest("generate-poses").digest == second.digest
    store.obtain(recipe(seed=1), Builder())
    assert store.newest("generate-poses").digest == first.digest


def test_what_is_made_on_the_way_to_something_else_is_not_the_newest(store):
    first = store.obtain(recipe(seed=1), Builder())
    store.obtain(recipe(seed=2), Builder(), standalone=False)
    assert store.newest("generate-poses").digest == first.digest


def test_without_any_the_command_that_makes_one_is_named(store):
    with pytest.raises(NotFoundError, match=r"no extract-poses artifact .*make one with: dancegen extract-poses"):
        store.newest("extract-poses")


def test_a_newest_that_was_removed_is_not_replaced_by_a_guess(store):
    store.obtain(recipe(seed=1), Builder())
    shutil.rmtree(store.obtain(recipe(seed=2), Builder()).path)
    with pytest.raises(NotFoundError, match="make it again with: dancegen generate-poses"):
        store.newest("generate-poses")


def test_two_people_in_one_store_have_each_their_newest(store, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    anns = store.obtain(recipe(seed=1), Builder())
    monkeypatch.setattr("getpass.getuser", lambda: "bob/../x")
    bobs = store.obtain(recipe(seed=2), Builder())
    assert store.newest("generate-poses").digest == bobs.digest
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    assert store.newest("generate-poses").digest == anns.digest


def test_a_user_without_a_name_has_a_newest_too(store, monkeypatch):
    def nameless():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    made = store.obtain(recipe(), Builder())
    assert store.newest("generate-poses").digest == made.digest


def test_a_stage_says_which_artifact_it_took_when_none_was_named(store):
    listener = Listener()
    context = Context(store, progress=listener)
    made = store.obtain(recipe(), Builder())
    assert context.resolve(None, "generate-poses").digest == made.digest
    assert made.digest[:16] in listener.said[0]
    assert context.resolve(made.digest[:6], "generate-poses").digest == made.digest
    assert context.resolve(made, "generate-poses").digest == made.digest
    assert len(listener.said) == 1


def test_the_store_is_the_one_told_then_the_environments_then_the_persons_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DANCEGEN_STORE", str(tmp_path / "environment"))
    assert open_store(tmp_path / "told").root == tmp_path / "told"
    assert open_store(None).root == tmp_path / "environment"
    assert open_store(open_store(tmp_path / "told")).root == tmp_path / "told"
    monkeypatch.setenv("DANCEGEN_STORE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert open_store(None).root.name == "dancegen"
