"""A part of somebody's way through a shot, in which they are seen without a longer gap, and how two parts fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from dancegen.pose.cleaning.likeness import apart, extent, points_of
from dancegen.pose.skeleton import BODY, LIMBS, N_JOINTS

LONGEST_LINK_S = 2.0
"""Seconds that somebody may be away and still be known."""
_END_S = 0.3
"""At the ends of a part, over which it is measured where somebody is going."""
_MEMORY = 9
"""Frames, from which the size of somebody is known."""
_STEP_S = 0.1
"""Over which speeds are measured, so that a detector's trembling counts little."""
_REACH, _REACH_A_S = 0.6, 0.8
"""Sizes of a person, and more a second away, that somebody may come back from where they were going."""
_SLOWING_S = 0.5
"""Nobody goes on in one direction for much longer."""
_FADING_S = 0.2
"""Within which a pose says less and less of the next one."""
_TRUSTED = 30
"""Frames from which on proportions are known."""
_SIZES, _PROPORTIONS, _TURN, _POSE = 1.2, 0.8, 0.15, 1.0
"""Weights: of sizes (logarithm), proportions (of the size), velocities (sizes a second) and poses (sizes)."""


@dataclass(eq=False)
class Tracklet:
    """Frames in which somebody is seen, and which of the people of each frame they are.

    points: (18, 2) of each frame, nan where a joint is missing. sizes: pixels. confidence: sums over the joints. last:
    where each joint was last seen.
    """

    frames: list[int]
    who: list[int]
    points: list[np.ndarray]
    sizes: list[float]
    confidence: list[float]
    last: np.ndarray = field(default_factory=lambda: np.full((N_JOINTS, 2), np.nan))

    @classmethod
    def begin(cls, frame: int, who: int, body: np.ndarray) -> Tracklet:
        points = points_of(body)
        return cls([frame], [who], [points], [extent(points)], [float(body[:, 2].sum())], points)

    def add(self, frame: int, who: int, body: np.ndarray) -> None:
        """Somebody seen in one more frame."""
        points = points_of(body)
        expected = self.expected(frame - self.frames[-1])
        self.last = np.where(np.isfinite(points), points, expected)
        self.frames.append(frame)
        self.who.append(who)
        self.points.append(points)
        self.sizes.append(extent(points))
        self.confidence.append(float(body[:, 2].sum()))

    def followed_by(self, later: Tracklet) -> Tracklet:
        """This part and a later one as one."""
        return Tracklet(
            self.frames + later.frames, self.who + later.who, self.points + later.points, self.sizes + later.sizes,
            self.confidence + later.confidence, later.last,
        )  # fmt: skip

    @property
    def size(self) -> float:
        """Pixels: the median of the last frames, since single ones may show half of somebody."""
        return float(np.median(self.sizes[-_MEMORY:]))

    def expected(self, frames: int) -> np.ndarray:
        """(18, 2): where the joints may be so many frames after the last."""
        if len(self.frames) < 2:
            return self.last
        back = max(-len(self.frames), -4)
        moved = (self.points[-1] - self.points[back]) / (self.frames[-1] - self.frames[back])
        known = moved[np.isfinite(moved[:, 0])]
        return self.last + (np.median(known, axis=0) * frames if len(known) else 0.0)

    def speeds(self, fps: float) -> np.ndarray:
        """(F,): how fast the joints move about the person's middle, in the person's sizes a second: who walks through
        the picture does not dance."""
        step = max(1, round(_STEP_S * fps))
        points, frames = np.stack(self.points), np.array(self.frames)
        if len(points) <= step:
            return np.zeros(len(points))
        points = points - np.stack([_middle(each) for each in points])[:, None]
        away = np.linalg.norm(points[step:] - points[:-step], axis=-1)
        seen = np.isfinite(away)
        mean = np.where(seen, away, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
        speed = mean / (frames[step:] - frames[:-step]) * fps / max(np.median(self.sizes), 1e-6)
        return np.concatenate([np.full(step, speed[0]), speed])


@dataclass(frozen=True, eq=False)
class Ends:
    """What is needed of a part to link it: the first and the last frame, in them the middle of the person (2,) and how
    it moves (2,) in pixels a second, the sizes at both ends and in all, the proportions (17,), and in how many frames
    they were seen. first, last: the poses there, (18, 2)."""

    frames: tuple[int, int]
    start: np.ndarray
    coming: np.ndarray
    end: np.ndarray
    leaving: np.ndarray
    sizes: tuple[float, float, float]
    proportions: np.ndarray
    count: int
    first: np.ndarray
    last: np.ndarray

    @classmethod
    def of(cls, part: Tracklet, fps: float) -> Ends:
        size_first, size = float(np.median(part.sizes[:_MEMORY])), float(np.median(part.sizes))
        return cls(
            (part.frames[0], part.frames[-1]), *_end(part, fps, last=False), *_end(part, fps, last=True),
            (size_first, part.size, size), _proportions(part.points), len(part.frames), part.points[0], part.last,
        )  # fmt: skip


def link_cost(one: Ends, other: Ends, fps: float) -> float:
    """How badly a part fits as what follows another; 1 and more is not the same person, inf what cannot be."""
    away_s = (other.frames[0] - one.frames[1]) / fps
    if not 0 < away_s <= LONGEST_LINK_S:
        return float("inf")
    size = (one.sizes[1] + other.sizes[0]) / 2
    # Met in the middle: where one was going, and where the other came from.
    glide_s = min(away_s, _SLOWING_S) / 2
    off = float(np.linalg.norm((one.end + one.leaving * glide_s) - (other.start - other.coming * glide_s))) / size
    if off > _REACH + _REACH_A_S * away_s:
        return float("inf")
    cost = off / (_REACH + _REACH_A_S * away_s)
    cost += _SIZES * abs(float(np.log(other.sizes[2] / max(one.sizes[2], 1e-6))))
    cost += _PROPORTIONS * _proportions_apart(one, other)
    cost += _TURN * float(np.linalg.norm(one.leaving - other.coming)) / size
    return cost + _POSE * float(np.exp(-away_s / _FADING_S)) * _poses_apart(one, other, size)


def _end(part: Tracklet, fps: float, *, last: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where somebody is in the last or first frame of a part, (2,) pixels, and how they move, (2,) pixels a second."""
    count = max(2, round(_END_S * fps))
    chosen = slice(-count, None) if last else slice(None, count)
    times = np.array(part.frames[chosen]) / fps
    middles = np.stack([_middle(points) for points in part.points[chosen]])
    if len(times) < 3:
        return middles[-1 if last else 0], np.zeros(2)
    slope, at = np.polyfit(times - times[-1 if last else 0], middles, 1)
    return at, slope


def _middle(points: np.ndarray) -> np.ndarray:
    """The middle of the trunk; of all joints where that is not seen."""
    trunk = points[[1, 2, 5, 8, 11]]
    seen = trunk[np.isfinite(trunk[:, 0])]
    return seen.mean(axis=0) if len(seen) else np.nanmean(points, axis=0)


def _proportions_apart(one: Ends, other: Ends) -> float:
    """How much the longest lengths of the limbs differ, relative to the sizes; weighs more the longer both are seen."""
    differences = np.abs(one.proportions - other.proportions)
    known = np.isfinite(differences)
    trust = min(1.0, min(one.count, other.count) / _TRUSTED)
    return trust * float(differences[known].sum()) if known.any() else 0.0


def _proportions(points: Sequence[np.ndarray]) -> np.ndarray:
    """(17,): the long lengths of the limbs as shares of all of them together."""
    stacked = np.stack(points)
    parents, children = np.array(LIMBS).T
    lengths = np.linalg.norm(stacked[:, children] - stacked[:, parents], axis=-1)
    known = np.isfinite(lengths).sum(axis=0) >= 3
    longest = np.full(len(LIMBS), np.nan)
    if known.any():
        longest[known] = np.nanpercentile(lengths[:, known], 80, axis=0)
    inside = np.array([BODY.start <= a < BODY.stop and BODY.start <= b < BODY.stop for a, b in LIMBS])
    longest[~inside] = np.nan
    return longest / max(float(np.nansum(longest)), 1e-6)


def _poses_apart(one: Ends, other: Ends, size: float) -> float:
    """How far the poses at the seam differ when the places are laid over each other, in sizes."""
    away = apart(one.last - _middle(one.last), other.first - _middle(other.first), size)
    return away if np.isfinite(away) else 0.0
