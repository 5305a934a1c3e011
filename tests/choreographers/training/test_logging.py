"""What a training tells of itself, and to whom."""

from __future__ import annotations

import csv
import sys
from importlib.util import find_spec

import pytest

from dancegen.choreographers.training.logging import RUN_ID, TrainingLog, check_wandb, mean_losses
from dancegen.errors import InputError
from dancegen.progress import Silent

WANDB = find_spec("wandb") is not None and find_spec("wandb").origin is not None


class Listener(Silent):
    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


def rows(folder):
    return list(csv.DictReader((folder / "history.csv").open()))


def test_without_tensorboard_it_says_so_once_and_the_figures_are_kept_all_the_same(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("torch.utils.tensorboard", "tensorboard"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not installed
    listener = Listener()
    history = TrainingLog(tmp_path, progress=listener)
    history.open()
    for step in (1, 2):
        history.add({"step": step, "score": 0.5})
    history.close()
    assert len(listener.said) == 1 and "pip install 'dancegen[tensorboard]'" in listener.said[0]
    assert [row["step"] for row in rows(tmp_path)] == ["1", "2"] and not (tmp_path / "events").exists()


def test_a_history_that_an_older_version_began_keeps_its_columns(tmp_path):
    (tmp_path / "history.csv").write_text("step,score\n1,0.5\n")
    TrainingLog(tmp_path).add({"step": 2, "skipped": 0, "score": 0.25})
    assert rows(tmp_path) == [{"step": "1", "score": "0.5"}, {"step": "2", "score": "0.25"}]


def test_losses_that_some_steps_lack_are_means_of_those_that_have_them():
    means = mean_losses([{"a": 1.0}, {}, {"a": 3.0, "b": 4.0}], ["a", "b", "c"])
    assert means["a"] == 2.0 and means["b"] == 4.0 and means["c"] != means["c"]


@pytest.mark.skipif(WANDB, reason="Weights & Biases is installed")
def test_a_project_without_weights_and_biases_is_refused_with_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "wandb").mkdir()  # what its runs leave in the working directory is not the package
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match=r"--wandb dancers.*pip install 'dancegen\[wandb\]'"):
        check_wandb("dancers")
    check_wandb(None)


@pytest.mark.skipif(not WANDB, reason="Weights & Biases is not installed")
def test_weights_and_biases_gets_the_figures_and_a_broken_run_goes_on_there(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    check_wandb("dancers")
    names = []
    for step in (1, 2):
        history = TrainingLog(tmp_path, wandb="dancers", settings={"train": {"batch": 4}})
        history.open()
        history.add({"step": step, "score": 0.5})
        history.close()
        names.append((tmp_path / RUN_ID).read_text())
    assert names[0] == names[1]
    logs = list(tmp_path.glob(f"wandb/offline-run-*-{names[0].strip()}/*.wandb"))
    assert logs and all(b"score" in log.read_bytes() for log in logs)
