"""Run in each of two processes: learn together for a step; leave how many threads the group has then, and at exit.

Argument: the folder for `process-0.json`, `process-1.json`.
"""

from __future__ import annotations

import atexit
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import torch

from dancegen.choreographers.training.processes import join

FOLDER, COUNTS = Path(sys.argv[1]), []


def threads() -> int:
    count = 0
    for path in Path("/proc/self/task").glob("*/comm"):
        with suppress(OSError):  # a thread may end while its name is read
            count += path.read_text().startswith(("gloo", "pt_gloo"))
    return count


@atexit.register  # the first that is registered is the last that is called
def leave() -> None:
    until = time.monotonic() + 20  # the system may still list for a moment what has ended
    while threads() and time.monotonic() < until:
        time.sleep(0.01)
    (FOLDER / f"process-{processes.index}.json").write_text(json.dumps([*COUNTS, threads()]))


processes = join("cpu", "fp32")
network = torch.nn.Linear(3, 3)
optimiser = torch.optim.Adam(network.parameters())
network(torch.ones(3)).sum().backward()
processes.average([weight.grad for weight in network.parameters()])
optimiser.step()
COUNTS.append(threads())
