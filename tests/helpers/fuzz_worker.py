"""A process that reads damaged files of one format, one after the other, and reports those that it is not ready for.

    python -m helpers.fuzz_worker readers FORMAT FIRST LAST FOLDER
    python -m helpers.fuzz_worker commands FORMAT FIRST LAST FOLDER

Seeds FIRST to LAST - 1. `readers`: what a command reads the file with, all in one process, because importing and
making the whole files takes longer than reading hundreds of broken ones. `commands`: the command line itself, each in
a process forked off this one. The seed at hand stands in FOLDER/seed, for whoever finds this process dead. Writes one
line of JSON a fault, and at the end one that counts what became of the files.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from random import Random

CPU_S, DEADLY_CPU_S = 2.0, 8
MEMORY = 500_000_000


def work(how: str, name: str, first: int, last: int, folder: Path) -> None:
    """Read files of a format, damaged by each of these seeds."""
    from helpers.fuzz_formats import FORMATS

    warnings.simplefilter("ignore")
    form = FORMATS[name]
    whole, case = folder / "whole", folder / "case"
    whole.mkdir(parents=True, exist_ok=True)
    case.mkdir(exist_ok=True)
    made = form.make(whole)
    files = {path.name: path.read_bytes() for path in made}
    if how == "readers":
        form.read(made[0])  # the whole file is good, and what reading it imports is not counted
    else:
        os.environ["DANCEGEN_STORE"] = str(folder / "store")
        for module in ("torch", "scipy.signal", "scipy.spatial.transform", "soundfile", "av", "cv2"):
            import_module(module)  # what every fork would import again
        usual = {command: run(command, made[0], folder / "said") for command in form.commands}
        assert all(each.code == 0 for each in usual.values()), usual
    counted: Counter[str] = Counter()
    for seed in range(first, last):
        (folder / "seed").write_text(str(seed))
        for each, data in form.broken(files, Random(f"{name} {seed}")).items():
            (case / each).write_bytes(data)
        if how == "readers":
            outcome, fault = read_one(form.read, case / made[0].name)
        else:
            command = form.commands[seed % len(form.commands)]
            outcome, fault = command_one(command, case / made[0].name, folder / "said", usual[command])
        counted[outcome] += 1
        if fault:
            print(json.dumps({"seed": seed, "fault": fault}), flush=True)
    print(json.dumps({"counted": counted}), flush=True)


def read_one(read: Callable[[Path], object], path: Path) -> tuple[str, str | None]:
    """What became of a file ("read" or "refused"), and what was wrong with that."""
    from dancegen.errors import DancegenError

    # What goes on for ever is ended from outside: no reader is to be trusted to let Python's own handlers run.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    gc.collect(0)
    before = peak()
    signal.setitimer(signal.ITIMER_PROF, DEADLY_CPU_S)
    start, outcome, fault = time.process_time(), "read", None
    try:
        read(path)
    except DancegenError as error:
        outcome = "refused"
        if error.exit_code not in (2, 3):
            fault = f"exit code {error.exit_code}: {error}"
        elif path.name not in str(error) and str(path.parent) not in str(error):
            fault = f"names no file: {error}"
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome, fault = "unexpected", f"unexpected {type(error).__name__}: {str(error)[:200]} ({where})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    spent, taken = time.process_time() - start, peak() - before
    if taken > MEMORY // 5:  # so that the next one is measured from what is held, and most need no reset, which is slow
        reset_peak()
    return outcome, fault or too_much(spent, taken)


@dataclass(frozen=True)
class Ran:
    """How a command ended: its exit code, seconds of CPU, bytes of memory beyond ours, and its words."""

    code: int
    cpu_s: float
    memory: int
    words: str


def command_one(command: str, path: Path, said: Path, usual: Ran) -> tuple[str, str | None]:
    """The exit code of a command that was given a file, and what was wrong with that.

    usual: how it ended with a whole file. Beyond that, a damaged one is to cost little.
    """
    ran = run(command, path, said)
    fault = too_much(ran.cpu_s - usual.cpu_s, ran.memory - usual.memory)
    if ran.code not in (0, 2, 3):
        fault = f"exit code {ran.code}"
    for word in ("unexpected", "Traceback"):
        fault = fault or (f"says {word!r}" if word in ran.words else None)
    return f"exit {ran.code}", f"{command}: {fault}: {ran.words[-300:]}" if fault else None


def run(command: str, path: Path, said: Path) -> Ran:
    """A command line in a process of its own."""
    arguments = [word.format(file=path, folder=path.parent) for word in command.split()]
    held = reset_peak()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (120, 120))
        code = 70
        try:
            from dancegen.cli import main

            code = main(arguments)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    cpu_s, memory = used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 - held
    return Ran(os.waitstatus_to_exitcode(status), cpu_s, memory, said.read_text(errors="replace"))


def too_much(cpu_s: float, memory: int) -> str | None:
    if cpu_s > CPU_S:
        return f"took {cpu_s:.1f} s of CPU"
    return f"took {memory / 1e6:.0f} MB" if memory > MEMORY else None


def reset_peak() -> int:
    """Forget the most memory that this process has held; returns what it holds now, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most memory that this process has held, in bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    work(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
