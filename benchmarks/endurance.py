"""Whether a dance of ten minutes goes on as it began: its ninth minute beside its first, for each bundled model.

    python benchmarks/endurance.py [SONG ...] [--models gan diffusion] [--minutes 10] [--json]

The peer of a dance's late minute is its own first one. Each song (by default the bundled one) is repeated, one minute
of it or less, until it is long enough: so both minutes are danced to the same music, and what differs is the dancer. Of
dances in joint space it also says how near to the edge of their floor they come, and by how much any limb changes its
length. And for all: how much faster than real time the choreography alone comes, with the memory that it takes beside
the model. Needs Linux or macOS.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness import command, in_fresh_process, peak_mb, show, table, timed, use_cores

FIGURES = (
    "speed_median", "accel_mean", "freeze_ratio", "limb_p99_max", "skating", "variety", "bas_music", "bas_shifted",
    "footfall", "footfall_shifted", "missing",
)  # fmt: skip
MINUTE_S = 60.0
FPS = 30.0


def endless(song, seconds: float):
    """The features of a song that is repeated for so many seconds, its beats and all.

    The part that is repeated lasts a whole number of beats, and a minute at most.
    """
    import numpy as np

    from dancegen.audio.beats import Beats

    beats = song.beats.times_s
    inside = beats[beats <= min(song.seconds, MINUTE_S)]
    first, last = (inside[0], inside[-1]) if len(inside) > 1 else (0.0, min(song.seconds, MINUTE_S))
    span = slice(round(first * song.frame_rate), round(last * song.frame_rate))
    period = (span.stop - span.start) / song.frame_rate
    rounds = int(np.ceil(seconds / period))
    times = np.concatenate([inside[:-1] - first + turn * period for turn in range(rounds)])
    times = times[times < seconds]
    frames = round(seconds * song.frame_rate)
    return replace(
        song,
        mel=np.concatenate([song.mel[span]] * rounds)[:frames],
        onset=np.concatenate([song.onset[span]] * rounds)[:frames],
        beats=Beats(times, song.beats.tempo_bpm, np.ones(len(times), np.float32)),
        seconds=seconds,
    )


def minute(poses, beats, number: int) -> dict[str, float]:
    """The figures of one minute of a dance, the first being number 1."""
    from dancegen.metrics.dance import Dance, measure

    begin = (number - 1) * MINUTE_S
    piece = poses.slice(round(begin * FPS), round((begin + MINUTE_S) * FPS))
    inside = beats[(beats >= begin) & (beats < begin + MINUTE_S)] - begin
    found = measure(Dance.of(replace(piece, start_s=0.0), inside))
    return {name: found[name] for name in FIGURES}


def of_the_body(motion, floor: tuple[float, float]) -> dict[str, float]:
    """How far the root comes, as a share of the way to the edge of the floor, and how much any limb changes."""
    import numpy as np

    from dancegen.motion.body import PARENTS

    at = np.abs(motion.root[:, (0, 2)]) / (np.array(floor) / 2)
    children = [joint for joint, parent in enumerate(PARENTS) if parent >= 0]
    limbs = motion.positions[:, children] - motion.positions[:, [PARENTS[joint] for joint in children]]
    lengths = np.linalg.norm(limbs, axis=-1)
    return {
        "farthest": float(at.max()),
        "limb_change": float((np.ptp(lengths, axis=0) / lengths.mean(0)).max()),
    }


def endure(model: str, path: Path | str, minutes: float) -> dict:
    """Everything about one model and one song."""
    from dancegen.audio.song import analyse
    from dancegen.choreographers import (
        BodyChoreographer,
        DanceControls,
        choreograph,
        filmed,
        find_model,
        load_choreographer,
    )
    from dancegen.pose.sequence import PoseSequence
    from dancegen.store import open_store

    dancer = load_choreographer(find_model(model, open_store()), "cpu")
    path = Path(path)
    features = endless(analyse(path), minutes * MINUTE_S)
    before, body = peak_mb(), {}
    with timed() as cost:
        if isinstance(dancer, BodyChoreographer):
            motion, pieces = dancer.dance(features), []
        else:
            motion, pieces = None, list(choreograph(dancer, features, fps=FPS))
    if motion is not None:
        body = of_the_body(motion, DanceControls().floor)
        pieces = list(filmed(motion, features, "front", fps=FPS))
    poses = PoseSequence.concatenate(pieces)
    late = max(2, int(minutes) - 1)
    beats = features.beats.times_s
    return {
        "model": model, "song": path.stem, "minutes": minutes, "late": late,
        "first_minute": minute(poses, beats, 1), "late_minute": minute(poses, beats, late),
        **body, "times_real_time": features.seconds / cost.wall_s, "memory_mb": peak_mb() - before,
    }  # fmt: skip


def of_model(rows: list[dict], model: str) -> list[dict]:
    return [row for row in rows if row["model"] == model]


def pooled(model: str, rows: list[dict]) -> dict:
    """The means of a model's rows; of what must not happen in any of them, the worst."""

    def mean(values) -> float:
        values = list(values)
        return sum(values) / len(values)

    worst = {name: max(row[name] for row in rows) for name in ("farthest", "limb_change") if name in rows[0]}
    minutes = {
        which: {name: mean(row[which][name] for row in rows) for name in FIGURES}
        for which in ("first_minute", "late_minute")
    }
    means = {name: mean(row[name] for row in rows) for name in ("times_real_time", "memory_mb")}
    return rows[0] | {"model": model, "song": "all songs"} | worst | minutes | means


def as_text(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        lines.append(f"{row['model']}, {row['song']}, {row['minutes']:g} minutes")
        pairs = ((name, row["first_minute"][name], row["late_minute"][name]) for name in FIGURES)
        cells = [
            (name, f"{first:.3f}", f"{late:.3f}", f"{late / first:.2f}" if abs(first) > 1e-3 else "-")
            for name, first, late in pairs
        ]
        lines.append(table(("", "minute 1", f"minute {row['late']}", "ratio"), cells))
        if "farthest" in row:
            inside = "inside" if row["farthest"] <= 1 else "OUTSIDE"
            lines.append(f"root: {row['farthest']:.2f} of the way to the edge of the floor at most, {inside}")
            lines.append(f"limbs: {100 * row['limb_change']:.4f} % longer or shorter at most")
        lines.append(f"{row['times_real_time']:.1f} times real time, {row['memory_mb']:.0f} MB beside the model\n")
    return "\n".join(lines)


def main() -> None:
    parser = command(__doc__)
    parser.add_argument("songs", nargs="*", type=Path, metavar="SONG")
    parser.add_argument("--models", nargs="+", default=["gan", "diffusion"])
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    if options.minutes < 2:
        parser.error("--minutes: two at least, one to begin with and one to compare")
    use_cores(options.cores)
    from dancegen.assets import asset

    songs = options.songs or [asset("demo.ogg")]
    rows = [in_fresh_process(endure, model, song, options.minutes) for model in options.models for song in songs]
    rows += [pooled(model, found) for model in options.models if len(found := of_model(rows, model)) > 1]
    show({"rows": rows}, as_text(rows), as_json=options.json)


if __name__ == "__main__":
    main()
