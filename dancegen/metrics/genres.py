"""Does a dance look like its genre? Each three seconds of it are held beside real dance: which genre is nearest?

All dance is first done by one body and seen by the same cameras, so that nobody is known by the length of the arms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dancegen.dataset.format import MOTION_FILE, Clip, ClipMotion, clip_dir, clip_kind, read_clips
from dancegen.errors import InputError
from dancegen.metrics.dance import Dance
from dancegen.metrics.features import (
    GEOMETRIC,
    KINETIC,
    WINDOW_S,
    FeatureStatistics,
    geometric_features,
    kinetic_features,
)
from dancegen.metrics.motion import FPS
from dancegen.motion.body import Body
from dancegen.motion.cameras import project
from dancegen.motion.motion import Motion
from dancegen.motion.retarget import measure_body, retarget_limbs
from dancegen.progress import SILENT, Progress

CAMERAS_DEG = (0.0, 45.0, 90.0, 135.0)
"""Round the dancer, as extract-poses has them."""
UNNAMED = "dance"
"""The genre of clips whose genre nobody said."""
ENOUGH = 0.6
"""Share of a dance's windows that are nearest to its genre from which it is said to dance it."""
_AT_ONCE = 512
"""Windows that are compared at a time."""

Confusion = dict[str, dict[str, float]]
"""By the genre that was asked for or is said: the share of its windows nearest to each genre."""


@dataclass(frozen=True, eq=False)
class GenreWindows:
    """Windows of three seconds: features (W, 77), kinetic and geometric, and of each its genre and performance (W,)."""

    features: np.ndarray
    genres: np.ndarray
    performances: np.ndarray

    @classmethod
    def joined(cls, parts: Iterable[tuple[str, str, np.ndarray]]) -> GenreWindows:
        """Of dances: genre, performance and features of each."""
        found = [(genre, name, rows) for genre, name, rows in parts if len(rows)]
        return cls(
            np.concatenate([np.empty((0, KINETIC + GEOMETRIC)), *(rows for _, _, rows in found)]),
            np.repeat([genre for genre, _, _ in found], [len(rows) for *_, rows in found]),
            np.repeat([name for _, name, _ in found], [len(rows) for *_, rows in found]),
        )

    def __len__(self) -> int:
        return len(self.features)


def window_features(motion: Motion, cameras_deg: Sequence[float] = CAMERAS_DEG) -> np.ndarray:
    """(W, 77) of the windows of a dance as every camera sees them, camera by camera; none of a dance under 3 s."""
    rows = [np.empty((0, KINETIC + GEOMETRIC))]
    for azimuth in cameras_deg:
        positions = Dance.of(project(motion, azimuth)).positions
        rows.append(np.concatenate([kinetic_features(positions), geometric_features(positions)], axis=1))
    return np.concatenate(rows)


def body_of_dataset(root: Path) -> Body:
    """The mean body of a dataset's training takes. Raises InputError where no clip holds motion in space."""
    return measure_body([_motion(root, clip) for clip in _once(root, ("train",))])


def real_windows(
    root: Path, body: Body, splits: Collection[str] = ("train",), progress: Progress = SILENT
) -> GenreWindows:
    """Those of a dataset's takes of these splits, done by `body`; each take once, to one of its songs.

    Raises InputError where no clip of them holds motion in space.
    """
    parts = []
    clips = _once(root, splits)
    with progress.task("Looking at real dance", len(clips)) as advance:
        for clip in clips:
            motion = retarget_limbs(_motion(root, clip).resample(FPS), body).motion()
            start_s = clip.overlap if clip.own_seconds >= WINDOW_S else 0.0  # what the clip before holds counts once
            parts.append((clip.genre or UNNAMED, clip.take, window_features(motion.slice(start_s, motion.seconds))))
            advance(1)
    return GenreWindows.joined(parts)


def _once(root: Path, splits: Collection[str]) -> list[Clip]:
    clips = [clip for clip in read_clips(root) if clip.split in splits and clip_kind(root, clip) == "motion"]
    if not clips:
        raise InputError(f"{root} has no {' or '.join(splits)} clip with motion in space to know genres by")
    songs: dict[str, str] = {}
    for clip in sorted(clips, key=lambda clip: clip.song):
        songs.setdefault(clip.source, clip.song)
    return [clip for clip in clips if clip.song == songs[clip.source]]


def _motion(root: Path, clip: Clip) -> Motion:
    return ClipMotion.load(clip_dir(root, clip) / MOTION_FILE).motion


@dataclass(frozen=True, eq=False)
class GenreMeasure:
    """Real windows to hold others beside. Features count in their standard deviations over all of them."""

    real: GenreWindows

    def __post_init__(self) -> None:
        if len(self.real) < 2 or len(set(self.real.genres)) < 2:
            raise InputError(
                "genres are told apart by real dance of two genres or more, three seconds of each at least"
            )

    @property
    def genres(self) -> list[str]:
        """Those there are."""
        return sorted(set(self.real.genres.tolist()))

    def nearest(self, asked: GenreWindows, *, without_own: bool = False) -> np.ndarray:
        """(W,) the genre of the real window that is nearest to each.

        without_own: what is of the same performance does not count, as is right for real dance that is among them; ""
        where nothing is left.
        """
        scale = FeatureStatistics.of(self.real.features)
        real = scale.normalised(self.real.features)
        found = []
        for first in range(0, len(asked), _AT_ONCE):
            rows = scale.normalised(asked.features[first : first + _AT_ONCE])
            # Squared distances but for what all real windows share.
            distances = (real**2).sum(1) - 2 * rows @ real.T
            names = self.real.genres[np.newaxis].repeat(len(rows), axis=0)
            if without_own:
                own = asked.performances[first : first + _AT_ONCE, np.newaxis] == self.real.performances
                distances[own] = np.inf
            best = distances.argmin(axis=1)
            known = np.isfinite(distances.min(axis=1))
            found.append(np.where(known, names[np.arange(len(rows)), best], ""))
        return np.concatenate(found) if found else np.empty(0, str)

    def confusion(self, asked: GenreWindows, *, without_own: bool = False) -> Confusion:
        """By the windows' own genre: which share of them is nearest to which genre, 0..1."""
        near = self.nearest(asked, without_own=without_own)
        rows: Confusion = {}
        for genre in sorted(set(asked.genres.tolist())):
            own = near[asked.genres == genre]
            rows[genre] = {name: float(np.mean(own == name)) for name in self.genres}
        return rows


def chance(confusion: Mapping[str, Mapping[str, float]], genre: str) -> float:
    """What the dance of a genre drawn at random scores as `genre`: the mean over all that were asked for."""
    return float(np.mean([row.get(genre, 0.0) for row in confusion.values()])) if confusion else float("nan")
