"""The shape of what --json prints: scripts rely on these keys, so none may go."""

from __future__ import annotations

import json

import pytest

from dancegen.cli import main
from dancegen.store import Artifact, Input, Recipe, open_store
from helpers.store_examples import Builder

MANIFEST = {
    "schema", "stage", "stage_version", "digest", "content", "params", "inputs", "files", "created", "duration_s",
    "versions", "summary", "checksum",
}  # fmt: skip
LISTED = {
    "stage", "digest", "content", "path", "cached", "duration_s", "summary", "created", "size", "names", "pinned",
    "used_by",
}  # fmt: skip
ORIGIN = {"role", "kind", "name", "digest", "artifact", "from"}
DIFFERENCE = {"kind", "name", "before", "after", "words", "because"}
REMOVED = {"dry_run", "removed", "freed", "busy"}
GONE = {"stage", "digest", "path", "size"}
MADE = {"stage", "digest", "content", "path", "cached", "duration_s", "summary"}


@pytest.fixture
def made(own_store) -> list[Artifact]:
    store = open_store()
    poses = [store.obtain(Recipe("generate-poses", 1, {"seed": seed}), Builder(b"%d" % seed)) for seed in (1, 2)]
    return [*poses, store.obtain(Recipe("render", 1, {}, (Input.artifact("poses", poses[1]),)), Builder(b"film"))]


def said(capsys, *arguments: str, code: int = 0) -> dict:
    assert main(["artifacts", *map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_ls(made, capsys):
    listed = said(capsys, "ls")
    assert set(listed) == {"store", "artifacts"}
    assert {frozenset(each) for each in listed["artifacts"]} == {frozenset(LISTED)}
    assert listed["artifacts"][1]["used_by"] == [made[2].digest]


def test_show(made, capsys, tmp_path):
    shown = said(capsys, "show", made[2].digest)
    assert set(shown) == MANIFEST | {"path", "names", "pinned", "command", "lineage", "used_by"}
    assert set(shown["lineage"][0]) == ORIGIN
    copy = tmp_path / "x.npz"
    copy.write_bytes(made[2].file("poses.npz").read_bytes())
    assert {"digest", "path", "artifact"} <= set(said(capsys, "show", copy))


def test_why(made, capsys):
    for arguments in ((made[0].digest, made[1].digest), ("--stage", "generate-poses")):
        found = said(capsys, "why", *arguments)
        assert set(found) == {"before", "after", "differences"}
        assert set(found["before"]) == set(found["after"]) == {"stage", "digest", "created"}
        (difference,) = found["differences"]
        assert set(difference) == DIFFERENCE and difference["words"] == "seed: 1 before, 2 now"


def test_verify(made, capsys):
    keys = {"store", "quick", "whole", "bytes", "damaged"}
    found = said(capsys, "verify")
    assert set(found) == keys and found["whole"] == 3 and not found["damaged"]
    made[0].file("poses.npz").write_bytes(b"9")
    assert said(capsys, "verify", "--quick")["damaged"] == []
    (damaged,) = said(capsys, "verify", code=1)["damaged"]
    assert set(damaged) == {"path", "kind", "why"} and damaged["kind"] == "Damage"


def test_gc_and_rm(made, capsys):
    freed = said(capsys, "gc", "--keep-last", "0", "--dry-run")
    assert set(freed) == REMOVED | {"swept", "kept", "left"}
    removed = said(capsys, "rm", made[0].digest)
    assert set(removed) == REMOVED and set(removed["removed"][0]) == GONE
    assert removed["removed"][0]["digest"] == made[0].digest


def test_pin_and_unpin(made, capsys):
    for command, state in (("pin", True), ("unpin", False)):
        (marked,) = said(capsys, command, made[0].digest)["artifacts"]
        assert marked == {"stage": "generate-poses", "digest": made[0].digest, "pinned": state, "changed": True}


def test_export_and_import(made, capsys, tmp_path):
    path = tmp_path / "poses.zip"
    assert set(said(capsys, "export", made[0].digest, path)) == GONE
    brought = said(capsys, "import", path, "--store", tmp_path / "other")
    assert set(brought) == MADE and brought["digest"] == made[0].digest and not brought["cached"]
    assert said(capsys, "import", path, "--store", tmp_path / "other")["cached"]
