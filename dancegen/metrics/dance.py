"""All figures of a dance, and of several dances together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dancegen.errors import PoseError
from dancegen.metrics.beats import NOTHING, KinematicBeats
from dancegen.metrics.features import (
    FeatureStatistics,
    diversity,
    frechet_distance,
    geometric_features,
    kinetic_features,
)
from dancegen.metrics.motion import FPS, body_positions, missing_share, movement
from dancegen.metrics.physics import (
    foot_skating,
    knee_pops,
    longest_limb,
    physical_foot_contact,
    side_swaps,
    stretched_limbs,
    twisted,
)
from dancegen.metrics.repetition import variety
from dancegen.pose.sequence import PoseSequence

Figures = dict[str, float]


@dataclass(frozen=True, eq=False)
class Dance:
    """What is measured: positions (T, 13, 2) as `body_positions` gives them, and the music's beats.

    Positions are nan all over where no frame shows how tall the dancer is: there is nothing to measure then. `beats_s`
    (B,) count from the dance's first frame; None: without music. `own` are figures that the positions do not show:
    missing (share of body joints that no image showed) and, where the dance has joints in space, PFC and pops of knees.
    """

    positions: np.ndarray
    beats_s: np.ndarray | None
    own: Figures

    @classmethod
    def of(cls, sequence: PoseSequence, beats_s: np.ndarray | None = None) -> Dance:
        """The dance of a pose sequence, `beats_s` in seconds from its first frame."""
        try:
            positions = body_positions(sequence)
        except PoseError:
            positions = np.full((len(sequence.resample(FPS)), 13, 2), np.nan)
        own = {"missing": missing_share(sequence)}
        if sequence.joints3d is not None:
            own["pfc"] = physical_foot_contact(sequence.joints3d, sequence.fps)
            own["knee_pops"] = knee_pops(sequence.joints3d, sequence.fps)
        return cls(positions, beats_s, own)

    @property
    def seconds(self) -> float:
        return len(self.positions) / FPS

    @property
    def shown(self) -> bool:
        """Whether there is a dancer to be measured."""
        return bool(np.isfinite(self.positions).any())


def rounded(figures: Figures) -> dict[str, float | None]:
    """Figures as JSON holds them: four decimals, None for nan."""
    return {name: round(float(value), 4) if np.isfinite(value) else None for name, value in figures.items()}


def measure(dance: Dance, other_songs: Sequence[np.ndarray] = ()) -> Figures:
    """Every figure that one dance has by itself; nan where there is nothing to measure.

    shown is 1, or 0 where no frame shows a dancer; averaged over dances it is the share that does. beats is how many
    the music has, nan without music. `other_songs` are beats of music that the
    dance was not made for: the second control of its beat alignment.
    """
    positions = dance.positions
    return {
        "seconds": dance.seconds,
        "shown": float(dance.shown),
        **movement(positions),
        **dance.own,
        "limb_p99_max": longest_limb(positions),
        "limb_stretched": stretched_limbs(positions),
        "twisted": twisted(positions),
        "side_swaps": side_swaps(positions),
        "skating": foot_skating(positions),
        "variety": variety(positions),
        "beats": float("nan") if dance.beats_s is None else float(len(dance.beats_s)),
        **_beat_alignment(dance, other_songs),
    }


def average(figures: Sequence[Figures]) -> Figures:
    """The mean of each figure over dances, weighted by their length; seconds add up."""
    names = dict.fromkeys(name for one in figures for name in one)
    pooled = {}
    for name in names:
        known = [one for one in figures if np.isfinite(one.get(name, np.nan))]
        values, weights = [one[name] for one in known], [one["seconds"] for one in known]
        pooled[name] = float(np.average(values, weights=weights)) if known else float("nan")
    pooled["seconds"] = float(sum(one["seconds"] for one in figures))
    return pooled


@dataclass(frozen=True, eq=False)
class Windows:
    """Kinetic (W, 39) and geometric (W, 38) features of the windows of one or more dances."""

    kinetic: np.ndarray
    geometric: np.ndarray

    @classmethod
    def of(cls, dances: Sequence[Dance]) -> Windows:
        none = np.empty((0, 13, 2))
        positions = [none, *(dance.positions for dance in dances if dance.shown)]
        return cls(
            np.concatenate([kinetic_features(track) for track in positions]),
            np.concatenate([geometric_features(track) for track in positions]),
        )

    @property
    def statistics(self) -> tuple[FeatureStatistics, FeatureStatistics]:
        return FeatureStatistics.of(self.kinetic), FeatureStatistics.of(self.geometric)


def distances(windows: Windows, kinetic: FeatureStatistics, geometric: FeatureStatistics) -> Figures:
    """Frechet distances to real dance, and diversity; nan for fewer than two windows."""
    count = len(windows.kinetic)
    if count < 2:
        return dict.fromkeys(("fid_k", "fid_g", "diversity_k", "diversity_g"), float("nan")) | {"windows": count}
    ours = windows.statistics
    return {
        "fid_k": frechet_distance(ours[0], kinetic),
        "fid_g": frechet_distance(ours[1], geometric),
        "diversity_k": diversity(windows.kinetic, kinetic),
        "diversity_g": diversity(windows.geometric, geometric),
        "windows": count,
    }


def _beat_alignment(dance: Dance, other_songs: Sequence[np.ndarray]) -> Figures:
    kinematic = KinematicBeats.of(dance.positions)
    beats = dance.beats_s if dance.beats_s is not None else np.empty(0)
    ours, shifted = kinematic.against(beats), kinematic.against_shifted(beats)
    other = kinematic.against_others(other_songs)
    if not len(beats):  # without music of its own, the dance has no control either
        other = NOTHING
    return {
        "bas_music": ours.bas_music,
        "bas_shifted": shifted.bas_music,
        "bas_other": other.bas_music,
        "bas_motion": ours.bas_motion,
        "bas_motion_shifted": shifted.bas_motion,
        "bas_motion_other": other.bas_motion,
        "footfall": ours.footfall,
        "footfall_shifted": shifted.footfall,
        "footfall_lead": kinematic.lead(beats),
        "footfall_other": other.footfall,
    }
