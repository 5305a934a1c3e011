"""The figures that a dancer in joint space has to reach: every song in every genre, beside held-out real dance.

    python benchmarks/quality.py [MODEL] --songs DIR [--reference FILE] [--genres salsa,modern] [--seconds 60]
        [--no-retime] [--json]

One row a genre, and one of all dances together, whose Frechet distances are pooled: one dance a song and genre, with
the default settings, seen from the front. The peer is real dance of the reference, as `dancegen evaluate` shows it.
`off` is a quarter of a beat off. Distances of few windows come out too large, so the rows of single genres have none.
MODEL is a directory with a model of the diffusion family; the bundled one by default.
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness import command, show, table, timed, use_cores

COLUMNS = {
    "speed": "speed_median", "accel": "accel_mean", "freeze": "freeze_ratio", "skating": "skating",
    "variety": "variety", "copying": "copying", "beat": "bas_music", "off": "bas_shifted", "step": "footfall",
    "off ": "footfall_shifted", "lead": "footfall_lead", "FID k": "fid_k", "FID g": "fid_g",
}  # fmt: skip


def dances(folder: Path, songs: list[Path], genres: list[str], seconds: float, seed: int, *, retime: bool = True):
    """Each genre's dances as the metrics see them, with the seconds of CPU that one second of dance took."""
    from dancegen.audio.song import analyse
    from dancegen.choreographers.controls import DanceControls
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
    from dancegen.metrics.dance import Dance
    from dancegen.motion.cameras import project

    dancer = DiffusionChoreographer(folder)
    made: dict[str, list[Dance]] = {}
    danced = 0.0
    with timed() as cost:
        for path in songs:
            song = analyse(path, seconds=seconds)
            for genre in genres:
                print(f"{path.stem}: {genre} ...", file=sys.stderr, flush=True)
                motion = dancer.dance(song, DanceControls(genre=genre, retime=retime), seed=seed)
                made.setdefault(genre, []).append(Dance.of(project(motion.motion(), 0.0), song.beats.times_s))
                danced += motion.seconds
    return made, cost.cpu_s / danced


def figures(made: list, reference, *, pooled: bool) -> dict[str, float]:
    """The mean figures of dances, with copying, and with distances where they are pooled."""
    import numpy as np

    from dancegen.metrics.dance import Windows, average, distances, measure
    from dancegen.metrics.repetition import copying, nearest_training, repetition_windows

    asked = np.concatenate([repetition_windows(dance.positions) for dance in made])
    found = average([measure(dance) for dance in made])
    found["copying"] = copying(nearest_training(asked, reference.repertoire.windows()))
    if pooled:
        found |= distances(Windows.of(made), reference.kinetic, reference.geometric)
    return found


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--songs", type=Path, required=True, metavar="DIR")
    parser.add_argument("--reference", type=Path, metavar="FILE")
    parser.add_argument("--genres", default="", help="names with commas; all by default")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-retime", action="store_true", help="leave steps when they come")
    options = parser.parse_args()
    use_cores(options.cores, ask=False)
    from dancegen.assets import asset
    from dancegen.choreographers.diffusion.model_settings import load_styles
    from dancegen.metrics.dance import rounded
    from dancegen.metrics.reference import REAL, Reference

    folder = options.model or asset("models/diffusion")
    reference = Reference.load(options.reference or asset("reference.npz"))
    genres = options.genres.split(",") if options.genres else list(load_styles(folder))
    songs = sorted(path for path in options.songs.iterdir() if path.suffix in (".ogg", ".wav", ".flac", ".mp3"))
    made, cpu_s = dances(folder, songs, genres, options.seconds, options.seed, retime=not options.no_retime)
    rows = {genre: figures(own, reference, pooled=False) for genre, own in made.items()}
    rows["all"] = figures([dance for own in made.values() for dance in own], reference, pooled=True)
    rows[REAL] = reference.rows[REAL]
    cells = [(name, *(_cell(row.get(key)) for key in COLUMNS.values())) for name, row in rows.items()]
    found = {"rows": {name: rounded(row) for name, row in rows.items()}, "cpu_s_per_s": cpu_s}
    text = table(("genre", *(name.strip() for name in COLUMNS)), cells)
    show(found, f"{text}\n\n{cpu_s:.3f} s of CPU a second of dance", as_json=options.json)
    return 0


def _cell(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
