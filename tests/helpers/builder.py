"""A process that asks the store for one artifact: run by the tests as a program of its own.

`builder.py ROOT COUNTER GATE [force]` appends a line to COUNTER each time it really builds, does not finish before the
file GATE is there, and prints what it got as JSON; what it says on the way goes to stderr.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from dancegen.progress import Silent
from dancegen.store import Input, Recipe, open_store

RECIPE = Recipe("generate-poses", 1, {"seed": 7}, (Input.weights("model", "gan", "1"),))


class Stderr(Silent):
    def say(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)

    warn = say


def main(root: str, counter: str, gate: str, force: str = "") -> None:
    store = open_store(root)

    def build(directory: Path) -> dict:
        with open(counter, "a") as file:
            file.write("built\n")
        (directory / "poses.npz").write_bytes(b"half")
        kept = store.scratch(RECIPE) / "state"
        resumed = kept.exists()
        kept.write_text("so far")
        for _ in range(3000):  # a minute at most, should the test have died
            if Path(gate).exists():
                break
            time.sleep(0.02)
        (directory / "poses.npz").write_bytes(b"half and half")
        return {"resumed": resumed}

    artifact = store.obtain(RECIPE, build, force=bool(force), progress=Stderr())
    print(json.dumps({"cached": artifact.cached, "content": artifact.content, **artifact.summary}))


if __name__ == "__main__":
    main(*sys.argv[1:])
