"""What was changed since it was made is noticed before it is used: every file, every kind of change."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from dancegen.context import Context
from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.store import (
    MANIFEST,
    Artifact,
    Damage,
    Manifest,
    OtherSchema,
    Recipe,
    Store,
    Unreadable,
    artifact,
    digests,
)
from helpers.listening import Listener
from helpers.store_examples import recipe

NAMES = ("poses.npz", "motion.npz", "dance.bvh", "openpose.json", "beats.json", "audio.flac", "clips/a b/mel 🎵.npy")
"""Of everything a dance holds."""
LARGE = b"0123456789abcdef" * 4096
"""Enough to be remembered rather than hashed each time."""


def build(directory: Path) -> dict:
    for name in NAMES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(name.encode() + LARGE)
    return {"frames": 300}


@pytest.fixture
def made(store) -> Artifact:
    """Something made some time ago, so that its digests are remembered, and looked at since."""
    store.obtain(recipe(), build)
    settle(store)
    return store.obtain(recipe(), build)


def settle(store: Store) -> None:
    """Have all files in the memory, as they are some seconds after they were made."""
    paths = [path for path in store.root.glob("*/[0-9a-f]*/**/*") if path.is_file()]
    memory, now = digests.Digests.default(), time.time_ns
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: now() + 10**10)
        assert memory.of(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "hash_file", None)
        assert memory.of([path for path in paths if path.stat().st_size > 40_000])


def flip(path: Path, at: int = -1000) -> None:
    """Change one bit; size and date stay."""
    before, data = os.stat(path), bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def delete(path: Path) -> None:
    path.unlink()


def restore_older(path: Path) -> None:
    """As a backup does: another file with another inode, of the same size and date."""
    before = os.stat(path)
    other = path.with_name("other")
    other.write_bytes(path.read_bytes()[::-1])
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(other, path)


CHANGES = (flip, truncate, delete, restore_older)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_it_is_noticed_moved_aside_made_again_and_said(store, made, change, name):
    change(made.file(name))
    listener = Listener()
    again = store.obtain(recipe(), build, progress=listener)
    assert again.cached is False and again.content == made.content
    assert again.file(name).read_bytes() == name.encode() + LARGE
    (warning,) = listener.warned
    assert "damaged" in warning and name in warning and "made again" in warning
    (aside,) = (made.path.parent / ".trash").iterdir()
    assert str(aside) in warning and (aside / MANIFEST).is_file()


def test_it_is_noticed_at_the_first_use_too(store):
    """Nothing was remembered of files that were made this moment."""
    flip(store.obtain(recipe(), build).file("motion.npz"))
    assert store.obtain(recipe(), build).cached is False


@pytest.mark.parametrize("offset", range(0, 1400, 70))
def test_a_bit_that_changed_in_a_manifest_is_noticed(store, made, offset):
    manifest = made.path / MANIFEST
    whole = json.loads(manifest.read_text())
    flip(manifest, offset % manifest.stat().st_size)
    try:
        if json.loads(manifest.read_text()) == whole:
            pytest.skip("the same manifest in other characters")
    except ValueError:
        pass
    with pytest.raises(StoreError):
        Artifact.read(made.path)
    assert store.obtain(recipe(), build).cached is False


def test_a_manifest_without_a_checksum_is_read(made):
    """As the first ones were written."""
    said = json.loads((made.path / MANIFEST).read_text())
    del said["checksum"]
    (made.path / MANIFEST).write_text(json.dumps(said))
    assert Artifact.read(made.path, thorough=True).manifest == made.manifest


def test_any_parameter_a_stage_can_have_survives_in_a_manifest(store):
    params = {"a": 0.1 + 0.2, "b": [1, 2.0, None, True, "ü🎵", -0.0, 1e-320, 10**30], "c": {"d": (1, 2)}}
    kept = store.obtain(Recipe("train", 1, params), build)
    assert Manifest.read(kept.path).digest == kept.digest


def test_what_did_not_change_is_not_read_again(store, made, monkeypatch):
    monkeypatch.setattr(digests, "hash_file", None)
    monkeypatch.setattr(artifact, "hash_file", None)
    assert store.obtain(recipe(), build).cached is True
    assert store.find(made.digest).content == made.content
    assert store.newest("generate-poses").content == made.content


def test_a_memory_that_is_wrong_condemns_nothing(store, made):
    import sqlite3

    with sqlite3.connect(os.environ["DANCEGEN_DIGESTS"]) as connection:
        connection.execute("UPDATE digests SET said = ?", ("0" * 64,))
    assert store.obtain(recipe(), build).cached is True


REFERENCES = {
    "its digest": lambda store, made: store.find(made.digest),
    "some digits": lambda store, made: store.find(made.digest[:6], "generate-poses"),
    "its path": lambda store, made: store.find(made.path),
    "the artifact": lambda store, made: Context(store).resolve(made, "generate-poses"),
    "nothing": lambda store, made: Context(store).resolve(None, "generate-poses"),
}


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=REFERENCES)
@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_an_input_that_changed_is_moved_aside_with_what_to_do(store, made, change, reference):
    change(made.file("poses.npz"))
    with pytest.raises((StoreError, NotFoundError)) as raised:
        reference(store, made)
    (aside,) = (made.path.parent / ".trash").iterdir()
    said = str(raised.value)
    assert "poses.npz" in said and f"it was moved to {aside}" in said and "dancegen generate-poses" in said
    assert not made.path.exists()
    again = store.obtain(recipe(), build)
    assert again.cached is False and reference(store, made).content == made.content


def test_only_looking_moves_nothing(store, made):
    flip(made.file("poses.npz"))
    assert store.look_up(made.digest).digest == made.digest, "sizes are as they were"
    truncate(made.file("poses.npz"))
    with pytest.raises(StoreError, match="make it again with: dancegen generate-poses"):
        store.look_up(made.digest)
    assert made.path.exists() and not (made.path.parent / ".trash").exists()


def test_an_input_that_somebody_is_making_again_is_left_alone(store, made):
    flip(made.file("poses.npz"))
    with store.places.lock("generate-poses", made.digest).attempt() as free:
        assert free
        with pytest.raises(StoreError, match="bytes have changed; make it again"):
            store.find(made.digest)
    assert made.path.exists()


def test_a_copy_elsewhere_is_not_moved(store, made, tmp_path):
    copy = tmp_path / "mine"
    made.path.rename(copy)
    flip(copy / "poses.npz")
    with pytest.raises(InputError, match=r"poses\.npz is not the file that was made.*use the one in the store"):
        store.find(copy)
    assert copy.exists()


def of_schema(store: Store, made: Artifact, schema: int) -> Path:
    """An artifact as a dancegen of another schema left it: under a name that this one's rules never give."""
    path = made.path.with_name("ab" * 8)
    made.path.rename(path)
    said = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**said, "schema": schema, "digest": "ab" * 32, "something": "else"}))
    return path


@pytest.mark.parametrize("schema, words", [(1, "an earlier dancegen"), (99, "a newer dancegen.*update dancegen")])
def test_what_another_dancegen_made_is_no_damage(store, made, schema, words):
    path = of_schema(store, made, schema)
    assert store.artifacts() == [] and store.damaged() == []
    ((where, reason),) = store.unusable()
    assert where == path and isinstance(reason, OtherSchema) and not isinstance(reason, Damage)
    with pytest.raises(StoreError, match=f"{path} was made by {words}"):
        store.find("abab")
    with pytest.raises(StoreError, match=words):
        store.look_up("abab")
    store.obtain(recipe(), build)
    assert path.exists() and not (path.parent / ".trash").exists()


def test_what_may_not_be_read_is_no_damage(store, made, monkeypatch):
    """The file system refuses: as root one is let at everything, so the refusal is the test's own."""
    real = Path.read_text

    def refuse(path, *arguments, **keywords):
        if path.name == MANIFEST:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(Unreadable, match=r"manifest\.json cannot be read: Permission denied; ask its owner"):
        store.obtain(recipe(), build)
    ((_, reason),) = store.unusable()
    assert isinstance(reason, Unreadable) and store.damaged() == []
    monkeypatch.undo()
    assert made.path.exists()


def test_a_newest_record_that_was_damaged_ends_in_words(store, made):
    record = store.places.newest("generate-poses")
    whole = record.read_bytes()
    for at in range(len(whole)):
        record.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            assert store.newest("generate-poses").digest == made.digest
        except NotFoundError as error:
            assert "dancegen generate-poses" in str(error)
    assert made.path.exists()


@pytest.mark.parametrize("name", ["a:b.json", "a\\b.json", "\udcff.json"])
def test_a_name_that_could_not_be_read_back_is_refused_when_it_is_published(store, name):
    def odd(directory: Path) -> None:
        (directory / name).write_bytes(b"x")

    with pytest.raises(StoreError, match="not every system can have a file of this name"):
        store.obtain(recipe(), odd)
    assert store.artifacts() == [] and store.unusable() == []


def test_a_file_of_an_artifact_is_checked_with_it_and_others_are_left_alone(store, made, tmp_path):
    (tmp_path / "own.npz").write_bytes(b"a person's own")
    for path in (tmp_path / "own.npz", tmp_path, made.path, made.file("motion.npz"), made.path / "clips"):
        assert store.checked_path(path) == path
    flip(made.file("poses.npz"))
    with pytest.raises(StoreError, match=r"poses\.npz is not the file that was made.*moved to"):
        store.checked_path(made.file("motion.npz"))
    assert not made.path.exists()


def test_a_manifest_that_is_gone_is_damage_also_where_the_path_is_given(store, made):
    (made.path / MANIFEST).unlink()
    with pytest.raises(StoreError, match=r"manifest\.json is missing; it was moved to .*; make it again with"):
        store.find(made.path)


def test_a_model_and_a_motion_of_the_store_are_checked_where_their_paths_are_given(store, made):
    from dancegen.choreographers import choose_model, find_model
    from dancegen.context import Context
    from dancegen.options.dance import GeneratePosesOptions
    from dancegen.stages.dance_controls import find_motion

    def motion_of(reference):
        chosen = choose_model("diffusion", store, lambda: None)
        return find_motion(reference, "--edit", GeneratePosesOptions(song="demo"), chosen, Context.open(store))

    assert motion_of(made.path) == made.path / "motion.npz"
    flip(made.file("dance.bvh"))
    with pytest.raises(StoreError, match=r"dance\.bvh is not the file that was made"):
        motion_of(made.file("motion.npz"))
    again = store.obtain(recipe(), build)
    assert find_model(again.path, store) == again.path
    flip(again.file("dance.bvh"))
    with pytest.raises(StoreError, match=r"dance\.bvh is not the file that was made"):
        find_model(again.path, store)
