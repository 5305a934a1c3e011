"""Processes that publish and are killed at random moments: run by the tests as a program of its own.

`killed_publisher.py ROOT WAY SEED COUNT` starts COUNT processes one after the other, kills each, looks at the store,
and prints one JSON line for each of them. Half are killed by the clock from outside, half by themselves just before one
of their calls that change the disk, each of them in turn: that reaches also moments too short for a clock.

WAY: "new" publishes another artifact each time, "force" replaces one; "two steps" does the same on a system that cannot
exchange two names.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from dancegen.store import Artifact, Recipe, Store, exchange, open_store

STAGE = "generate-poses"
CHANGES = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime")
"""Calls that change the disk, as Python's audit hooks name them."""
FILES = ("poses.npz", "beats.json", "clips/a/audio.flac")


def main(root: str, way: str, seed: str, count: str) -> None:
    if way == "two steps":
        exchange._system_call = lambda: None
    chance, store = random.Random(int(seed)), open_store(root)
    publish(store, recipe(way, -2), -2, way)
    calls, seconds = undisturbed(store, way)
    moments = chance.sample(range(1, calls + 1), calls)
    before = -1 if way != "new" else None
    for number in range(int(count)):
        kill = {"after_calls": moments[number // 2 % calls]} if number % 2 else {"after_s": chance.uniform(0, seconds)}
        killed = run_and_kill(store, way, number, **kill)
        found = look(store, recipe(way, number))
        print(json.dumps({**kill, "killed": killed, "before": before, "number": number, "found": found}), flush=True)
        before = None if way == "new" else found


def recipe(way: str, number: int) -> Recipe:
    return Recipe(STAGE, 1, {"number": number if way == "new" else 0})


def publish(store: Store, wanted: Recipe, number: int, way: str, watch: Callable[[str], None] | None = None) -> None:
    """watch: told of every call that changes the disk from the beginning of the build on; before, it is not yet known
    how many there will be, since what earlier ones left is swept first."""

    def build(directory: Path) -> dict:
        if watch is not None:
            sys.addaudithook(lambda event, _: watch(event) if event in CHANGES else None)
        for name in FILES:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_bytes(name.encode() * 100 + str(number).encode())
        return {"number": number}

    store.obtain(wanted, build, force=way != "new")


def undisturbed(store: Store, way: str) -> tuple[int, float]:
    """How many calls one publishing takes that change the disk, and how many seconds."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        called: list[str] = []
        started = time.monotonic()
        publish(store, recipe(way, -1), -1, way, called.append)
        os.write(writer, json.dumps([len(called), time.monotonic() - started]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    calls, seconds = json.loads(os.read(reader, 1000))
    return calls, seconds


def run_and_kill(store: Store, way: str, number: int, after_calls: int = 0, after_s: float = 0.0) -> bool:
    """Whether the process was killed before it had ended by itself."""
    child = os.fork()
    if child == 0:
        called: list[str] = []

        def watch(event: str) -> None:
            called.append(event)
            if len(called) == after_calls:
                os.kill(os.getpid(), signal.SIGKILL)

        publish(store, recipe(way, number), number, way, watch)
        os._exit(0)
    if not after_calls:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def look(store: Store, wanted: Recipe) -> int | str | None:
    """The number that the recipe's artifact was made with, None where there is none; what is wrong, in words."""
    if wrong := store.unusable():
        return f"unusable: {wrong}"
    whole = [Artifact.read(artifact.path, thorough=True) for artifact in store.artifacts()]
    newest = store.newest(STAGE).digest
    for artifact in whole:  # the next look has less to read
        if artifact.digest != newest:
            shutil.rmtree(artifact.path)
    return next((artifact.summary["number"] for artifact in whole if artifact.digest == wanted.digest), None)


if __name__ == "__main__":
    main(*sys.argv[1:])
