"""The AIST++ protocol: a set of dances beside a set of real ones, in the figures that papers report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dancegen.metrics.published.geometric import geometric_features
from dancegen.metrics.published.kinetic import RATE, kinetic_features
from dancegen.metrics.published.scores import (
    CONTACT_RATE,
    beat_alignment,
    beat_coverage,
    diversity,
    frechet_distance,
    normalised,
    smpl_foot_contact,
)
from dancegen.metrics.published.smpl_joints import joints_of, smpl_joints
from dancegen.metrics.table import Column
from dancegen.motion.body import BodyMotion
from dancegen.motion.motion import Motion
from dancegen.motion.readers.smpl import SmplParameters
from dancegen.motion.retarget import measure_body, retarget

LONGEST_S = 20.0
"""Papers measure generated dances of so long: a longer one counts as several."""
SHORTEST_S = 2.0
ON_THE_BEAT_S = 0.1
"""How far a motion beat may be from a music beat that it covers."""
ENOUGH = 40
"""Dances of a paper's generated set, and more than there are kinetic features by half."""
COLUMNS = (
    Column("fid_k", "FID_k", 2, "Frechet distance to real dance in kinetic features. Nearer is better."),
    Column("fid_g", "FID_g", 2, "Frechet distance to real dance in geometric features. Nearer is better."),
    Column("div_k", "Div_k", 2, "Mean distance between dances in kinetic features. Near to real dance is better."),
    Column("div_g", "Div_g", 2, "Mean distance between dances in geometric features. Near to real dance is better."),
    Column("bas", "BAS", 4, "Beat Align Score: how near each music beat has a motion beat. Near to real is better."),
    Column("beat_coverage", "cover", 2, "Share of music beats with a motion beat within 100 ms."),
    Column("beat_precision", "precise", 2, "Share of motion beats with a music beat within 100 ms."),
    Column("pfc", "PFC", 3, "Physical foot contact of EDGE, at 30 frames a second. Lower is better."),
    Column("dances", "dances", 0, "Dances that were measured, of 20 s or less."),
    Column("seconds", "seconds", 0, "How much dance was measured."),
)


@dataclass(frozen=True, eq=False)
class PublishedDance:
    """A dance as the protocol takes it: joints (T, 24, 3) in metres at 60 frames a second, of SMPL's mean body; and the
    frames (B,) of its music's beats, None where it has no music."""

    joints: np.ndarray
    beats: np.ndarray | None = None

    @classmethod
    def of(cls, dance: SmplParameters | BodyMotion | Motion, beats_s: np.ndarray | None = None) -> PublishedDance:
        """SMPL's own motion as it is; any other body's, or joints' that are put on one, done by SMPL's.

        `beats_s` count from the first frame.
        """
        if isinstance(dance, Motion):
            dance = BodyMotion.of(dance) or retarget(dance, measure_body([dance]))
        joints = joints_of(dance, RATE) if isinstance(dance, SmplParameters) else smpl_joints(dance.resample(RATE))
        return cls(joints, None if beats_s is None else np.round(beats_s * RATE).astype(int))

    @property
    def seconds(self) -> float:
        return len(self.joints) / RATE

    def pieces(self) -> list[PublishedDance]:
        """The dance in parts of 20 s, the rest left out; a shorter one whole."""
        length = round(LONGEST_S * RATE)
        starts = range(0, max(len(self.joints) - length, 0) + 1, length)
        return [self._part(start, start + length) for start in starts]

    def _part(self, start: int, stop: int) -> PublishedDance:
        if self.beats is None:
            return PublishedDance(self.joints[start:stop])
        inside = (self.beats >= start) & (self.beats < stop)
        return PublishedDance(self.joints[start:stop], self.beats[inside] - start)


@dataclass(frozen=True, eq=False)
class RealDances:
    """Kinetic (R, 72) and geometric (R, 32) features of real dances, and their other figures."""

    kinetic: np.ndarray
    geometric: np.ndarray
    own: dict[str, float]

    @classmethod
    def of(cls, dances: Sequence[PublishedDance]) -> RealDances:
        """Of whole dances, as papers take them."""
        kinetic, geometric = _features(dances)
        own = {f"div_{name}": diversity(normalised(each, each)[1]) for name, each in (("k", kinetic), ("g", geometric))}
        return cls(kinetic, geometric, own | _of_each(dances))


def figures(dances: Sequence[PublishedDance], real: RealDances) -> dict[str, float]:
    """What the columns say of a set of dances; distances and diversity are nan for fewer than two."""
    kinetic, geometric = _features(dances)
    found: dict[str, float] = {}
    for name, ours, theirs in (("k", kinetic, real.kinetic), ("g", geometric, real.geometric)):
        enough = min(len(ours), len(theirs)) > 1
        found[f"fid_{name}"] = frechet_distance(ours, theirs) if enough else float("nan")
        found[f"div_{name}"] = diversity(normalised(ours, theirs)[0])
    return found | _of_each(dances)


def of_one(dance: PublishedDance) -> dict[str, float]:
    """What can be said of one dance alone."""
    bas, coverage, precision = float("nan"), float("nan"), float("nan")
    if dance.beats is not None:
        bas = beat_alignment(dance.joints, dance.beats)
        coverage, precision = beat_coverage(dance.joints, dance.beats, ON_THE_BEAT_S * RATE)
    return {
        "bas": bas,
        "beat_coverage": coverage,
        "beat_precision": precision,
        "pfc": smpl_foot_contact(dance.joints[:: RATE // CONTACT_RATE]),
        "seconds": dance.seconds,
    }


def _of_each(dances: Sequence[PublishedDance]) -> dict[str, float]:
    """The means over dances, each counting once as in the papers; seconds add up."""
    each = [of_one(dance) for dance in dances]
    pooled = {"dances": float(len(each)), "seconds": sum(one["seconds"] for one in each)}
    for name in ("bas", "beat_coverage", "beat_precision", "pfc"):
        known = [one[name] for one in each if np.isfinite(one[name])]
        pooled[name] = float(np.mean(known)) if known else float("nan")
    return pooled


def _features(dances: Sequence[PublishedDance]) -> tuple[np.ndarray, np.ndarray]:
    kinetic = np.stack([kinetic_features(dance.joints) for dance in dances])
    return kinetic, np.stack([geometric_features(dance.joints) for dance in dances])
