"""Copies for people: where --output puts what."""

from __future__ import annotations

import pytest

from dancegen.errors import InputError, StoreError
from dancegen.store import MANIFEST, Artifact, check_output, export, open_store
from helpers.store_examples import recipe

FILES = ("poses.npz", "preview.mp4", "openpose.json")


@pytest.fixture
def made(tmp_path) -> Artifact:
    def build(directory):
        for name in ("beats.json", "openpose.json", "poses.npz", "preview.mp4"):
            (directory / name).write_text(name)
        (directory / "samples").mkdir()
        (directory / "samples" / "1.png").write_text("1")
        return {}

    return open_store(tmp_path / "store").obtain(recipe(), build)


def test_a_file_suffix_receives_the_one_file_of_that_kind(made, tmp_path):
    for name, content in (("a.npz", "poses.npz"), ("deep/er/b.mp4", "preview.mp4"), ("c.JSON", "openpose.json")):
        assert export(made, tmp_path / name, FILES).read_text() == content
    assert sorted(path.name for path in (tmp_path / "deep" / "er").iterdir()) == ["b.mp4"]


def test_anything_else_is_a_directory_that_receives_the_payload_under_its_own_names(made, tmp_path):
    export(made, tmp_path / "out", FILES)
    assert (tmp_path / "out" / "samples" / "1.png").read_text() == "1"
    assert (tmp_path / "out" / "poses.npz").read_text() == "poses.npz"


def test_a_directory_of_its_own_can_be_given_as_an_input(made, tmp_path):
    store = open_store(tmp_path / "other")
    for _ in range(2):  # a second copy into the same place is as good
        assert store.find(export(made, tmp_path / "out", FILES)).content == made.content


def test_a_persons_own_manifest_is_left_alone(made, tmp_path):
    (tmp_path / MANIFEST).write_text('{"name": "a web app"}')
    export(made, tmp_path, FILES)
    assert (tmp_path / MANIFEST).read_text() == '{"name": "a web app"}'
    assert (tmp_path / "poses.npz").exists()


def test_an_existing_directory_and_a_trailing_slash_win_over_a_dot_in_the_name(made, tmp_path):
    (tmp_path / "v1.2").mkdir()
    assert (export(made, tmp_path / "v1.2", FILES) / "poses.npz").exists()
    assert (export(made, f"{tmp_path}/v1.3/", FILES) / "poses.npz").exists()


def test_editing_the_copy_leaves_the_store_alone(made, tmp_path):
    export(made, tmp_path / "a.npz", FILES).write_text("edited")
    assert made.file("poses.npz").read_text() == "poses.npz"


def test_an_older_file_is_replaced(made, tmp_path):
    (tmp_path / "a.npz").write_text("older and longer than the new one")
    assert export(made, tmp_path / "a.npz", FILES).read_text() == "poses.npz"


def test_what_cannot_be_exported_is_known_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    for output, why in (
        (tmp_path / "a.mov", r"there is no \.mov file to write; give one of \.json, \.mp4, \.npz, or a directory"),
        (tmp_path / "file", "is a file; give a directory"),
        (tmp_path / "file" / "a.npz", "file is a file"),
    ):
        with pytest.raises(InputError, match=why):
            check_output(output, FILES)
    with pytest.raises(InputError, match="give a directory"):
        check_output("dataset.zip", ())
    for output in (None, tmp_path / "a.npz", tmp_path / "new" / "dir", str(tmp_path)):
        check_output(output, FILES)


def test_a_kind_of_which_there_are_several_needs_a_directory(made, tmp_path):
    with pytest.raises(InputError, match=r"several: beats\.json, openpose\.json"):
        export(made, tmp_path / "a.json")


def test_a_copy_that_fails_is_said(made, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(StoreError, match="the disk is full"):
        export(made, tmp_path / "a.npz", FILES)
    assert list(tmp_path.glob("*.npz")) == []
