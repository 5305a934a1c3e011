"""How long it takes to evaluate poses, models aside.

    python benchmarks/evaluate.py [--seconds 300] [--dances 5] [--cores 2] [--json]

Measures synthetic dances of so many seconds in all against the bundled reference: every figure, the Frechet distances,
and the report with its pictures, plots and videos: what `dancegen evaluate` adds to making the dances. The peer is
controlnet-aux, which draws every pose of these dances once, at 512 pixels.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from itertools import count
from pathlib import Path

from harness import Compared, command, compare, drawn_by_controlnet_aux, show, synthetic_dance, table, use_cores

PEER = "controlnet-aux draws each pose"
FPS = 30.0


def write_dance(directory: Path, seconds: float) -> Path:
    """A pose file with its beats beside it."""
    import numpy as np

    from dancegen.audio.beats import Beats

    directory.mkdir()
    synthetic_dance(seconds, FPS).save(directory / "poses.npz")
    beats = np.arange(0.5, seconds, 0.5)
    Beats(beats, 120.0, np.ones(len(beats), np.float32)).save(directory / "beats.json")
    return directory / "poses.npz"


def measure(seconds: float, dances: int, rounds: int) -> dict[str, Compared]:
    """Evaluating so many dances of so many seconds in all, beside the peer."""
    from dancegen import evaluate

    with tempfile.TemporaryDirectory() as folder:
        paths = [write_dance(Path(folder) / f"dance{number}", seconds / dances) for number in range(dances)]
        keypoints, stores = synthetic_dance(seconds, FPS).keypoints, count()

        def draw_all() -> None:
            for _ in drawn_by_controlnet_aux(keypoints, (512, 512)):
                pass

        works = {PEER: draw_all, "evaluate": lambda: evaluate(paths, store=Path(folder) / f"store{next(stores)}")}
        return compare(works, peer=PEER, rounds=rounds)


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--dances", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2, help="after one that pays for the imports")
    options = parser.parse_args()
    use_cores(options.cores)
    found = measure(options.seconds, options.dances, options.rounds)
    rows = [
        (name, f"{row.wall_s:.2f} s", f"{row.cpu_s:.2f} s", f"{row.ratio:.2f}", f"{row.median_ratio:.2f}")
        for name, row in found.items()
    ]
    titles = (
        f"{options.seconds:g} s of poses in {options.dances} dances", "wall", "CPU", "ratio, least", "ratio, median",
    )  # fmt: skip
    show({name: asdict(row) for name, row in found.items()}, table(titles, rows), as_json=options.json)


if __name__ == "__main__":
    main()
