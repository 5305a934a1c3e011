"""Artifacts to and from another place: what arrives is what was sent, or it does not arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from dancegen.cli import main
from dancegen.errors import InputError, NotFoundError, StoreError
from dancegen.store import Input, Recipe, open_store
from dancegen.store.artifact import Artifact
from dancegen.store.manifest import MANIFEST
from dancegen.store.transfer import pull, push
from helpers.store_examples import Builder


class Faulty(MemoryFileSystem):
    """A place in memory whose writing fails, or comes out otherwise, when it is told to."""

    protocol = "faulty"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    fails_at: ClassVar[str | None] = None
    written: ClassVar[list[str]] = []

    def _open(self, path, mode="rb", **options):
        if "w" in mode:
            Faulty.written.append(path.rpartition("/")[2])
            if Faulty.fails_at and path.endswith(Faulty.fails_at):
                raise ConnectionResetError("the other end hung up")
        return super()._open(path, mode, **options)

    def cat_garbled(self, path: str) -> None:
        """Change one bit of what lies there."""
        data = bytearray(self.cat_file(path))
        data[len(data) // 2] ^= 1
        self.pipe_file(path, bytes(data))


fsspec.register_implementation("faulty", Faulty, clobber=True)


@pytest.fixture
def store(tmp_path):
    return open_store(tmp_path / "one")


@pytest.fixture
def other(tmp_path):
    return open_store(tmp_path / "other")


@pytest.fixture
def made(store) -> list[Artifact]:
    poses = store.obtain(Recipe("generate-poses", 9, {"seed": 0}), Builder(b"poses" * 50_000))
    return [poses, store.obtain(Recipe("render", 4, {"style": "neon"}, (Input.artifact("poses", poses),)), Builder())]


@pytest.fixture(params=["folder", "memory", "faulty"])
def address(request, tmp_path) -> str:
    Faulty.fails_at, Faulty.written = None, []
    place = f"lab-{uuid4().hex}"
    return str(tmp_path / "lab place") if request.param == "folder" else f"{request.param}://{place}/dances"


def test_what_was_pushed_comes_back_byte_for_byte(address, store, other, made):
    assert [each.moved for each in push(store, address)] == [True, True]
    assert {each.digest for each in pull(other, address)} == {each.digest for each in made}
    for artifact in made:
        found = other.find(artifact.digest)
        assert found.manifest == artifact.manifest
        Artifact.read(found.path, thorough=True)


def test_nothing_is_sent_or_fetched_twice(address, store, other, made):
    push(store, address)
    assert not any(each.moved for each in push(store, address))
    pull(other, address)
    assert not any(each.moved for each in pull(other, address))


def test_those_that_are_named_go_and_with_inputs_what_they_were_made_from(address, store, other, made):
    assert [each.stage for each in push(store, address, [made[1].digest[:8]])] == ["render"]
    assert [each.stage for each in push(store, address, ["render@latest"], with_inputs=True)] == [
        "generate-poses", "render",
    ]  # fmt: skip
    assert [each.stage for each in pull(other, address, ["render"])] == ["render"]
    third = open_store(other.root.parent / "third")
    assert {each.stage for each in pull(third, address, [made[1].digest], with_inputs=True)} == {
        "generate-poses", "render",
    }  # fmt: skip
    with pytest.raises(NotFoundError, match="train"):
        pull(other, address, ["train"])


def test_an_interrupted_push_shows_nothing_and_goes_on(store, other, made):
    address = f"faulty://lab-{uuid4().hex}"
    Faulty.fails_at, Faulty.written = "one.json", []
    with pytest.raises(StoreError, match=r"hung up.*goes on from there"):
        push(store, address, [made[0].digest])
    assert pull(other, address) == [] and not other.artifacts()
    assert Faulty.written == ["poses.npz", "one.json"]
    Faulty.fails_at, Faulty.written = None, []
    assert [each.moved for each in push(store, address, [made[0].digest])] == [True]
    assert Faulty.written == ["one.json", MANIFEST]  # the file that had arrived was not sent again
    assert [each.moved for each in pull(other, address)] == [True]


def test_a_bit_that_changed_there_is_noticed_by_who_pulls(store, other, made):
    address = f"faulty://lab-{uuid4().hex}"
    push(store, address, [made[0].digest])
    system, root = fsspec.core.url_to_fs(address)
    system.cat_garbled(f"{root}/generate-poses/{made[0].digest[:16]}/poses.npz")
    with pytest.raises(InputError, match=r"poses\.npz is not the file that was made"):
        pull(other, address)
    assert not other.artifacts()


def test_a_file_that_arrives_otherwise_is_noticed_by_who_pushes(store, made, monkeypatch):
    def garbled(self, path, mode="rb", **options):
        if "r" in mode and path.endswith("poses.npz") and self.store[path].getbuffer()[0] != 0:
            self.store[path].getbuffer()[0] = 0
        return MemoryFileSystem._open(self, path, mode, **options)

    monkeypatch.setattr(Faulty, "_open", garbled)
    address = f"faulty://lab-{uuid4().hex}"
    with pytest.raises(StoreError, match=r"poses\.npz came out otherwise"):
        push(store, address, [made[0].digest])
    system, root = fsspec.core.url_to_fs(address)
    assert not system.glob(f"{root}/*/*/{MANIFEST}")


def test_a_damaged_artifact_is_not_sent(store, made, tmp_path):
    made[0].file("poses.npz").write_bytes(b"x" * made[0].files[0].size)
    with pytest.raises(StoreError, match=r"poses\.npz"):
        push(store, str(tmp_path / "lab"), [made[0].digest])
    assert not list((tmp_path / "lab").rglob(MANIFEST))


def test_a_manifest_that_leads_elsewhere_is_passed_over(store, other, made, tmp_path):
    lab = tmp_path / "lab"
    push(store, str(lab))
    (path,) = (lab / "generate-poses").glob(f"*/{MANIFEST}")
    said = json.loads(path.read_text())
    said["files"][0]["path"] = "../../../evil"
    said.pop("checksum")
    path.write_text(json.dumps(said))
    assert [each.stage for each in pull(other, str(lab))] == ["render"]
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("address", ["nothing://lab", "s4://key:secret@lab/dances?token=secret"])
def test_an_address_that_nothing_reaches_is_said_without_its_secrets(address, store, made):
    with pytest.raises(InputError, match="cannot be reached") as raised:
        push(store, address)
    assert "secret" not in str(raised.value)


def test_secrets_stay_out_of_messages_of_places_that_fail(store, made):
    Faulty.fails_at, Faulty.written = "poses.npz", []
    try:
        with pytest.raises(StoreError) as raised:
            push(store, f"faulty://somebody:secret@lab-{uuid4().hex}/dances")
    finally:
        Faulty.fails_at = None
    assert "secret" not in str(raised.value) and "hung up" in str(raised.value)


def test_the_commands(made, store, other, tmp_path, capsys):
    lab = str(tmp_path / "lab")
    assert main(["artifacts", "push", lab, made[1].digest[:8], "--with-inputs", "--store", str(store.root)]) == 0
    assert capsys.readouterr().out.count(": sent, ") == 2
    assert main(["artifacts", "pull", lab, "--json", "--store", str(other.root)]) == 0
    moved = json.loads(capsys.readouterr().out)["artifacts"]
    assert {frozenset(each) for each in moved} == {frozenset({"stage", "digest", "size", "moved", "kept"})}
    assert {each["stage"] for each in moved} == {"generate-poses", "render"} and all(each["moved"] for each in moved)
    assert main(["artifacts", "pull", lab, "--store", str(other.root)]) == 0
    assert capsys.readouterr().out.count("there already") == 2
    assert main(["artifacts", "pull", str(Path(lab) / "nowhere"), "--store", str(other.root)]) == 0
    assert "nothing to copy" in capsys.readouterr().out
