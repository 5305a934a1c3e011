"""Does a dancer dance the genre that it is asked for? Windows of its dances, held beside real dance of all genres.

    python benchmarks/styles.py [MODEL] --dataset DIR --songs DIR [--seconds 60] [--seed 0] [--json]
    python benchmarks/styles.py --dataset DIR --real [--json]

Each genre is danced to every song. Printed is the share of its windows of three seconds whose nearest real window is of
the genre that was asked for, in kinetic and geometric features, with every dancer on one body and seen from four sides.
The pool is the dataset's training takes, held-out ones left out. The peer is chance: what the dance of a genre drawn at
random scores. Then the same of real dance: held-out takes, and each training performance without itself; where that is
low, genres look alike, and a dancer that scores more is near to the very takes. --real: of real dance alone.

MODEL is a bundled model's name, a path or a digest; DIR a dataset of `dancegen prepare`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import command, show, table, use_cores

if TYPE_CHECKING:
    from dancegen.metrics.genres import GenreWindows

HELD_OUT = ("val", "test")
TITLES = {
    "danced": "the model's dance", "held_out": "real dance, held out",
    "left_out_in_turn": "real dance, left out in turn",
}  # fmt: skip


def danced_windows(folder: Path, songs: list[Path], seconds: float, seed: int, genres: list[str]) -> GenreWindows:
    """The windows of every genre's dance to every song."""
    from dancegen.audio.song import analyse
    from dancegen.choreographers import DanceControls
    from dancegen.choreographers.diffusion.choreographer import DiffusionChoreographer
    from dancegen.metrics.genres import GenreWindows, window_features

    dancer, parts = DiffusionChoreographer(folder), []
    for path in songs:
        song = analyse(path, seconds=seconds)
        for genre in genres:
            print(f"{path.stem}: {genre} ...", file=sys.stderr, flush=True)
            motion = dancer.dance(song, DanceControls(genre=genre), seed=seed)
            parts.append((genre, path.stem, window_features(motion.motion())))
    return GenreWindows.joined(parts)


def measured(dataset: Path, folder: Path | None, songs: list[Path], seconds: float, seed: int) -> dict[str, Any]:
    """Confusions of the model's dance and of real dance, and the number of windows behind each."""
    from dancegen.choreographers.diffusion.model import load_body
    from dancegen.choreographers.diffusion.model_settings import load_styles
    from dancegen.dataset.format import read_clips
    from dancegen.metrics.genres import GenreMeasure, body_of_dataset, real_windows

    body = load_body(folder) if folder else body_of_dataset(dataset)
    real = real_windows(dataset, body)
    measure = GenreMeasure(real)
    found: dict[str, Any] = {
        "pool_windows": _counts(real),
        "left_out_in_turn": measure.confusion(real, without_own=True),
    }
    if any(clip.split in HELD_OUT for clip in read_clips(dataset)):
        held_out = real_windows(dataset, body, HELD_OUT)
        found |= {"held_out": measure.confusion(held_out), "held_out_windows": _counts(held_out)}
    if folder is not None:
        asked = [style for style in load_styles(folder) if style in measure.genres]
        dances = danced_windows(folder, songs, seconds, seed, asked)
        found |= {"danced": measure.confusion(dances), "danced_windows": _counts(dances)}
    return found


def _counts(windows: GenreWindows) -> dict[str, int]:
    return {genre: int((windows.genres == genre).sum()) for genre in sorted(set(windows.genres.tolist()))}


def as_text(found: Mapping[str, Any]) -> str:
    """A table of shares a genre, then the confusions."""
    from dancegen.metrics.genres import ENOUGH, chance

    pool = found["pool_windows"]
    shown = {name: title for name, title in TITLES.items() if name in found}
    main = next(iter(shown))
    rows: list[tuple[object, ...]] = []
    for genre, count in pool.items():
        shares = [found[name].get(genre, {}).get(genre) for name in shown]
        rows.append((genre, *_cells(shares, chance(found[main], genre)), count))
    rows.append(("mean", *_cells([_mean(found[name]) for name in shown], 1 / len(pool)), sum(pool.values())))
    parts = [table(("nearest to its genre", *shown.values(), "chance", "ratio", "real windows"), rows)]
    for name, title in shown.items():
        cells = [(genre, *(_share(row[other]) for other in pool)) for genre, row in found[name].items()]
        parts.append(f"{title}: nearest to\n\n{table(('asked for' if name == 'danced' else 'is', *pool), cells)}")
    low = [genre for genre, row in found[main].items() if row.get(genre, 0.0) < ENOUGH]
    said = f"under {ENOUGH:.0%} in {', '.join(low)}" if low else f"{ENOUGH:.0%} or more in each"
    return "\n\n".join([*parts, f"{shown[main]}: {said}"])


def _cells(shares: list[float | None], by_chance: float) -> list[str]:
    first = shares[0]
    ratio = "-" if first is None or not by_chance else f"{first / by_chance:.1f}"
    return [*map(_share, shares), _share(by_chance), ratio]


def _mean(confusion: Mapping[str, Mapping[str, float]]) -> float:
    return sum(row.get(genre, 0.0) for genre, row in confusion.items()) / max(1, len(confusion))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def main() -> int:
    parser = command(__doc__)
    parser.add_argument("model", nargs="?", default="diffusion")
    parser.add_argument("--dataset", required=True, metavar="DIR")
    parser.add_argument("--songs", type=Path, metavar="DIR")
    parser.add_argument("--real", action="store_true", help="measure real dance alone")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.real and options.songs is None:
        parser.error("--songs: a folder of songs to dance to; or --real, to measure real dance alone")
    use_cores(options.cores, ask=False)
    from dancegen.audio import AUDIO_SUFFIXES
    from dancegen.choreographers import find_model
    from dancegen.errors import DancegenError
    from dancegen.store import open_store

    store = open_store()
    try:
        folder = None if options.real else find_model(options.model, store)
        given = Path(options.dataset)
        dataset = given if given.is_dir() else store.find(options.dataset, "prepare").path
        songs = [] if options.real else sorted(p for p in options.songs.iterdir() if p.suffix.lower() in AUDIO_SUFFIXES)
        found = measured(dataset, folder, songs, options.seconds, options.seed)
    except DancegenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    show({"model": None if options.real else options.model, **found}, as_text(found), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
