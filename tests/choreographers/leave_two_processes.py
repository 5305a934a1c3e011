"""Run in each of two processes: learn together for a step; leave how many threads the group has then, and at exit.

Argument: the folder for `process-0.json`, `process-1.json`.
"""

from __future__ import annotations

import atexit
import json
import sys
from pathlib import Path

import torch

from dancegen.choreographers.training.processes import join

FOLDER, COUNTS = Path(sys.argv[1]), []


def threads() -> int:
    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return sum(name.startswith(("gloo", "pt_gloo")) for name in names)


@atexit.register  # the first that is registered is the last that is called
def leave() -> None:
    (FOLDER / f"process-{processes.index}.json").write_text(json.dumps([*COUNTS, threads()]))


processes = join("cpu", "fp32")
network = torch.nn.Linear(3, 3)
optimiser = torch.optim.Adam(network.parameters())
network(torch.ones(3)).sum().backward()
processes.average([weight.grad for weight in network.parameters()])
optimiser.step()
COUNTS.append(threads())
