"""How often is the dancer flung round? The fastest turns and hardest jerks of her dances, beside real dance.

    python benchmarks/steadiness.py [MODEL] --songs DIR [--dataset DIR] [--genres salsa,modern] [--seeds 3] [--json]
    python benchmarks/steadiness.py --dataset DIR --real [--json]

Every song is danced with each seed in each genre (`-`: the one that is chosen for the song), for 30 s by default. Of
each such dance, and of each of the dataset's clips, count the fastest turn of the pelvis and the hardest acceleration
(mean of all joints). Printed is how many go beyond the limits of `dancegen/motion/strain.py`, which quantiles the
frames have, and the seconds of CPU that a second of dance took. MODEL is a directory with a model of the diffusion
family.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harness import command, show, table, timed, use_cores

QUANTILES = (0.5, 0.99, 0.999, 0.9999, 1.0)


def danced(folder: Path, songs: list[Path], genres: list[str], seeds: int, seconds: float) -> tuple[list, float]:
    """The dances of every song, genre and seed, and the seconds of CPU that one second of them took."""
    from dancegen.audio.song import analyse
    from dancegen.choreographers.controls import DanceControls
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer

    dancer, made, cpu_s = DiffusionChoreographer(folder), [], 0.0
    for path in songs:
        song = analyse(path, seconds=seconds)
        for genre in genres:
            print(f"{path.stem}: {genre} ...", file=sys.stderr, flush=True)
            controls = DanceControls(genre=None if genre == "-" else genre)
            with timed() as cost:
                made += [dancer.dance(song, controls, seed=seed) for seed in range(seeds)]
            cpu_s += cost.cpu_s
    return made, cpu_s / sum(motion.seconds for motion in made)


def real(dataset: Path) -> list:
    """The dataset's clips that hold motion in space, each once, on one body and without floor moves."""
    from dancegen.dataset.format import MOTION_FILE, ClipMotion, clip_dir, clip_kind, read_clips
    from dancegen.metrics.motion import FPS
    from dancegen.motion.floor_moves import FloorMoves
    from dancegen.motion.retarget import measure_body, retarget_limbs

    sources = {clip.source: clip for clip in read_clips(dataset) if clip_kind(dataset, clip) == "motion"}
    songs = {source: clip.song for source, clip in sources.items()}
    clips = [clip for clip in read_clips(dataset) if songs.get(clip.source) == clip.song]
    motions = [ClipMotion.load(clip_dir(dataset, clip) / MOTION_FILE).motion.resample(FPS) for clip in clips]
    body = measure_body(motions)
    return [retarget_limbs(motion, body) for motion in motions if not FloorMoves.of(motion).frames.any()]


def figures(motions: list) -> dict[str, Any]:
    """Degrees a second, metres a second squared, and the shares of dances that go beyond the limits."""
    import numpy as np

    from dancegen.motion.strain import FASTEST_TURN, HARDEST_ACCELERATION, acceleration, turning

    motions = [motion for motion in motions if len(motion) > 2]
    turns, jerks = [turning(motion) for motion in motions], [acceleration(motion) for motion in motions]
    return {
        "dances": len(motions),
        "seconds": sum(motion.seconds for motion in motions),
        "turning": np.rad2deg(np.quantile(np.concatenate(turns), QUANTILES)).round(1).tolist(),
        "acceleration": np.quantile(np.concatenate(jerks), QUANTILES).round(1).tolist(),
        "over_turning": sum(bool(turn.max() > FASTEST_TURN) for turn in turns),
        "over_1000_deg_s": sum(bool(np.rad2deg(turn.max()) > 1000) for turn in turns),
        "over_acceleration": sum(bool(jerk.max() > HARDEST_ACCELERATION) for jerk in jerks),
    }


def as_text(rows: dict[str, dict[str, Any]], cpu_s: float | None) -> str:
    parts = []
    for name, unit in (("turning", "degrees/s"), ("acceleration", "m/s^2")):
        cells = [(who, *(f"{value:.0f}" for value in row[name])) for who, row in rows.items()]
        parts.append(table((f"{name}, {unit}", *(f"{100 * q:g} %" for q in QUANTILES)), cells))
    counted = ("dances", "over_turning", "over_1000_deg_s", "over_acceleration")
    cells = [(who, f"{row['seconds']:.0f}", *(row[name] for name in counted)) for who, row in rows.items()]
    parts.append(table(("", "seconds", "dances", "turn too fast", "over 1000 degrees/s", "jerk too hard"), cells))
    return "\n\n".join(parts + ([] if cpu_s is None else [f"{cpu_s:.3f} s of CPU a second of dance"]))


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--songs", type=Path, metavar="DIR")
    parser.add_argument("--dataset", type=Path, metavar="DIR")
    parser.add_argument("--real", action="store_true", help="measure real dance alone")
    parser.add_argument("--genres", default="-", help="names with commas, all, or - for what suits the song")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    if (options.songs is None and not options.real) or (options.real and options.dataset is None):
        parser.error("--songs: a folder of songs to dance to; or --dataset and --real, to measure real dance alone")
    use_cores(options.cores)
    from dancegen.assets import asset
    from dancegen.audio import AUDIO_SUFFIXES
    from dancegen.choreographers.diffusion.model_settings import load_styles

    rows, cpu_s = {}, None
    if not options.real:
        folder = options.model or asset("models/diffusion")
        songs = sorted(path for path in options.songs.iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
        genres = ["-", *load_styles(folder)] if options.genres == "all" else options.genres.split(",")
        made, cpu_s = danced(folder, songs, genres, options.seeds, options.seconds)
        rows["the model's dance"] = figures(made)
    if options.dataset is not None:
        rows["real dance"] = figures(real(options.dataset))
    show({"rows": rows, "cpu_s_per_s": cpu_s}, as_text(rows, cpu_s), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
