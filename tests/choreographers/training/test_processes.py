"""Several processes train one model: in step, each on its own part, with one of them writing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from dancegen.choreographers.training.processes import ALONE, Processes, autocast, join, settled
from dancegen.errors import InputError
from helpers.processes import run_together


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells the threads' names")
def test_no_thread_of_the_group_is_left_to_abort_the_interpreter_on_its_way_out(tmp_path):
    run_together("leave_two_processes", tmp_path)
    for index in range(2):
        during, at_exit = json.loads((tmp_path / f"process-{index}.json").read_text())
        assert during and not at_exit


@pytest.fixture(scope="module", params=["gan", "diffusion"])
def trained(request, tmp_path_factory):
    """The family, the folder, and what each of two processes recorded (see `in_two_processes`)."""
    folder = tmp_path_factory.mktemp(request.param)
    run_together("in_two_processes", request.param, folder)
    return request.param, folder, [torch.load(folder / f"process-{i}.pt", weights_only=True) for i in range(2)]


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        torch.equal(value, other[network][name]) for network in one for name, value in one[network].items()
    )


@pytest.mark.slow
def test_the_processes_have_the_same_weights_at_the_end(trained):
    _, _, (first, second) = trained
    assert first["whole"] and same(first["whole"], second["whole"])


def test_each_learns_from_its_own_part_and_together_they_see_every_clip(trained):
    family, _, (first, second) = trained
    assert len(first["batches"]) == len(second["batches"]) == 5
    for mine, theirs in zip(first["batches"], second["batches"], strict=True):
        assert mine.shape == theirs.shape and not torch.equal(mine, theirs)
    if family == "gan":  # seven clips in batches of four: two steps show them all
        shown = [{*mine, *theirs} for mine, theirs in zip(first["clips"], second["clips"], strict=True)]
        assert shown[0] | shown[1] == {*range(7)} and len(shown[0]) == 4


def test_only_the_first_validates_and_writes(trained):
    _, folder, (first, second) = trained
    assert first["figures"]["score"] >= 0 and second["figures"] == {}
    rows = list(csv.DictReader((folder / "whole" / "history.csv").open()))
    assert [row["step"] for row in rows] == ["2", "4", "5"]


def test_ctrl_c_in_one_process_stops_all_after_the_same_step_and_they_go_on_as_if_there_had_been_none(trained):
    _, folder, records = trained
    for record in records:
        assert record["stopped"] and record["began"] == 3
        assert same(record["whole"], record["again"])
    whole, broken = (list(csv.DictReader((folder / run / "history.csv").open())) for run in ("whole", "broken"))
    for row in (*whole, *broken):
        row.pop("seconds")
    assert whole == broken


def test_the_parts_of_a_batch_are_equal_and_hold_it_all():
    for clips in (1, 4, 5, 7):
        parts = [Processes("cpu", index, 3).part(range(clips)) for index in range(3)]
        assert len({len(part) for part in parts}) == 1 and {clip for part in parts for clip in part} == {*range(clips)}
    assert ALONE.part([3, 1, 2]) == [3, 1, 2]


def test_rows_that_two_processes_left_are_shared_out_among_three():
    rows = torch.arange(8)
    assert torch.cat([Processes("cpu", index, 3).own(rows) for index in range(3)]).tolist() == rows.tolist()


def test_a_launchers_precision_does_not_quietly_replace_the_trainings(monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    with pytest.raises(InputError, match=r"--set train\.precision"):
        join("cpu", "bf16")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert join("cpu", "bf16") == ALONE


def test_auto_is_the_precision_that_the_device_computes_in_and_what_is_asked_for_stays(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    for able, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda able=able: able, raising=False)
        assert settled("auto", "cpu") == expected
        assert settled("bf16", "cpu") == "bf16" and settled("fp32", "cpu") == "fp32"
        assert torch.is_autocast_enabled("cpu") is False
        with autocast("auto", "cpu"):
            assert torch.is_autocast_enabled("cpu") == (expected == "bf16")
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
        if able:
            assert join("cpu", "auto") == ALONE
        else:
            with pytest.raises(InputError, match="bf16"):
                join("cpu", "auto")
    assert settled("auto", "mps") == "fp32"
