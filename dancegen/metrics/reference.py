"""Real dance, measured: what everything else is compared with.

A reference is a small .npz of statistics: of the features of real windows, a sample of them to draw, and the figures of
held-out real dance and of the baselines; and the training dances' poses, rounded, to look for copies of them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.audio.beats import Beats
from dancegen.dataset.format import Clip, clip_dir, clip_views, poses_path, read_clips
from dancegen.errors import InputError, reading
from dancegen.files import load_arrays
from dancegen.metrics.dance import Dance, Figures, Windows, average, distances, measure, rounded
from dancegen.metrics.features import GEOMETRIC, KINETIC, WINDOW_S, FeatureStatistics, frechet_distance
from dancegen.metrics.motion import FPS
from dancegen.metrics.repetition import Repertoire, copying, nearest_training, repetition_windows, variety
from dancegen.pose.sequence import PoseSequence
from dancegen.progress import SILENT, Progress

REAL = "real dance"
LONG_S = 20.0
"""Takes as long as this say how varied real dance is: what is short has little to come back to."""
SAMPLE = 300
"""Real windows that are kept to be drawn."""
VERSION = 7


_ARRAYS = (
    "words",
    "repertoire",
    "repertoire_lengths",
    *(f"{name}_{of}" for name in ("kinetic", "geometric") for of in ("mean", "covariance", "windows", "sample")),
)


@dataclass(frozen=True, eq=False)
class Reference:
    """Statistics of real windows' features, a sample of the windows, and rows of figures to show beside any others.

    `repertoire` are the training dances. `rows` are figures by name: `REAL`, and baselines. `about` says what it was
    made from, with the distances between two halves of the real takes.
    """

    kinetic: FeatureStatistics
    geometric: FeatureStatistics
    sample: Windows
    repertoire: Repertoire
    rows: dict[str, Figures]
    about: dict[str, Any]

    def with_rows(self, rows: dict[str, Figures]) -> Reference:
        """The same with more rows beside its own."""
        return replace(self, rows=self.rows | rows)

    def save(self, path: Path) -> None:
        """Write the .npz."""
        words = {"rows": {name: rounded(row) for name, row in self.rows.items()}, "about": self.about}
        arrays: dict[str, Any] = {"words": np.array(json.dumps(words)), **self.repertoire.packed()}
        for name, statistics in (("kinetic", self.kinetic), ("geometric", self.geometric)):
            arrays |= {f"{name}_mean": statistics.mean.astype(np.float32), f"{name}_windows": statistics.windows}
            arrays |= {f"{name}_covariance": statistics.covariance.astype(np.float32)}
            arrays |= {f"{name}_sample": getattr(self.sample, name).astype(np.float16)}
        np.savez_compressed(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Reference:
        """Read what `save` wrote. Raises InputError for anything else."""
        try:
            with reading(path, "reference"):
                return cls._of(load_arrays(path, "reference", needed=_ARRAYS))
        except InputError as error:
            raise InputError(f"{error}. Make a reference with: dancegen evaluate --reference DATASET") from error

    @classmethod
    def _of(cls, data: dict[str, np.ndarray]) -> Reference:
        words = json.loads(str(data["words"]))
        kinetic, geometric = (
            FeatureStatistics(
                data[f"{name}_mean"].astype(np.float64),
                data[f"{name}_covariance"].astype(np.float64),
                int(data[f"{name}_windows"]),
            )
            for name in ("kinetic", "geometric")
        )
        sample = Windows(*(data[f"{name}_sample"].astype(np.float64) for name in ("kinetic", "geometric")))
        repertoire = Repertoire.unpacked(data["repertoire"], data["repertoire_lengths"])
        rows = {
            str(name): {key: np.nan if value is None else float(value) for key, value in row.items()}
            for name, row in words["rows"].items()
        }
        _check(kinetic, sample.kinetic, KINETIC)
        _check(geometric, sample.geometric, GEOMETRIC)
        if REAL not in rows:
            raise ValueError("it has no figures of real dance")
        return cls(kinetic, geometric, sample, repertoire, rows, dict(words["about"]))


def measure_real(root: Path, progress: Progress = SILENT) -> Reference:
    """The reference that a pose dataset makes: its training takes, seen by every camera, and its held-out takes.

    Those are its test side where it has one, else its validation side. A dataset without training takes, such as one of
    a database's test side alone, is measured by all that it has. Where nothing is held out, the figures of real dance
    are those of the training takes, and `about` says so. Raises InputError where no clip is as long as a window.
    """
    clips = read_clips(root)
    training = [clip for clip in clips if clip.split == "train"] or clips
    held_out = [clip for clip in clips if clip.split == "test"] or [clip for clip in clips if clip.split == "val"]
    held_out = [] if training is clips else held_out
    dances = {}
    with progress.task("Measuring real dance", len(clips)) as advance:
        for clip in clips:
            for view in clip_views(root, clip):
                dances[clip, view] = real_dance(root, clip, view)
            advance(1)
        windows = {clip: Windows.of([dances[clip, view] for view in clip_views(root, clip)]) for clip in clips}
        real = _joined(windows[clip] for clip in training)
        if len(real.kinetic) < 2:
            raise InputError(f"{root} has no training clip of three seconds or more to measure real dance by")
        shown = held_out or training
        figures = _figures_of_real(dances, shown)
    kinetic, geometric = real.statistics
    figures |= distances(_joined(windows[clip] for clip in shown), kinetic, geometric)
    kept = set(training)
    repertoire = Repertoire.of(dance.positions for (clip, _), dance in dances.items() if clip in kept)
    if held_out:
        asked = [
            repetition_windows(dances[clip, view].positions)
            for clip in held_out[:: max(1, len(held_out) // 12)]
            for view in clip_views(root, clip)
        ]
        figures["copying"] = copying(nearest_training(np.concatenate(asked), repertoire.windows()))
    every = np.linspace(0, len(real.kinetic) - 1, min(SAMPLE, len(real.kinetic))).astype(int)
    about = {
        "training_takes": len({clip.take for clip in training}),
        "training_seconds": round(sum(clip.own_seconds for clip in training), 1),
        "windows": len(real.kinetic),
        "held_out_takes": len({clip.take for clip in held_out}),
        **_half_against_half(windows, training),
    }
    sample = Windows(real.kinetic[every], real.geometric[every])
    return Reference(kinetic, geometric, sample, repertoire, {REAL: figures}, about)


def real_dance(root: Path, clip: Clip, view: str) -> Dance:
    """What a clip of a pose dataset adds to those before it, as one camera sees it, with its beats.

    A moment that two clips hold counts once, unless all of it would then be shorter than a window.
    """
    path = clip_dir(root, clip) / "beats.json"
    beats = Beats.load(path).times_s if path.exists() else None
    poses = PoseSequence.load(poses_path(root, clip, view))
    if clip.own_seconds < WINDOW_S:
        return Dance.of(poses, beats)
    start_s = round(clip.overlap * poses.fps) / poses.fps
    poses = replace(poses.slice(round(clip.overlap * poses.fps)), start_s=0.0)
    return Dance.of(poses, None if beats is None else beats[beats >= start_s] - start_s)


def _figures_of_real(dances: dict[tuple[Clip, str], Dance], clips: Sequence[Clip]) -> Figures:
    """Averages over clips and cameras; the variety is that of whole takes, whose clips follow one another."""
    figures, takes = [], defaultdict(list)
    beats = {clip: dance.beats_s for (clip, _), dance in dances.items() if dance.beats_s is not None}
    for number, clip in enumerate(clips):
        turned = [*clips[number + 1 :], *clips[:number], *beats]
        other = next((beats[c] for c in turned if c.song != clip.song and c in beats), None)
        for view in (view for c, view in dances if c == clip):
            dance = dances[clip, view]
            figures.append(measure(dance, [] if other is None else [other]))
            takes[clip.source, clip.song, view].append((clip.song_start, dance.positions))
    long = [np.concatenate([positions for _, positions in sorted(take, key=lambda p: p[0])]) for take in takes.values()]
    long = [take for take in long if len(take) >= LONG_S * FPS] or long
    varied = average([{"seconds": len(take) / FPS, "variety": variety(take)} for take in long])
    return average(figures) | {"variety": varied["variety"]}


def _half_against_half(windows: dict[Clip, Windows], clips: Sequence[Clip]) -> dict[str, float | None]:
    """Distance of every second training take to the others: what real dance scores against real dance."""
    takes = sorted({clip.take for clip in clips})
    halves = [_joined(windows[clip] for clip in clips if clip.take in takes[start::2]) for start in (0, 1)]
    if min(len(half.kinetic) for half in halves) < 2:
        return {"fid_k_half": None, "fid_g_half": None}
    one, other = (half.statistics for half in halves)
    return {
        name: round(frechet_distance(a, b), 2)
        for name, a, b in zip(("fid_k_half", "fid_g_half"), one, other, strict=True)
    }


def _joined(windows: Iterator[Windows]) -> Windows:
    parts = list(windows)
    if not parts:
        return Windows.of([])
    return Windows(np.concatenate([w.kinetic for w in parts]), np.concatenate([w.geometric for w in parts]))


def _check(statistics: FeatureStatistics, sample: np.ndarray, size: int) -> None:
    shapes = statistics.mean.shape, statistics.covariance.shape, sample.shape[1:]
    if shapes != ((size,), (size, size), (size,)) or len(sample) < 2:
        raise ValueError(f"its statistics are not of {size} features")
    if not all(np.isfinite(values).all() for values in (statistics.mean, statistics.covariance, sample)):
        raise ValueError("its statistics are not finite")
