"""`accelerate launch -m dancegen train`: two processes make one artifact, and an interrupted run goes on."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys

import pytest

from dancegen.store import open_store
from helpers.processes import environment, free_port
from helpers.tiny_gan import SETTINGS, pose_dataset


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = open_store(tmp_path_factory.mktemp("store"))
    pose_dataset(made)
    return made


def launch(*arguments: object) -> subprocess.Popen:
    """`dancegen` with these arguments in two processes, in a process group of their own as a shell gives them one."""
    launcher = ["accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", free_port()]
    return subprocess.Popen(
        [sys.executable, "-m", *launcher, "-m", "dancegen", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=environment(),
    )  # fmt: skip


@pytest.mark.slow
def test_two_processes_make_one_model_and_go_on_after_ctrl_c(store):
    settings = [text for name in (*SETTINGS, "train.validate_every=3") for text in ("--set", name)]
    command = [
        "train",
        "--family",
        "gan",
        "--max-steps",
        "9",
        "--device",
        "cpu",
        "--store",
        store.root,
        "--json",
        *settings,
    ]
    process = launch(*command)
    for line in process.stderr:
        if line.startswith("step 3:"):
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to the launcher and to both processes
    out, err = process.communicate(timeout=900)
    assert process.returncode != 0 and out == "" and err.count("run again to go on") == 1, err
    assert "unexpected" not in err, err
    assert list((store.root / ".scratch").glob("train/*/checkpoint.pt"))
    again = launch(*command)
    out, err = again.communicate(timeout=900)
    assert again.returncode == 0, err
    assert err.count("continuing from step") == 1 and err.count("step 9:") == 1, err
    made = store.find(json.loads(out)["path"])
    assert [int(row["step"]) for row in csv.DictReader(made.file("history.csv").open())] == [3, 6, 9]
    assert not list((store.root / ".scratch").glob("train/*")) and not list(store.root.glob("train/.making-*"))
