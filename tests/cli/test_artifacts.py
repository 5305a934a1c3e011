"""Looking into the store: artifacts ls and show."""

from __future__ import annotations

import json

import pytest

from dancegen.cli import main
from dancegen.store import Artifact, Input, Recipe, open_store


@pytest.fixture
def made(own_store) -> list[Artifact]:
    def build(directory):
        (directory / "poses.npz").write_bytes(b"x" * 1500)
        return {"frames": 300, "drift": 0.01234567}

    store = open_store()
    first = store.obtain(Recipe("generate-poses", 1, {"seed": 7}, (Input.weights("model", "gan", "1"),)), build)
    return [first, store.obtain(Recipe("render", 1, {}, (Input.artifact("poses", first),)), build)]


def test_ls_lists_every_artifact_for_people(made, capsys):
    assert main(["artifacts", "ls"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["STAGE", "DIGEST"] and len(lines) == 3
    assert lines[1].startswith("generate-poses") and made[0].digest[:16] in lines[1] and "1.5 kB" in lines[1]
    assert lines[2].startswith("render") and made[1].digest[:16] in lines[2]


def test_ls_can_be_narrowed_to_a_stage(made, capsys):
    assert main(["artifacts", "ls", "--stage", "render", "--quiet"]) == 0
    assert capsys.readouterr().out == f"{made[1].path}\n"


def test_ls_as_json_is_one_object(made, own_store, capsys):
    assert main(["artifacts", "ls", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["store"] == str(own_store)
    assert [item["digest"] for item in listed["artifacts"]] == [artifact.digest for artifact in made]
    assert listed["artifacts"][0]["size"] == 1500 and listed["artifacts"][0]["summary"]["frames"] == 300


def test_ls_of_an_empty_store_says_what_to_do(capsys, own_store):
    assert main(["artifacts", "ls"]) == 0
    assert "dancegen dance demo" in capsys.readouterr().out
    assert main(["artifacts", "ls", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["artifacts"] == []
    assert not own_store.exists()


def test_ls_warns_of_damage_and_lists_the_rest(made, capsys):
    made[0].file("poses.npz").write_bytes(b"short")
    assert main(["artifacts", "ls", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [item["stage"] for item in json.loads(out)["artifacts"]] == ["render"]
    assert "poses.npz has 5 bytes instead of 1500" in err


def test_show_tells_what_made_an_artifact_and_what_it_holds(made, capsys):
    assert main(["artifacts", "show", made[0].digest[:6]]) == 0
    out = capsys.readouterr().out
    for part in (made[0].digest, made[0].content, str(made[0].path), "gan@1", "seed", "7", "poses.npz", "0.01235"):
        assert part in out


def test_show_as_json_is_the_manifest_and_the_path(made, capsys):
    assert main(["artifacts", "show", str(made[1].path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.pop("path") == str(made[1].path)
    assert shown == json.loads((made[1].path / "manifest.json").read_text())
    assert shown["inputs"][0]["digest"] == made[0].content
