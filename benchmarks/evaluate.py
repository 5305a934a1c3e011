"""How long it takes to evaluate poses, models aside.

    python benchmarks/evaluate.py [--seconds 300] [--dances 5] [--cores 2]

Measures synthetic dances of so many seconds in all against the bundled reference: every figure, the Frechet distances,
and the report with its pictures, plots and videos: what `dancegen evaluate` adds to making the dances.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from render_skeleton import synthetic_dance

from dancegen.audio.beats import Beats


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--dances", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2, help="how many cores to use, where the system can limit them")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            write_dance(Path(folder) / f"dance{i}", options.seconds / options.dances) for i in range(options.dances)
        ]
        from dancegen.stages.evaluate import evaluate

        wall, cpu = time.perf_counter(), time.process_time()
        evaluate(paths, store=Path(folder) / "store")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{options.seconds:g} s of poses in {options.dances} dances: {wall:.2f} s, {cpu:.2f} s of CPU time")


def write_dance(directory: Path, seconds: float) -> Path:
    """A pose file with its beats beside it."""
    directory.mkdir()
    synthetic_dance(seconds, 30.0).save(directory / "poses.npz")
    beats = np.arange(0.5, seconds, 0.5)
    Beats(beats, 120.0, np.ones(len(beats), np.float32)).save(directory / "beats.json")
    return directory / "poses.npz"


if __name__ == "__main__":
    main()
