"""Whose a temporary file is, and whether its process lives."""

from __future__ import annotations

import re
import signal

import pytest

from dancegen.store import process
from dancegen.store.process import owner_lives, unique
from helpers.processes import run_python, start_python, wait_until

PRINT = "from dancegen.store.process import unique; print(unique(), flush=True)"
WAIT = "; import time; time.sleep(60)"


@pytest.fixture
def other():
    """Another process and the name that it took."""
    started = start_python("-c", PRINT + WAIT)
    yield started, started.stdout.readline().strip()
    started.kill()
    started.communicate()


def test_names_are_never_the_same():
    assert len({unique() for _ in range(1000)}) == 1000


def test_this_process_lives():
    assert owner_lives(f".making-{'ab' * 8}-{unique()}") is True


def test_another_process_lives_until_it_is_killed(other):
    started, name = other
    assert owner_lives(name) is True
    started.send_signal(signal.SIGKILL)
    # Dead as soon as it has ended, also before anybody took note of that.
    wait_until(lambda: owner_lives(name) is False, "the killed process counts as dead", seconds=10)


def test_a_process_that_has_ended_does_not_live():
    assert owner_lives(run_python("-c", PRINT).stdout.strip()) is False


def test_an_id_that_was_given_again_is_another_process(other):
    _, name = other
    earlier = re.sub(r"-(\d+)-([0-9a-f]{8})$", lambda found: f"-{int(found[1]) - 1}-{found[2]}", name)
    assert earlier != name and owner_lives(earlier) is False


def test_of_another_machine_nobody_can_tell(other, monkeypatch):
    _, name = other
    process._machine.cache_clear()
    monkeypatch.setattr(process.socket, "gethostname", lambda: "elsewhere")
    assert owner_lives(name) is None
    process._machine.cache_clear()


@pytest.mark.parametrize("name", ["", "x", ".making-abababababababab-0123456789ab", "a-b-c-d", ".tmp-"])
def test_of_other_names_nobody_can_tell(name):
    assert owner_lives(name) is None


def test_a_fork_is_a_process_of_its_own():
    code = (
        "import os; from dancegen.store.process import unique; a = unique(); "
        "r, w = os.pipe(); pid = os.fork(); "
        "(os.write(w, unique().encode()), os._exit(0)) if pid == 0 else None; os.waitpid(pid, 0); "
        "print(a.split('-')[1], os.read(r, 200).decode().split('-')[1])"
    )
    one, other = run_python("-c", code).stdout.split()
    assert one != other


def test_the_ways_of_other_systems_agree(monkeypatch, other):
    """macOS asks ps, which Linux has, too."""
    started, _ = other
    monkeypatch.setattr(process.sys, "platform", "darwin")
    try:
        first = process._ask_start(started.pid)
    except FileNotFoundError:
        pytest.skip("no ps here")
    assert first is not None and first == process._ask_start(started.pid)
    started.kill()
    wait_until(lambda: process._ask_start(started.pid) is None, "ps shows it no more", seconds=10)
