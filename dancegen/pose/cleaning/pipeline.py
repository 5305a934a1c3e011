"""From `Detections`, everybody in every picture of a clip, to clean pieces of one dancer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dancegen.pose.cleaning.dancer import Dancer
from dancegen.pose.cleaning.jumps import find_jumps, merged_cuts
from dancegen.pose.cleaning.pieces import Cleaned, Piece, Rejected
from dancegen.pose.cleaning.quality import missing_in_words, quality_of, whole
from dancegen.pose.cleaning.settings import CleaningSettings
from dancegen.pose.cleaning.tracking import track_dancer
from dancegen.pose.detections import Detections
from dancegen.pose.skeleton import BODY

STEPS = {
    "swapped": "frames whose left and right were exchanged",
    "dropped": "joints taken out that jumped, or were seen twice",
    "filled": "joints filled in",
    "smoothed": "joints that smoothing moved by over 1 % of the body height",
}
"""What `Piece.steps` counts."""
NOBODY, NOT_WHOLE, TOO_SHORT, POOR = "nobody is seen", "no whole dancer", "too short", "poor quality"
"""Kinds of reasons."""
_MOVED = 0.01
_THERE = 7
"""Joints of the body with which somebody is there: nothing is made up before the first such frame or after the last."""


@dataclass(frozen=True, eq=False)
class _Shot:
    """The dancer of one shot, which begins with picture `first` of the clip, through the steps of cleaning."""

    first: int
    height: float
    swapped: np.ndarray
    dropped: np.ndarray
    seen: Dancer
    filled: Dancer

    def poses_of(self, span: slice) -> tuple[Dancer, Dancer]:
        return self.seen[span], self.filled[span]


def clean_detections(found: Detections, settings: CleaningSettings) -> Cleaned:
    """The dancer of a clip in pieces, and the parts that are left out with their reasons.

    Shot by shot (cuts in the pictures, and jumps of everybody): one dancer is followed, left and right are repaired,
    joints that jump or were seen twice are taken out, gaps of up to `max_gap` seconds filled. What then shows a whole
    dancer without a longer gap is a piece; pieces are smoothed and judged, and dropped where they are too short or too
    poor.
    """
    cuts = [] if settings.no_cuts else merged_cuts(found.cuts, find_jumps(found.bodies, found.fps), len(found))
    parts: list[Piece | Rejected] = []
    for first, last in pairwise([0, *cuts, len(found)]):
        if last > first:
            shot = _shot(found, first, last, settings)
            parts += [_part(shot, span, good, found, settings) for span, good in _spans(shot, found.fps, settings)]
    return Cleaned(
        tuple(part for part in parts if isinstance(part, Piece)),
        tuple(part for part in parts if isinstance(part, Rejected)),
        len(found),
        tuple(cuts),
    )


def _shot(found: Detections, first: int, last: int, settings: CleaningSettings) -> _Shot:
    people, fps = found.people[first:last], found.fps
    dancer = Dancer.of(people, track_dancer([each.body for each in people], fps))
    height = dancer.height()
    swapped = np.zeros(len(dancer), bool)
    if not settings.no_swaps:
        dancer, swapped = dancer.sides_repaired(height)
    dropped = np.zeros(len(dancer), int)
    if not settings.no_outliers:
        kept = dancer.without_outliers(fps, height)
        dropped = ((dancer.body[..., 2] > 0) & (kept.body[..., 2] <= 0)).sum(axis=1)
        dancer = kept
    return _Shot(first, height, swapped, dropped, dancer, dancer.filled(_frames(settings.max_gap, fps)))


def _frames(seconds: float, fps: float) -> int:
    return int(seconds * fps + 1e-6)


def _spans(shot: _Shot, fps: float, settings: CleaningSettings) -> Iterator[tuple[slice, bool]]:
    """The shot in parts that show a whole dancer and parts that do not, but for gaps that are short enough."""
    there = np.flatnonzero((shot.seen.body[:, BODY, 2] > 0).sum(axis=1) >= _THERE)
    good = whole(shot.filled.body)
    if len(there):
        good[: there[0]] = good[there[-1] + 1 :] = False
    for first, last in _runs_of(~good):
        inside = first > 0 and last < len(good)
        if inside and last - first <= _frames(settings.max_gap, fps):
            good[first:last] = True
    edges = [0, *(np.flatnonzero(np.diff(good.astype(np.int8))) + 1).tolist(), len(good)]
    for first, last in pairwise(edges):
        yield slice(first, last), bool(good[first])


def _runs_of(wanted: np.ndarray) -> list[tuple[int, int]]:
    change = np.diff(np.pad(wanted.astype(np.int8), 1))
    return list(zip(np.flatnonzero(change == 1).tolist(), np.flatnonzero(change == -1).tolist(), strict=True))


def _part(shot: _Shot, span: slice, good: bool, found: Detections, settings: CleaningSettings) -> Piece | Rejected:
    seen, filled = shot.poses_of(span)
    first, frames = shot.first + span.start, span.stop - span.start

    def rejected(kind: str, reason: str, quality: float | None = None) -> Rejected:
        return Rejected(first, frames, reason, quality, kind, seen.body)

    if not good:
        if not seen.body.any():
            return rejected(NOBODY, f"{NOBODY} for {frames / found.fps:.1f} s")
        return rejected(NOT_WHOLE, f"{NOT_WHOLE}: {missing_in_words(filled.body)}")
    smoothed = filled.smoothed(found.fps, settings.smooth)
    steady = smoothed if settings.smooth else filled.smoothed(found.fps, CleaningSettings.smooth)
    quality = quality_of(seen.body, filled.body, steady.body, shot.height)
    if frames / found.fps < settings.min_seconds - 1e-6:
        words = f"{TOO_SHORT}: {frames / found.fps:.1f} s, under {settings.min_seconds:g} s"
        return rejected(TOO_SHORT, words, quality.score)
    if quality.score < settings.min_quality:
        words = f"{POOR}: {quality.score:.2f}, under {settings.min_quality:.2f}; above all, {quality.weakest}"
        return rejected(POOR, words, quality.score)
    off = np.linalg.norm((smoothed.body - filled.body)[..., :2], axis=-1)
    steps = {
        "swapped": int(shot.swapped[span].sum()),
        "dropped": int(shot.dropped[span].sum()),
        "filled": int(((filled.body[..., 2] > 0) & (seen.body[..., 2] <= 0)).sum()),
        "smoothed": int((off > _MOVED * shot.height).sum()),
    }
    return Piece(first, smoothed.poses(found.fps, found.size, first / found.fps), quality.score, steps)
