"""Which of the people in the pictures is the dancer: everybody is tracked through the whole shot, then one is chosen.

Frame by frame people are matched with where those before were going (Hungarian method), as long as they are seen. The
parts are then linked over the whole shot, again by the Hungarian method, by where they were going, their size,
proportions and pose. The dancer is who is largest, moves most and is there longest: not whoever is largest at first.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

from dancegen.pose.cleaning.likeness import apart, growth, shows_somebody
from dancegen.pose.cleaning.tracklets import LONGEST_LINK_S, Ends, Tracklet, link_cost

USUAL_FPS = 30.0
_MISSED_S = 0.2
"""Somebody who is not seen for longer than this begins a new part."""
_NEAREST, _FASTEST = 0.2, 2.0
"""Sizes of a person, and sizes a second, that somebody may be from where they were going."""
_GROWTH_WEIGHT = 0.3
_SAME = 0.06
"""Sizes: two people of one frame who are nearer than this are one, seen twice."""
_STILL, _LIVELY = 0.25, 1.0
"""How much somebody counts who does not move, and sizes a second from which more motion does not count more."""
_AS_PROMINENT = 0.4
"""Of the dancer, a frame, from which on somebody else is taken for the dancer while the dancer is not there."""


def track_dancer(frames: Iterable[Sequence[np.ndarray] | np.ndarray], fps: float = USUAL_FPS) -> list[int | None]:
    """Index of the dancer among the (18, 3) people of each frame of one shot, None where the dancer is not seen."""
    bodies = [[np.asarray(body, np.float32) for body in people] for people in frames]
    tracks = [_joined(chain) for chain in _linked(_tracklets(bodies, fps), fps)]
    if not tracks:  # a joint or two, which cannot be tracked
        return [_best_seen(people) for people in bodies]
    chosen: list[int | None] = [None] * len(bodies)
    for track in _dancers(tracks, fps):
        for frame, who in zip(track.frames, track.who, strict=True):
            chosen[frame] = who
    return chosen


def _tracklets(bodies: Sequence[Sequence[np.ndarray]], fps: float) -> list[Tracklet]:
    """Everybody's tracks as far as they are seen without a longer gap."""
    done: list[Tracklet] = []
    active: list[Tracklet] = []
    for frame, people in enumerate(bodies):
        gone = [track for track in active if frame - track.frames[-1] > max(1, round(_MISSED_S * fps))]
        done += gone
        active = [track for track in active if track not in gone]
        seen = _different(people)
        costs = np.array([[_match_cost(track, people[who], frame, fps) for who in seen] for track in active])
        matches = _matched(costs.reshape(len(active), len(seen)))
        met = {column for _, column in matches}
        for row, column in matches:
            active[row].add(frame, seen[column], people[seen[column]])
        active += [Tracklet.begin(frame, who, people[who]) for k, who in enumerate(seen) if k not in met]
    return sorted(done + active, key=lambda track: track.frames[0])


def _different(people: Sequence[np.ndarray]) -> list[int]:
    """The people of one frame who are somebody, the best seen of those who are seen twice."""
    order = sorted((k for k, body in enumerate(people) if shows_somebody(body)), key=lambda k: -people[k][:, 2].sum())
    kept: list[Tracklet] = []
    for k in order:
        new = Tracklet.begin(0, k, people[k])
        if all(apart(other.last, new.last, other.size) > _SAME for other in kept):
            kept.append(new)
    return sorted(each.who[0] for each in kept)


def _match_cost(track: Tracklet, body: np.ndarray, frame: int, fps: float) -> float:
    """How far somebody is from where a track was going; inf where it cannot be the same person."""
    new = Tracklet.begin(frame, 0, body).last
    frames = frame - track.frames[-1]
    away = apart(track.expected(frames), new, track.size)
    if away > _NEAREST + _FASTEST * frames / fps:
        return float("inf")
    return away + _GROWTH_WEIGHT * abs(growth(track.last, new))


def _matched(costs: np.ndarray) -> list[tuple[int, int]]:
    """The pairs (row, column) of least cost together; what is inf is no pair."""
    from scipy.optimize import linear_sum_assignment

    if not costs.size:
        return []
    rows, columns = linear_sum_assignment(np.where(np.isfinite(costs), costs, 1e6))
    return [(int(r), int(c)) for r, c in zip(rows, columns, strict=True) if np.isfinite(costs[r, c])]


def _linked(parts: Sequence[Tracklet], fps: float) -> list[list[Tracklet]]:
    """The parts of each person, one after the other: each has one successor at most, and all links together cost
    least."""
    costs = np.full((len(parts), len(parts)), np.inf)
    starts_at = [part.frames[0] for part in parts]
    ends = [Ends.of(part, fps) for part in parts]
    for row, end in enumerate(ends):
        last = end.frames[1]
        for column in range(bisect_right(starts_at, last), bisect_right(starts_at, last + LONGEST_LINK_S * fps)):
            costs[row, column] = link_cost(end, ends[column], fps)
    follows = dict(_matched_or_none(costs))
    starts = set(range(len(parts))) - set(follows.values())
    chains = []
    for start in sorted(starts):
        chain, place = [parts[start]], start
        while place in follows:
            place = follows[place]
            chain.append(parts[place])
        chains.append(chain)
    return chains


def _matched_or_none(costs: np.ndarray) -> list[tuple[int, int]]:
    """As `_matched`, but a link is made only where it costs less than 1: each row may also stay alone for that."""
    count = len(costs)
    alone = np.full((count, count), np.inf)
    np.fill_diagonal(alone, 1.0)
    pairs = _matched(np.concatenate([np.where(costs < 1, costs, np.inf), alone], axis=1)) if count else []
    return [(row, column) for row, column in pairs if column < count]


def _joined(chain: Sequence[Tracklet]) -> Tracklet:
    whole = chain[0]
    for part in chain[1:]:
        whole = whole.followed_by(part)
    return whole


def _dancers(tracks: Sequence[Tracklet], fps: float) -> list[Tracklet]:
    """The track of the dancer, and those that stand in while the dancer is not there: after somebody was lost for
    long, nobody can tell whether they are who comes back, but it is a dancer who does."""
    by_weight = sorted(tracks, key=lambda track: -_prominence(track, fps))
    if not by_weight:
        return []
    chosen = [by_weight[0]]
    least = _AS_PROMINENT * _prominence(by_weight[0], fps) / len(by_weight[0].frames)
    for track in by_weight[1:]:
        free = all(track.frames[0] > other.frames[-1] or track.frames[-1] < other.frames[0] for other in chosen)
        if free and _prominence(track, fps) / len(track.frames) > least:
            chosen.append(track)
    return chosen


def _prominence(track: Tracklet, fps: float) -> float:
    """Size times time times motion, weighted with confidence."""
    lively = np.minimum(track.speeds(fps), _LIVELY)
    return float((np.array(track.sizes) * np.array(track.confidence) * (_STILL + lively)).sum())


def _best_seen(people: Sequence[np.ndarray]) -> int | None:
    """Who of one frame shows most; None where nobody shows anything."""
    seen = [k for k, body in enumerate(people) if body[:, 2].any()]
    return max(seen, key=lambda k: people[k][:, 2].sum(), default=None)
