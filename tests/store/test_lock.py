"""Several processes, and processes that die: real ones."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from helpers.processes import run_python, start_python, wait_until
from helpers.store_examples import Builder, recipe


@pytest.fixture
def start(tmp_path):
    """Starts builder.py, which finishes once `open_gate` was called; what is left of it is ended with the test."""
    started: list[subprocess.Popen] = []

    def run(force: bool = False) -> subprocess.Popen:
        places = [tmp_path / name for name in ("store", "counter", "gate")]
        process = start_python("-m", "helpers.builder", *places, *(["force"] if force else []))
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def at_work(root: Path) -> list[Path]:
    return list((root / "store").glob("*/.making-*"))


def open_gate(root: Path) -> None:
    (root / "gate").touch()


def half_written(root: Path) -> bool:
    return any((path / "poses.npz").exists() for path in at_work(root)) and bool(
        list((root / "store").glob(".scratch/*/*/state"))
    )


def finished(process: subprocess.Popen) -> tuple[dict, str]:
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return json.loads(out), err


def built(root: Path) -> int:
    return len((root / "counter").read_text().splitlines())


def test_two_processes_that_ask_for_one_artifact_compute_it_once(tmp_path, start):
    first = start()
    wait_until(lambda: half_written(tmp_path), "the first process builds")
    second = start()
    said = second.stderr.readline()
    open_gate(tmp_path)
    (one, _), (other, _) = finished(first), finished(second)
    assert built(tmp_path) == 1
    assert (one["cached"], other["cached"]) == (False, True)
    assert one["content"] == other["content"]
    assert f"waiting for process {first.pid} on " in said and "builder.py" in said


def test_several_started_at_once_compute_it_once(tmp_path, start):
    open_gate(tmp_path)
    results = [finished(process)[0] for process in [start() for _ in range(4)]]
    assert built(tmp_path) == 1
    assert sorted(result["cached"] for result in results) == [False, True, True, True]


def test_a_killed_run_leaves_no_half_artifact_and_the_next_one_works(tmp_path, start):
    victim = start()
    wait_until(lambda: half_written(tmp_path), "the victim is half way")
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=10)
    assert [path for path in (tmp_path / "store" / "generate-poses").iterdir() if path.name[0] != "."] == []
    assert at_work(tmp_path)

    open_gate(tmp_path)
    result, said = finished(start())
    assert result["cached"] is False and built(tmp_path) == 2
    assert result["resumed"] is True, "what the victim kept in its scratch directory is there"
    assert "waiting" not in said
    assert at_work(tmp_path) == []
    assert not list((tmp_path / "store").glob(".scratch/*/*"))


def test_a_waiter_takes_over_when_the_one_it_waits_for_is_killed(tmp_path, start):
    victim = start()
    wait_until(lambda: half_written(tmp_path), "the victim is half way")
    waiter = start()
    wait_until(lambda: "waiting for process" in waiter.stderr.readline(), "the waiter waits")
    victim.send_signal(signal.SIGKILL)
    open_gate(tmp_path)
    result, _ = finished(waiter)
    assert result["cached"] is False and built(tmp_path) == 2


def test_a_forced_run_killed_half_way_leaves_the_old_artifact(tmp_path, start):
    open_gate(tmp_path)
    whole, _ = finished(start())
    (tmp_path / "gate").unlink()
    victim = start(force=True)
    wait_until(lambda: half_written(tmp_path), "the victim is half way")
    victim.send_signal(signal.SIGKILL)
    victim.wait(timeout=10)
    again, _ = finished(start())
    assert again["cached"] is True and again["content"] == whole["content"]


def test_leftovers_of_other_artifacts_are_swept_unless_somebody_is_at_work_there(tmp_path, start):
    from dancegen.store import open_store

    worker = start()
    wait_until(lambda: half_written(tmp_path), "the worker builds")
    died = run_python("-c", "from dancegen.store.process import unique; print(unique())").stdout.strip()
    dead = tmp_path / "store" / "generate-poses" / f".making-{'ab' * 8}-{died}"
    dead.mkdir()
    (dead / "half").write_text("half")
    open_store(tmp_path / "store").obtain(recipe(seed=99), Builder())
    assert not dead.exists()
    assert len(at_work(tmp_path)) == 1, "the living one's directory stays"
    open_gate(tmp_path)
    assert finished(worker)[0]["cached"] is False


def test_an_interrupted_run_tidies_up_after_itself(tmp_path, start):
    process = start()
    wait_until(lambda: half_written(tmp_path), "it is half way")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode != 0
    assert at_work(tmp_path) == []
