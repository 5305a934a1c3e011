"""Putting the store in order: what is refused says why, and what to do."""

from __future__ import annotations

import os

import pytest

from dancegen.cli import main
from dancegen.store import Artifact, Input, Recipe, open_store
from helpers.store_examples import Builder


@pytest.fixture
def made(own_store) -> list[Artifact]:
    """A dataset, a model that was trained with it, and poses of neither; all long unused."""
    store = open_store()
    dataset = store.obtain(Recipe("prepare", 1), Builder(b"dataset"))
    model = store.obtain(Recipe("train", 1, {}, (Input.artifact("dataset", dataset),)), Builder(b"model"))
    poses = store.obtain(Recipe("generate-poses", 1), Builder())
    for each in (dataset, model, poses):
        os.utime(each.path, (1e9, 1e9))
    return [dataset, model, poses]


def left() -> list[str]:
    return sorted(each.stage for each in open_store().artifacts())


def test_rm_refuses_what_others_were_made_from_unless_told(made, capsys):
    assert main(["artifacts", "rm", made[0].digest]) == 2
    err = capsys.readouterr().err
    assert f"train/{made[1].digest[:16]} was made from prepare/{made[0].digest[:16]}" in err
    assert "--with-dependents" in err and len(left()) == 3
    assert main(["artifacts", "rm", made[0].digest, "--with-dependents", "--dry-run"]) == 0
    assert "would remove 2 artifacts" in capsys.readouterr().out and len(left()) == 3
    assert main(["artifacts", "rm", made[0].digest, "--with-dependents"]) == 0
    assert left() == ["generate-poses"]


def test_rm_by_force_leaves_what_was_made_from_it(made):
    assert main(["artifacts", "rm", made[0].digest, "--force"]) == 0
    assert left() == ["generate-poses", "train"]


def test_rm_refuses_what_is_pinned(made, capsys):
    assert main(["artifacts", "pin", made[2].digest]) == 0
    assert main(["artifacts", "rm", made[2].digest]) == 2
    assert "unpin it first" in capsys.readouterr().err
    assert main(["artifacts", "unpin", made[2].digest]) == 0
    assert main(["artifacts", "rm", made[2].digest]) == 0


def test_rm_of_what_a_process_holds_is_done_in_part(made, capsys):
    with open_store().places.lock(made[2].stage, made[2].digest).hold("it"):
        assert main(["artifacts", "rm", made[2].digest, made[1].digest]) == 3
    assert "in use" in capsys.readouterr().err and left() == ["generate-poses", "prepare"]


def test_rm_leaves_what_is_not_in_the_store_alone(made, capsys, tmp_path):
    copy = made[2].path.rename(tmp_path / "mine")
    assert main(["artifacts", "rm", str(copy)]) == 2
    assert "only what is there can be changed" in capsys.readouterr().err and copy.exists()


def test_gc_says_what_it_freed_and_what_stays(made, capsys):
    assert main(["artifacts", "gc", "--older-than", "30d", "--dry-run"]) == 0
    assert "would free" in capsys.readouterr().out and len(left()) == 3
    assert main(["artifacts", "pin", made[1].digest]) == 0
    capsys.readouterr()
    assert main(["artifacts", "gc", "--older-than", "30d"]) == 0
    out = capsys.readouterr().out
    assert "freed 7 B: 1 artifact" in out and "pinned or named: 1" in out and "needed by what is kept: 1" in out
    assert left() == ["prepare", "train"]


def test_gc_without_rules_removes_no_result_and_says_how_to(made, capsys):
    assert main(["artifacts", "gc"]) == 0
    assert "--older-than 30d" in capsys.readouterr().out and len(left()) == 3


@pytest.mark.parametrize(
    "arguments", [["--older-than", "soon"], ["--max-size", "much"], ["--max-size", "5 parsecs"], ["--keep-last", "-1"]]
)
def test_gc_refuses_amounts_that_are_none(made, arguments):
    assert main(["artifacts", "gc", *arguments]) == 2
    assert len(left()) == 3


def test_why_needs_two_or_a_stage(made, capsys):
    for arguments in ([], [made[0].digest], [made[0].digest, made[1].digest, "--stage", "train"]):
        assert main(["artifacts", "why", *arguments]) == 2
        assert "why A B" in capsys.readouterr().err


def test_verify_names_the_damaged_one_and_what_happens_with_it(made, capsys):
    made[0].file("poses.npz").write_bytes(b"DATASET")
    assert main(["artifacts", "verify"]) == 1
    out = capsys.readouterr().out
    assert "poses.npz is not the file that was made" in out and "made again when it is asked for" in out
    assert main(["artifacts", "verify", made[1].digest]) == 0
