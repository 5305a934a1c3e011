"""How much of a model's figures is chance: the same songs danced with several seeds.

    python benchmarks/seeds.py [MODEL] --songs DIR [--seeds 4] [--seconds 60] [--json]

One row a seed, and their mean and standard deviation; `off` is a quarter of a beat off. Each row is what `dancegen
evaluate MODEL --songs DIR --seconds 60 --seed N` says. Frechet distances come out too large with few songs.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

COLUMNS = {
    "speed": "speed_median", "accel": "accel_mean", "freeze": "freeze_ratio", "missing": "missing",
    "limb": "limb_p99_max", "skating": "skating", "variety": "variety", "copying": "copying", "beat": "bas_music",
    "off": "bas_shifted", "step": "footfall", "off ": "footfall_shifted", "FID k": "fid_k",
    "FID g": "fid_g",
}  # fmt: skip
MARGINS = {"beat margin": ("bas_music", "bas_shifted"), "step margin": ("footfall", "footfall_shifted")}


def row(model: str, songs: Path, seconds: float, seed: int) -> dict[str, float]:
    """The figures of one seed, by their names in metrics.json, and the margins over the control."""
    import dancegen

    made = dancegen.evaluate(model, songs=songs, seconds=seconds, seed=seed)
    record = json.loads(made.file("metrics.json").read_text())
    name = record["dances"][0]["row"]
    found = next(one for one in record["rows"] if one["name"] == name)
    figures = {key: float("nan") if found[key] is None else found[key] for key in COLUMNS.values()}
    return figures | {name: figures[ours] - figures[control] for name, (ours, control) in MARGINS.items()}


def as_text(rows: list[dict[str, float]]) -> str:
    names = COLUMNS | {name: name for name in MARGINS}
    lines = [" ".join(["seed".ljust(5), *(name.strip().rjust(11) for name in names)])]
    table = {str(seed): one for seed, one in enumerate(rows)}
    table["mean"] = {key: float(np.mean([one[key] for one in rows])) for key in rows[0]}
    if len(rows) > 1:
        table["sd"] = {key: float(np.std([one[key] for one in rows], ddof=1)) for key in rows[0]}
    lines += [
        " ".join([name.ljust(5), *(f"{one[key]:11.3f}" for key in names.values())]) for name, one in table.items()
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="gan")
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: one at least")
    from dancegen.errors import DancegenError
    from dancegen.metrics.dance import rounded

    rows = []
    try:
        for seed in range(options.seeds):
            print(f"{options.model} dances with seed {seed} ...", file=sys.stderr, flush=True)
            rows.append(row(options.model, options.songs, options.seconds, seed))
    except DancegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    found = {"model": options.model, "rows": [rounded(one) for one in rows]}
    print(json.dumps(found, indent=1) if options.json else as_text(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
