"""Artifacts in a .zip file or a folder come into another store as they were, or not at all."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path

import pytest

from dancegen.errors import InputError
from dancegen.store import Input, Recipe, open_store
from dancegen.store.artifact import Artifact
from dancegen.store.bundle import bundle, import_bundle
from dancegen.store.manifest import MANIFEST
from helpers.store_examples import Builder

KINDS = ("made.zip", "made")
PARAMS = {"seed": 0, "fps": 30.0, "keep": [], "genre": None, "floor": [3, 3.5]}
EVIL = ("../evil", "/tmp/evil", "samples/../../../evil", "a\\..\\evil", "C:/evil")


@pytest.fixture
def made(tmp_path) -> Artifact:
    song = tmp_path / "song.wav"
    song.write_bytes(b"sound")
    asked = Recipe("generate-poses", 9, PARAMS, (Input.file("song", song),))
    return open_store(tmp_path / "one").obtain(asked, Builder(b"poses" * 100_000))


@pytest.fixture
def other(tmp_path):
    return open_store(tmp_path / "other")


def nothing_in(store) -> bool:
    left = [path for path in store.root.rglob("*") if path.is_file()] if store.root.exists() else []
    return not store.artifacts() and not [
        path for path in left if ".locks" not in path.parts and path.name != "CACHEDIR.TAG"
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_an_artifact_comes_into_another_store_as_it_was(kind, made, other, tmp_path):
    target = bundle(made, tmp_path / kind)
    found = import_bundle(other, target)
    assert not found.cached and found.manifest == made.manifest
    Artifact.read(found.path, thorough=True)
    assert (found.path / "poses.npz").read_bytes() == (made.path / "poses.npz").read_bytes()
    assert other.find(made.digest).content == made.content
    again = import_bundle(other, target)
    assert again.cached and again.path == found.path


def test_what_was_imported_answers_for_its_recipe(made, other, tmp_path):
    import_bundle(other, bundle(made, tmp_path / "made.zip"))
    builder = Builder()
    asked = Recipe(made.stage, 9, PARAMS, made.inputs)
    assert other.obtain(asked, builder).cached and builder.runs == 0


def test_the_same_artifact_gives_the_same_bytes(made, tmp_path):
    one, two = (bundle(made, tmp_path / name).read_bytes() for name in ("one.zip", "two.zip"))
    assert one == two


def test_nothing_of_a_persons_is_replaced(made, tmp_path):
    target = tmp_path / "mine.zip"
    target.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        bundle(made, target)
    assert target.read_text() == "mine"
    bundle(made, target, force=True)
    assert zipfile.is_zipfile(target)


def test_a_damaged_artifact_in_the_store_is_replaced_by_a_whole_one(made, other, tmp_path):
    target = bundle(made, tmp_path / "made.zip")
    found = import_bundle(other, target)
    (found.path / "poses.npz").write_bytes(b"x" * made.files[0].size)
    assert not import_bundle(other, target).cached
    Artifact.read(found.path, thorough=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_flipped_bit_is_refused_and_nothing_comes_in(kind, place, made, other, tmp_path):
    target = bundle(made, tmp_path / kind)
    if target.is_dir():
        file = target / "poses.npz"
        data = bytearray(file.read_bytes())
    else:
        file = target
        data = bytearray(file.read_bytes())
    start = 0 if target.is_dir() else data.index(b"posesposes")
    at = start + {"first": 0, "middle": 250_000, "last": 499_999}[place]
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(InputError, match=r"poses\.npz|made"):
        import_bundle(other, target)
    assert nothing_in(other)


def rewritten(source: Path, target: Path, change) -> Path:
    """A copy of a .zip whose members are what `change(members)` makes of [(ZipInfo, bytes)]."""
    with zipfile.ZipFile(source) as archive:
        members = [(info, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(target, "w") as archive:
        for info, data in change(members):
            archive.writestr(info, data)
    return target


def named(name: str, data: bytes = b"x", mode: int = 0) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, data


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "a/../../evil",
        "/tmp/evil",
        "C:evil",
        "samples/../../evil",
        "..\\evil",
        "POSES.NPZ",
        "extra.txt",
        "./x",
    ],
)
def test_a_member_of_another_name_is_refused(name, made, other, tmp_path):
    bad = rewritten(bundle(made, tmp_path / "a.zip"), tmp_path / "b.zip", lambda members: [*members, named(name)])
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match=r"b\.zip"):
        import_bundle(other, bad)
    assert nothing_in(other) and not Path("/tmp/evil").exists()
    assert {path for path in tmp_path.rglob("*") if path.is_file()} - before <= set(other.root.rglob("*"))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    "name", ["../evil", "/tmp/evil", "samples/../../../evil", "a\\..\\evil", "manifest.json", "C:/evil"]
)
def test_a_manifest_that_names_such_a_file_is_refused(name, made, other, tmp_path):
    def change(members):
        said = json.loads(members[0][1])
        said["files"][0]["path"] = name
        said.pop("checksum")
        return [(members[0][0], json.dumps(said).encode()), named(name), *members[2:]]

    bad = rewritten(bundle(made, tmp_path / "a.zip"), tmp_path / "b.zip", change)
    with pytest.raises(InputError, match=r"b\.zip"):
        import_bundle(other, bad)
    assert nothing_in(other)


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o600, stat.S_IFCHR | 0o600])
def test_a_link_in_a_zip_is_refused(mode, made, other, tmp_path):
    def change(members):
        return [named(info.filename, b"/etc/passwd", mode) if info.filename == "poses.npz" else (info, data)
                for info, data in members]  # fmt: skip

    bad = rewritten(bundle(made, tmp_path / "a.zip"), tmp_path / "b.zip", change)
    with pytest.raises(InputError, match="link or a device"):
        import_bundle(other, bad)
    assert nothing_in(other)


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_link_in_a_folder_is_refused(which, made, other, tmp_path):
    target = bundle(made, tmp_path / "made")
    place = target / ("poses.npz" if which == "file" else "samples")
    outside = tmp_path / "outside"
    os.rename(place, outside)
    place.symlink_to(outside)
    with pytest.raises(InputError, match="is a link"):
        import_bundle(other, target)
    assert nothing_in(other)


def forged(members, **changes):
    """The members with another manifest, whose checksum is left out as the earliest had none."""
    said = json.loads(members[0][1]) | changes
    said.pop("checksum")
    return [(members[0][0], json.dumps(said).encode()), *members[1:]]


@pytest.mark.parametrize(
    "changes",
    [
        {"params": {"seed": 1}}, {"stage": "train"}, {"stage": "../evil"}, {"stage": ".trash"}, {"digest": "0" * 64},
        {"stage_version": 8}, {"inputs": []}, {"content": "0" * 64}, {"files": []}, {"schema": 1}, {"schema": 99},
        {"params": 3}, {"files": [{"path": "poses.npz", "size": -1, "sha256": "0" * 64}]},
    ],
)  # fmt: skip
def test_what_poses_as_another_result_is_refused(changes, made, other, tmp_path):
    bad = rewritten(bundle(made, tmp_path / "a.zip"), tmp_path / "b.zip", lambda members: forged(members, **changes))
    with pytest.raises(InputError, match=r"b\.zip"):
        import_bundle(other, bad)
    assert nothing_in(other)


def test_files_twice_missing_or_none_at_all_are_refused(made, other, tmp_path):
    whole = bundle(made, tmp_path / "a.zip")
    changes = {
        "twice": lambda members: [*members, members[1]],
        "missing": lambda members: members[:-1],
        "no manifest": lambda members: members[1:],
        "empty": lambda members: [],
    }
    for name, change in changes.items():
        with pytest.warns(UserWarning) if name == "twice" else pytest.MonkeyPatch.context():
            bad = rewritten(whole, tmp_path / f"{name}.zip", change)
        with pytest.raises(InputError, match=name):
            import_bundle(other, bad)
    (tmp_path / "not.zip").write_bytes(b"no zip")
    for wrong in ("not.zip", "nowhere.zip", "nowhere"):
        with pytest.raises(InputError, match=wrong):
            import_bundle(other, tmp_path / wrong)
    assert nothing_in(other)


def test_a_zip_that_unpacks_to_more_than_it_says_is_refused(made, other, tmp_path):
    """A member that is compressed may hold far more than the manifest says: no more than that is ever unpacked."""

    whole = bundle(made, tmp_path / "a.zip")
    with zipfile.ZipFile(whole) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    bad = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data if name == MANIFEST else bytes(50_000_000))
    with pytest.raises(InputError, match="another size"):
        import_bundle(other, bad)
    assert nothing_in(other)


def test_a_zip_with_one_folder_at_its_top_is_read_as_well(made, other, tmp_path):
    """What a file manager makes of an exported folder."""
    bad = rewritten(
        bundle(made, tmp_path / "a.zip"), tmp_path / "b.zip",
        lambda members: [named(f"my dance/{info.filename}", data) for info, data in members],
    )  # fmt: skip
    assert import_bundle(other, bad).content == made.content


def test_an_import_that_fails_half_way_leaves_nothing(made, other, tmp_path):
    target = bundle(made, tmp_path / "made")
    (target / "samples" / "one.json").unlink()
    with pytest.raises(InputError, match=r"one\.json"):
        import_bundle(other, target)
    assert nothing_in(other)
