"""How much of a model's figures is chance: the same songs danced with several seeds.

    python benchmarks/seeds.py [MODEL] --songs DIR [--seeds 4] [--seconds 60] [--json]

One row a seed, their mean and standard deviation, and the mean as a ratio to the peer: real dance, as the same
evaluations have it. `off` is a quarter of a beat off. Each row is what `dancegen evaluate MODEL --songs DIR
--seconds 60 --seed N` says. Frechet distances come out too large with few songs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness import command, show, table, use_cores

COLUMNS = {
    "speed": "speed_median", "accel": "accel_mean", "freeze": "freeze_ratio", "missing": "missing",
    "limb": "limb_p99_max", "skating": "skating", "variety": "variety", "copying": "copying", "beat": "bas_music",
    "off": "bas_shifted", "step": "footfall", "off ": "footfall_shifted", "FID k": "fid_k",
    "FID g": "fid_g",
}  # fmt: skip
MARGINS = {"beat margin": ("bas_music", "bas_shifted"), "step margin": ("footfall", "footfall_shifted")}


def evaluate_seed(model: str, songs: Path, seconds: float, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """The figures of one seed, and of real dance, by their names in metrics.json, with the margins over the control."""
    import dancegen
    from dancegen.metrics.reference import REAL

    made = dancegen.evaluate(model, songs=songs, seconds=seconds, seed=seed)
    record = json.loads(made.file("metrics.json").read_text())
    rows = {row["name"]: row for row in record["rows"]}
    return _figures(rows[record["dances"][0]["row"]]), _figures(rows[REAL])


def _figures(row: dict) -> dict[str, float]:
    figures = {key: float("nan") if row.get(key) is None else row[key] for key in COLUMNS.values()}
    return figures | {name: figures[ours] - figures[control] for name, (ours, control) in MARGINS.items()}


def as_text(rows: list[dict[str, float]], real: dict[str, float]) -> str:
    import numpy as np

    names = COLUMNS | {name: name for name in MARGINS}
    lines = {str(seed): one for seed, one in enumerate(rows)}
    means = lines["mean"] = {key: float(np.mean([one[key] for one in rows])) for key in real}
    if len(rows) > 1:
        lines["sd"] = {key: float(np.std([one[key] for one in rows], ddof=1)) for key in real}
    lines["real"] = real
    lines["ratio"] = {key: means[key] / real[key] if real[key] else float("nan") for key in real}
    cells = [(name, *(_cell(one[key]) for key in names.values())) for name, one in lines.items()]
    return table(("seed", *(name.strip() for name in names)), cells)


def _cell(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"  # only what is not a number differs from itself


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("model", nargs="?", default="gan")
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: one at least")
    use_cores(options.cores)
    from dancegen.errors import DancegenError
    from dancegen.metrics.dance import rounded

    rows, real = [], {}
    try:
        for seed in range(options.seeds):
            print(f"{options.model} dances with seed {seed} ...", file=sys.stderr, flush=True)
            figures, real = evaluate_seed(options.model, options.songs, options.seconds, seed)
            rows.append(figures)
    except DancegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    found = {"model": options.model, "rows": [rounded(one) for one in rows], "real_dance": rounded(real)}
    show(found, as_text(rows, real), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
