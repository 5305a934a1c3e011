"""Programs that tests start: the command, Python, several processes of one training; and waiting for what they do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, in which `dancegen` and `helpers` can be imported."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = os.pathsep.join(dict.fromkeys([str(REPOSITORY), str(REPOSITORY / "tests"), *given]))
    return {**os.environ, "PYTHONPATH": paths, **more}


def start_python(*arguments: object, **more: str) -> subprocess.Popen[str]:
    """Python with these arguments, started; `more` are environment variables."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**more),
    )


def run_python(*arguments: object, timeout: float = 120, **more: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, run to its end."""
    process = start_python(*arguments, **more)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(*arguments: object, **more: str) -> subprocess.Popen[str]:
    """`dancegen` with these arguments, started."""
    return start_python("-m", "dancegen", *arguments, **more)


def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """`dancegen` with these arguments, run to its end."""
    return run_python("-m", "dancegen", *arguments, **more)


def run_together(module: str, *arguments: object, count: int = 2) -> None:
    """A module of `helpers` in so many processes, as a launcher of distributed training starts them."""
    shared = {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
    }
    started = [
        start_python("-m", f"helpers.{module}", *arguments, **shared, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in range(count)
    ]
    said = [process.communicate(timeout=900) for process in started]
    assert [process.returncode for process in started] == [0] * count, said


def free_port() -> str:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], object],
    what: str,
    *,
    process: subprocess.Popen[str] | None = None,
    seconds: float = 60.0,
    every: float = 0.01,
) -> None:
    """Wait for something that another process does; fails when `process` ends before, or after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, (what, process.communicate())
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(every)
