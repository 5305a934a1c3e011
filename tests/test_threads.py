"""Threads: as many as a calibration finds best, asleep while they wait, and the same dance on any number of them."""

from __future__ import annotations

import os
import pathlib
import time

import numpy as np
import pytest
import torch

from dancegen import threads
from dancegen.assets import asset
from dancegen.audio.song import analyse
from dancegen.choreographers import BUNDLED, choreograph, load_choreographer
from dancegen.pose.sequence import PoseSequence
from dancegen.threads import AGAIN_S, ASKED, ThreadTuner, tune, usable_cores
from helpers.processes import run_python

BESIDE_OTHERS = """
import os, subprocess, sys, time
from dancegen.threads import tune, usable_cores, wait_asleep

wait_asleep()
import torch

busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(usable_cores())]
try:
    layers = [torch.nn.Linear(256, 256) for _ in range(8)]
    network, given, spent = torch.nn.Sequential(*layers), torch.randn(300, 256), []
    for tuned in (False, True):
        if tuned:
            tune(network)
        else:
            usual = torch.get_num_threads()
            torch.set_num_threads(1)
        began = time.process_time()
        with torch.inference_mode():
            for _ in range(150):
                network(given)
        spent.append(time.process_time() - began)
        torch.set_num_threads(usual)
finally:
    for each in busy:
        each.kill()
print(spent[1] / spent[0])
"""


@pytest.fixture
def four(monkeypatch):
    """Torch has four threads, as on a machine of four cores, and nobody asked for another number."""
    monkeypatch.delenv(ASKED, raising=False)
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def used(tuner: ThreadTuner, pieces: int, seconds) -> list[int]:
    """On how many threads each piece was done; seconds: how long one takes on so many."""
    found = []
    for _ in range(pieces):
        with tuner.piece():
            found.append(torch.get_num_threads())
            time.sleep(seconds(found[-1]))
        assert torch.get_num_threads() == 4
    return found


def test_work_that_can_be_shared_gets_all_threads_and_other_work_one(four):
    assert used(ThreadTuner(), 10, lambda count: 0.08 / count) == [1, 1, 1, 2, 2, 2, 4, 4, 4, 4]
    assert used(ThreadTuner(), 8, lambda count: 0.02 * count) == [1, 1, 1, 2, 2, 2, 1, 1]
    assert used(ThreadTuner(), 8, lambda count: 0.02) == [1, 1, 1, 2, 2, 2, 1, 1]  # a second core for nothing
    assert max(used(ThreadTuner(most=2), 8, lambda count: 0.08 / count)) == 2


def test_it_looks_again_since_neighbours_come_and_go(four, monkeypatch):
    tuner = ThreadTuner()
    assert used(tuner, 7, lambda count: 0.02 * count)[-1] == tuner.best == 1
    now_s = time.perf_counter
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now_s() + 2 * AGAIN_S)
    assert used(tuner, 10, lambda count: 0.08 / count)[-1] == 4


def test_what_the_user_asks_for_is_taken(four, monkeypatch):
    monkeypatch.setenv(ASKED, "4")
    assert used(ThreadTuner(), 8, lambda count: 0) == [4] * 8
    assert used(ThreadTuner(most=2), 3, lambda count: 0) == [2] * 3  # but for what would be another dance


def test_an_error_in_a_piece_leaves_the_threads_as_they_were(four):
    tuner = ThreadTuner()
    with pytest.raises(ValueError), tuner.piece():
        raise ValueError
    assert torch.get_num_threads() == 4


def test_a_network_is_tuned_for_each_shape_that_it_is_given_and_computes_the_same(four):
    layer, plain = torch.nn.Linear(64, 64), torch.nn.Linear(64, 64)
    plain.load_state_dict(layer.state_dict())
    tune(layer)
    for rows in (1, 700, 1, 700) * 6:
        given = torch.randn(rows, 64)
        assert torch.equal(layer(input=given), plain(given))
        assert torch.get_num_threads() == 4
    with pytest.raises(RuntimeError):
        layer(torch.randn(3, 5))
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize("name", BUNDLED)
def test_a_dance_does_not_depend_on_the_number_of_threads(name, four, monkeypatch):
    """Bit for bit: on one thread, on all that there are, and while the best number is looked for."""
    song = analyse(asset("demo.ogg"), seconds=1.5)

    def danced(count: int | None) -> np.ndarray:
        torch.set_num_threads(count or 4)
        if count is None:
            monkeypatch.delenv(ASKED)
        else:
            monkeypatch.setenv(ASKED, str(count))
        dancer = load_choreographer(asset(f"models/{name}"), "cpu")
        return PoseSequence.concatenate(choreograph(dancer, song, seed=3)).keypoints

    one, *others = (danced(count) for count in (1, 4, None))
    assert all(np.array_equal(each, one) for each in others)


def test_beside_busy_programs_a_small_network_costs_at_most_twice_what_it_costs_on_one_thread():
    """By CPU time; threads that spin while they wait spend several times as much."""
    unset = [name for name in (ASKED, "OMP_WAIT_POLICY", "KMP_BLOCKTIME") if name in os.environ]
    code = "import os\n" + "".join(f"del os.environ[{name!r}]\n" for name in unset) + BESIDE_OTHERS
    ran = run_python("-c", code)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout) < 2


def test_cores_are_those_that_the_process_is_bound_to_and_that_its_container_allows(monkeypatch, tmp_path):
    if hasattr(os, "sched_setaffinity"):
        bound = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
        ran = run_python("-c", f"{bound}; from dancegen.threads import usable_cores; print(usable_cores())")
        assert ran.stdout == "1\n", ran.stderr
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(threads, "_QUOTA", tmp_path / "cpu.max")
    found = []
    for said in ("max 100000\n", "250000 100000\n", "50000 100000\n", "damaged"):
        (tmp_path / "cpu.max").write_text(said)
        found.append(usable_cores())
    assert found == [8, 3, 1, 8]


def test_threads_are_told_to_sleep_before_torch_is_loaded_unless_the_user_says_otherwise():
    """By the command itself, as the environment of what it starts shows it."""
    code = (
        "import os, sys, dancegen\n"
        "try:\n    dancegen.generate_poses('missing.wav')\nexcept Exception: pass\n"
        "print('torch' in sys.modules, os.environ['OMP_WAIT_POLICY'], os.environ['KMP_BLOCKTIME'])"
    )
    assert run_python("-c", code, KMP_BLOCKTIME="7").stdout == "False PASSIVE 7\n"


def test_whoever_counts_cores_counts_those_that_it_may_use():
    """Workers of stages, of trainings and a decoder's threads: bound to one core, nobody starts more."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no way to bind a process here")
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); os.cpu_count = lambda: 64\n"
        "from dancegen.choreographers.training.loading import workers\n"
        "from dancegen.options.shared import Parallel\n"
        "from dancegen.stages.workers import hired\n"
        "with hired(Parallel()) as number: print(workers(), number)"
    )
    ran = run_python("-c", code)
    assert ran.stdout == "1 1\n", ran.stderr
    package = pathlib.Path(threads.__file__).parent
    found = [path.name for path in package.rglob("*.py") if "os.cpu_count" in path.read_text(encoding="utf-8")]
    assert found == ["threads.py"]
