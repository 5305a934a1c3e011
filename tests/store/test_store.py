"""Made once, whole, and remade when damaged."""

from __future__ import annotations

import errno
import json
import os

import pytest

from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.store import MANIFEST, Damage, Store, open_store
from helpers.listening import Listener
from helpers.store_examples import Builder, recipe


def leftovers(store: Store) -> list[str]:
    """Everything hidden in the stages' directories but the trash."""
    return [path.name for path in store.root.glob("*/.*") if path.name != ".trash" and path.parent.name[0] != "."]


def test_the_second_request_is_answered_from_the_store(store):
    build = Builder()
    first = store.obtain(recipe(seed=1), build)
    second = store.obtain(recipe(seed=1), build)
    assert build.runs == 1
    assert (first.cached, second.cached) == (False, True)
    assert second.manifest == first.manifest
    assert second.file("poses.npz").read_bytes() == b"poses"
    assert second.summary == {"frames": 300}


def test_another_parameter_makes_another_artifact(store):
    build = Builder()
    assert store.obtain(recipe(seed=1), build).path != store.obtain(recipe(seed=2), build).path
    assert build.runs == 2


def test_an_artifact_lies_under_its_stage_and_digest_with_all_the_design_promises(store):
    made = store.obtain(recipe(seed=1), Builder())
    assert made.path == store.root / "generate-poses" / made.digest[:16]
    manifest = json.loads((made.path / MANIFEST).read_text())
    assert list(manifest) == [
        "schema", "stage", "stage_version", "digest", "content", "params", "inputs", "files", "created",
        "duration_s", "versions", "summary", "checksum",
    ]  # fmt: skip
    assert [entry["path"] for entry in manifest["files"]] == ["poses.npz", "samples/one.json"]
    assert {"dancegen", "python"} <= set(manifest["versions"])
    assert manifest["created"].endswith("+00:00")
    assert (store.root / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_content_depends_on_what_was_made_and_not_on_the_recipe(store):
    same = [store.obtain(recipe(seed=seed), Builder()).content for seed in (1, 2)]
    other = store.obtain(recipe(seed=3), Builder(b"other")).content
    assert same[0] == same[1] != other


def test_opening_and_asking_write_nothing(store):
    assert store.artifacts() == []
    with pytest.raises(NotFoundError):
        store.newest("train")
    assert not store.root.exists()


def test_a_build_that_fails_leaves_nothing_and_its_error_comes_through(store):
    def build(directory):
        (directory / "poses.npz").write_bytes(b"half")
        raise InputError("the song is damaged at 12.3 s")

    with pytest.raises(InputError, match=r"12\.3 s"):
        store.obtain(recipe(), build)
    assert store.artifacts() == [] and leftovers(store) == []
    assert store.obtain(recipe(), Builder()).cached is False


def test_force_makes_it_anew_and_keeps_the_old_one_aside(store):
    old = store.obtain(recipe(), Builder(b"old"))
    with open(old.file("poses.npz"), "rb") as reader:
        new = store.obtain(recipe(), Builder(b"new"), force=True)
        assert reader.read() == b"old"
    assert new.path == old.path and new.file("poses.npz").read_bytes() == b"new"
    (aside,) = (old.path.parent / ".trash").iterdir()
    assert (aside / "poses.npz").read_bytes() == b"old"


def test_a_forced_build_that_fails_keeps_the_old_artifact(store):
    store.obtain(recipe(), Builder(b"old"))

    def build(directory):
        raise InputError("no")

    with pytest.raises(InputError):
        store.obtain(recipe(), build, force=True)
    assert store.obtain(recipe(), Builder(b"new")).file("poses.npz").read_bytes() == b"old"


def truncate(path):
    (path / "poses.npz").write_bytes(b"pos")


def delete(path):
    (path / "samples" / "one.json").unlink()


def garble_manifest(path):
    (path / MANIFEST).write_text('{"schema": 1, "stage":')


def empty_manifest(path):
    (path / MANIFEST).write_text("")


def delete_manifest(path):
    (path / MANIFEST).unlink()


def change(path, **fields):
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps(manifest | fields))


def claim_other_content(path):
    change(path, content="0" * 64)


def claim_other_digest(path):
    change(path, digest="0" * 64)


def replace_by_link(path):
    (path / "poses.npz").rename(path.parent / "elsewhere")
    (path / "poses.npz").symlink_to(path.parent / "elsewhere")


def become_a_list(path):
    (path / MANIFEST).write_text("[1, 2]")


def lose_everything(path):
    for entry in ("samples/one.json", "poses.npz", MANIFEST):
        (path / entry).unlink()


DAMAGES = [
    truncate, delete, garble_manifest, empty_manifest, delete_manifest, claim_other_content, claim_other_digest,
    replace_by_link, become_a_list, lose_everything,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_artifact_is_moved_aside_said_so_and_made_again(store, damage):
    build, listener = Builder(), Listener()
    path = store.obtain(recipe(), build).path
    damage(path)
    again = store.obtain(recipe(), build, progress=listener)
    assert build.runs == 2 and again.cached is False
    assert again.file("poses.npz").read_bytes() == b"poses"
    assert len(listener.warned) == 1 and "damaged" in listener.warned[0] and "made again" in listener.warned[0]
    assert len(list((path.parent / ".trash").iterdir())) == 1
    assert store.obtain(recipe(), build).cached is True


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "..", "a\\..\\b", "C:/x", "./a", "a//b", "", ".", "a\0b", MANIFEST]
)
def test_a_manifest_whose_files_leave_its_directory_is_refused(store, name):
    path = store.obtain(recipe(), Builder()).path
    (path.parent / "x").write_bytes(b"outside")
    change(path, files=[{"path": name, "size": 7, "sha256": "0" * 64}])
    with pytest.raises(NotFoundError, match="not a dancegen manifest"):
        store.newest("generate-poses")
    build = Builder()
    store.obtain(recipe(), build)
    assert build.runs == 1
    assert (path.parent / "x").read_bytes() == b"outside"


def test_file_gives_only_what_the_manifest_lists(store):
    made = store.obtain(recipe(), Builder())
    assert made.file("samples/one.json").is_file()
    for name in ("../x", "none.npz", "samples", MANIFEST):
        with pytest.raises(NotFoundError, match=r"it has poses\.npz, samples/one\.json"):
            made.file(name)


def test_a_stage_may_not_publish_nothing_links_or_the_manifests_name(store):
    def link(directory):
        (directory / "a").symlink_to("/etc/hostname")

    def manifest(directory):
        (directory / MANIFEST).write_text("{}")

    for build, why in ((lambda directory: {}, "nothing"), (link, "link"), (manifest, "store's own")):
        with pytest.raises(StoreError, match=why):
            store.obtain(recipe(), build)
    assert store.artifacts() == [] and leftovers(store) == []


def test_a_summary_of_odd_numbers_does_not_fail_a_long_run(store):
    np = pytest.importorskip("numpy")

    def build(directory):
        (directory / "a").write_bytes(b"a")
        return {"loss": float("nan"), "best": np.float32(0.5), "rows": np.arange(2), "size": (1, 2), "of": directory}

    made = store.obtain(recipe(), build)
    assert made.summary | {"of": ""} == {"loss": None, "best": 0.5, "rows": [0, 1], "size": [1, 2], "of": ""}


def test_a_full_disk_is_said_with_the_path_and_leaves_nothing(store):
    def build(directory):
        (directory / "video.mp4").write_bytes(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory / "video.mp4"))

    with pytest.raises(StoreError, match=r"cannot write .*video\.mp4: the disk is full; free some space"):
        store.obtain(recipe(), build)
    assert leftovers(store) == []


def test_a_disk_that_fills_up_while_publishing_is_said_too(store, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match=r"cannot write .*: the disk is full"):
        store.obtain(recipe(), Builder())
    monkeypatch.undo()
    assert store.artifacts() == [] and leftovers(store) == []


def test_other_errors_of_a_build_are_not_called_the_stores(store):
    def build(directory):
        raise FileNotFoundError(errno.ENOENT, "gone", "song.mp3")

    with pytest.raises(FileNotFoundError):
        store.obtain(recipe(), build)


def test_a_file_where_a_directory_must_be_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; --store needs a directory"):
        open_store(tmp_path / "file")
    store = open_store(tmp_path / "file" / "below")
    with pytest.raises(StoreError, match=r"cannot write .*file.*: .*choose another --store"):
        store.obtain(recipe(), Builder())
    store = open_store(tmp_path / "store")
    store.root.mkdir()
    (store.root / "generate-poses").write_text("")
    with pytest.raises(StoreError, match=r"cannot write .*generate-poses.*choose another --store"):
        store.obtain(recipe(), Builder())


def test_a_store_that_can_only_be_read_still_answers(store):
    build, listener = Builder(), Listener()
    store.obtain(recipe(), build, standalone=False)
    (store.root / ".newest").write_text("a file where a directory must be")
    assert store.obtain(recipe(), build, progress=listener).cached is True
    assert build.runs == 1
    assert "the next command will not find this generate-poses by itself" in listener.warned[0]


def test_scratch_outlives_a_failure_and_goes_with_the_success(store):
    def fail(directory):
        (store.scratch(recipe()) / "checkpoint").write_text("epoch 3")
        raise InputError("stopped")

    def resume(directory):
        (directory / "model").write_text((store.scratch(recipe()) / "checkpoint").read_text())

    with pytest.raises(InputError):
        store.obtain(recipe(), fail)
    assert store.obtain(recipe(), resume).file("model").read_text() == "epoch 3"
    assert not (store.root / ".scratch" / "generate-poses" / recipe().digest[:16]).exists()


def test_force_starts_from_nothing(store):
    (store.scratch(recipe()) / "checkpoint").write_text("epoch 3")
    seen = []

    def build(directory):
        seen.extend(store.scratch(recipe()).iterdir())
        (directory / "model").write_text("new")

    store.obtain(recipe(), build, force=True)
    assert seen == []


def test_damaged_names_what_is_wrong_and_artifacts_leaves_it_out(store):
    good, bad = store.obtain(recipe(seed=1), Builder()), store.obtain(recipe(seed=2), Builder())
    delete(bad.path)
    assert [artifact.digest for artifact in store.artifacts()] == [good.digest]
    ((path, damage),) = store.damaged()
    assert path == bad.path and isinstance(damage, Damage) and "one.json is missing" in str(damage)
