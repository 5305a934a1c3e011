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


def test_show_as_json_is_the_manifest_and_what_the_store_knows(made, capsys):
    assert main(["artifacts", "show", str(made[1].path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["path"] == str(made[1].path)
    manifest = json.loads((made[1].path / "manifest.json").read_text())
    assert {key: shown[key] for key in manifest} == manifest
    assert shown["lineage"][0]["artifact"] == made[0].digest


def test_ls_names_the_stages_there_are_and_shows_what_was_made_from_what(made, capsys):
    assert main(["artifacts", "ls", "--stage", "foo"]) == 2
    assert "there are generate-poses, render" in capsys.readouterr().err
    assert main(["artifacts", "ls", "--stage", "train"]) == 0
    assert "nothing fits" in capsys.readouterr().out
    assert main(["artifacts", "ls"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[-1] == "render"


def test_ls_is_filtered_and_sorted(made, capsys):
    open_store().marks.give("summer-tour", made[0].stage, made[0].digest)
    open_store().marks.pin(made[1].stage, made[1].digest)
    for arguments, expected in (
        (["--name", "TOUR"], made[:1]),
        (["--pinned"], made[1:]),
        (["--older-than", "1d"], []),
        (["--older-than", "0d", "--sort", "size"], made),
        (["--sort", "stage"], made),
    ):
        assert main(["artifacts", "ls", "--quiet", *arguments]) == 0
        assert capsys.readouterr().out.split() == [str(each.path) for each in expected], arguments
    assert main(["artifacts", "ls", "--older-than", "long"]) == 2
    assert "like 30d" in capsys.readouterr().err


def test_what_the_commands_print_fits_sixty_columns(made, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    store = open_store()
    store.marks.give("a-name-of-forty-eight-letters-that-is-quite-long", made[0].stage, made[0].digest)
    for name in ("b", "c"):
        store.obtain(Recipe("evaluate", 1, {"n": name}, (Input.artifact("poses", made[0]),)), lambda d: (
            d / "x").write_bytes(b"x") and None)  # fmt: skip
    first, second = made[0].digest, made[1].digest
    for line in (["ls"], ["show", second], ["why", first, second], ["verify"], ["gc", "--dry-run", "--keep-last", "1"],
                 ["rm", second, "--dry-run"], ["pin", first], ["unpin", first]):  # fmt: skip
        assert main(["artifacts", *line]) == 0, line
        out = capsys.readouterr().out
        assert out and all(len(each) <= 60 or len(each.split()) == 1 for each in out.splitlines()), out


def test_a_copied_file_is_found_in_the_store_by_its_bytes(made, capsys, tmp_path):
    copy = tmp_path / "mine.npz"
    copy.write_bytes(made[0].file("poses.npz").read_bytes())
    assert main(["artifacts", "show", str(copy), "--quiet"]) == 0
    assert capsys.readouterr().out.strip() in {each.digest for each in made}
    copy.write_bytes(b"edited")
    assert main(["artifacts", "show", str(copy)]) == 2
    assert "it is not dancegen's, or it was changed since" in capsys.readouterr().err
