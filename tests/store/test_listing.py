"""What a list says is what lies there, however it came to lie there."""

from __future__ import annotations

import json
import os
import time

import pytest

from dancegen.store import Artifact, Input, Recipe
from dancegen.store.listing import listed_of
from helpers.store_examples import Builder, recipe


@pytest.fixture
def later(monkeypatch):
    """The clock moved on, so that manifests just written are remembered."""
    real = time.time, time.time_ns
    monkeypatch.setattr(time, "time", lambda: real[0]() + 10)
    monkeypatch.setattr(time, "time_ns", lambda: real[1]() + 10**10)


@pytest.fixture
def read(monkeypatch) -> list[str]:
    """The directories whose manifests were really read."""
    names: list[str] = []
    real = Artifact.read.__func__

    def counted(cls, directory, **more):
        names.append(directory.name)
        return real(cls, directory, **more)

    monkeypatch.setattr(Artifact, "read", classmethod(counted))
    return names


def test_it_says_what_the_manifests_say_the_first_time_and_from_memory(store, later, read):
    made = [store.obtain(recipe(seed=seed), Builder()) for seed in range(3)]
    expected = tuple(listed_of(artifact) for artifact in made)
    read.clear()
    assert store.listing().artifacts == expected and len(read) == 3
    assert store.listing().artifacts == expected and len(read) == 3
    assert store.listing().artifacts[0].summary == {"frames": 300}
    assert store.listing("train").artifacts == ()


def test_what_changed_behind_it_is_read_again(store, later, read):
    made = store.obtain(recipe(), Builder())
    store.listing(), read.clear()
    path = made.path / "manifest.json"
    said, date = json.loads(path.read_text()), path.stat()
    del said["checksum"]
    said["created"] = "1" + said["created"][1:]
    path.chmod(0o644)
    path.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
    os.utime(path, ns=(date.st_atime_ns, date.st_mtime_ns))
    assert store.listing().artifacts[0].created == said["created"] and len(read) == 1


@pytest.mark.parametrize("harm", ["shorten", "delete", "link", "manifest", "no manifest"])
def test_what_is_damaged_is_named_from_memory_as_well(store, later, harm, tmp_path):
    made = store.obtain(recipe(), Builder())
    assert len(store.listing().artifacts) == 1
    file = made.file("poses.npz")
    if harm == "shorten":
        file.write_bytes(b"x")
    elif harm == "manifest":
        (made.path / "manifest.json").write_text("{")
    elif harm == "no manifest":
        (made.path / "manifest.json").unlink()
    else:
        file.unlink()
    if harm == "link":
        (tmp_path / "same").write_bytes(b"poses")
        file.symlink_to(tmp_path / "same")
    listing = store.listing()
    assert listing.artifacts == () and [path for path, _ in listing.unusable] == [made.path]


def test_who_uses_what_goes_by_content(store):
    twins = [store.obtain(recipe(seed=seed), Builder()) for seed in (1, 2)]  # two recipes, one content
    other = store.obtain(recipe(seed=3), Builder(b"other"))
    user = store.obtain(Recipe("render", 1, {}, (Input.artifact("poses", twins[0]),)), Builder(b"film"))
    listing = store.listing()
    assert [each.digest for each in listing.users[twins[1].content]] == [user.digest]
    assert other.content not in listing.users
    assert listing.source(user.inputs[0]).digest == twins[0].digest
    renamed = Input("poses", "artifact", "generate-poses/0000000000000000", twins[0].content)
    assert listing.source(renamed).digest == twins[1].digest
    assert listing.source(Input("song", "file", "a.mp3", other.content)) is None
