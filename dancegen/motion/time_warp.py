"""Time warp: a silent dance is retimed, smoothly, until its steps fall on a song's beats.

The warp maps song time to take time. Its rate (take seconds a song second) is linear between knots 0.2 s apart, stays
within 0.8 and 1.25 and changes by at most 0.15 from one knot to the next, so that a dancer's speed never jumps. Among
all such warps on a grid of 5 ms, `warp_to_beats` finds the best one by dynamic programming: the most footfalls on
beats for the least bending of time. Its costs were chosen on real salsa and ballet, beats at 85 to 135 a minute: a
footfall's alignment (see `alignment`) comes to 0.70 to 0.76, against 0.10 to 0.14 a quarter of a beat off, with the
mean acceleration within 3% of the take's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dancegen.motion.footfalls import find_footfalls, find_lulls, step_period

if TYPE_CHECKING:
    from scipy.interpolate import CubicHermiteSpline

GRID_S = 0.005
KNOT_S = 0.2
MIN_RATE, MAX_RATE = 0.8, 1.25
LEVELS = np.arange(16, 26)
"""Rates in twentieths: 0.8 to 1.25. Between knots with levels m and n the take advances (m + n) grid steps exactly."""
LEVELS_PER_UNIT = 20
MAX_LEVEL_CHANGE = 3

TARGET_SIGMA_S = 0.03
EVENT_SIGMA_S = 0.01
HALF_BEAT_WEIGHT = 0.7
LULL_WEIGHT = 0.25
RATE_COST = 2.0
"""Cost a knot of (log rate)^2: keeps the dance near its own speed."""
BEND_COST = 0.005
"""Cost of a change of rate by one level from knot to knot, squared."""
LEAD_S = 0.5
"""The dance may begin up to this long after the song does, so that its first step can find its beat."""
_LEAD = round(LEAD_S / GRID_S)
_TAIL = 2 * int(LEVELS[-1])
"""Grid steps past a take's end that a segment of the warp may reach."""
TAIL_S = _TAIL * GRID_S

ALIGNMENT_SIGMA_S = 0.05
MIN_TARGET_PERIOD_S = 0.22


_APART_S = 1e-4
"""Knots are never nearer to each other."""


@dataclass(frozen=True, eq=False)
class TimeMap:
    """A smooth, strictly rising map from song time to take time.

    `song_s`, `take_s` (K,) float64 seconds are its knots; `rate` (K,) take seconds a song second there. Between knots
    it is the cubic Hermite curve through them (quadratic, as the rate is linear).
    """

    song_s: np.ndarray
    take_s: np.ndarray
    rate: np.ndarray

    def take_time(self, song_s: np.ndarray | float) -> np.ndarray:
        """Seconds of the take at seconds of the song."""
        return self._curve()(song_s)

    def song_time(self, take_s: np.ndarray) -> np.ndarray:
        """The inverse: seconds of the song at seconds of the take; NaN outside the map."""
        fine = np.linspace(self.song_s[0], self.song_s[-1], 20 * len(self.song_s))
        return np.interp(take_s, self.take_time(fine), fine, left=np.nan, right=np.nan)

    def rate_at(self, song_s: np.ndarray) -> np.ndarray:
        """Take seconds a song second at seconds of the song."""
        return self._curve().derivative()(song_s)

    def within(self, start_s: float, end_s: float) -> TimeMap:
        """The part of the map that leads to these seconds of the take, as far as it reaches."""
        ends = np.array([max(start_s, self.take_s[0]), min(end_s, self.take_s[-1])])
        first, last = self.song_time(ends)
        inside = self.song_s[(self.song_s > first + _APART_S) & (self.song_s < last - _APART_S)]
        song = np.concatenate([[first], inside, [last]])
        return TimeMap(song, np.concatenate([ends[:1], self.take_time(inside), ends[1:]]), self.rate_at(song))

    def _curve(self) -> CubicHermiteSpline:
        from scipy.interpolate import CubicHermiteSpline

        return CubicHermiteSpline(self.song_s, self.take_s, self.rate)


@dataclass(frozen=True, eq=False)
class DanceEvents:
    """The kinematic beats of a take: `footfalls` and `lulls` in seconds, `step_s` the median time between steps."""

    footfalls: np.ndarray
    lulls: np.ndarray
    step_s: float

    @classmethod
    def of(cls, joints3d: np.ndarray, fps: float, height: float) -> DanceEvents:
        """The events of (T, 18, 3) joints at `fps`, of a dancer of this height."""
        footfalls, lulls = find_footfalls(joints3d, fps, height), find_lulls(joints3d, fps, height)
        # A body that hardly steps (ballet, floor work) keeps time with its lulls.
        period = step_period(footfalls) or step_period(lulls)
        return cls(footfalls, lulls, period)


@dataclass(frozen=True, eq=False)
class Grid:
    """The moments of a song that steps should fall on: `times_s` (G,), `weight` (G,), `period_s` between them."""

    times_s: np.ndarray
    weight: np.ndarray
    period_s: float


def beat_period(beat_times_s: np.ndarray) -> float:
    """Median seconds between beats, 0.0 with fewer than two."""
    return float(np.median(np.diff(beat_times_s))) if len(beat_times_s) >= 2 else 0.0


def tempo_distance(step_s: float, beat_s: float) -> float:
    """How far, in log time, a dance must be stretched for its steps to meet half-beats, beats or double beats."""
    if step_s <= 0 or beat_s <= 0:
        return 0.0
    return min(abs(float(np.log(step_s / (level * beat_s)))) for level in (0.5, 1.0, 2.0))


def target_grid(beat_times_s: np.ndarray, step_s: float) -> Grid:
    """Beats, and the half-beats between them where the steps come nearer to twice the beat's rate.

    Half-beats closer than 0.22 s are never used: every moment would be near one.
    """
    beats = np.asarray(beat_times_s, np.float64)
    period = beat_period(beats)
    halves = 0 < step_s < period / np.sqrt(2) and period / 2 >= MIN_TARGET_PERIOD_S
    if not halves:
        return Grid(beats, np.ones(len(beats)), period)
    between = (beats[:-1] + beats[1:]) / 2
    times = np.concatenate([beats, between])
    weight = np.concatenate([np.ones(len(beats)), np.full(len(between), HALF_BEAT_WEIGHT)])
    order = np.argsort(times)
    return Grid(times[order], weight[order], period / 2)


def warp_to_beats(
    events: DanceEvents, take_span: tuple[float, float], grid: Grid, song_span: tuple[float, float]
) -> TimeMap:
    """The best smooth warp of the whole span of a take onto the song's span, which may end before it.

    `take_span`, `song_span`: (start, end) seconds. The dance begins with the song's span or up to half a second later.
    All of it is danced where the song has room for it at 1.25 times its speed; else it ends where the song does.
    """
    start, end = take_span
    padded = (start - LEAD_S, end + TAIL_S)
    count = int(min((padded[1] - padded[0]) / MIN_RATE, song_span[1] - song_span[0]) / KNOT_S + 1e-6)
    rewards = _Rewards(_event_density(events, take_span, padded), grid, song_span[0])
    path, offset = _best_path(rewards, count)
    rate = LEVELS[path] / LEVELS_PER_UNIT
    advance = (rate[:-1] + rate[1:]) / 2 * KNOT_S
    take = padded[0] + offset * GRID_S + np.concatenate([[0.0], np.cumsum(advance)])
    return TimeMap(song_span[0] + np.arange(len(rate)) * KNOT_S, take, rate).within(start, end)


def _event_density(events: DanceEvents, span: tuple[float, float], padded: tuple[float, float]) -> np.ndarray:
    """Kinematic events in a span of the take a grid step, (J,) over a wider one: each a narrow bump of its weight."""
    density = np.zeros(int((padded[1] - padded[0]) / GRID_S) + 1)
    near, lulls = (times[(times >= span[0]) & (times <= span[1])] for times in (events.footfalls, events.lulls))
    lulls = [t for t in lulls if len(near) == 0 or np.min(np.abs(near - t)) > 0.15]
    weighted = [(t, 1.0) for t in near] + [(t, LULL_WEIGHT if len(near) else 1.0) for t in lulls]
    reach = int(4 * EVENT_SIGMA_S / GRID_S)
    for time, weight in weighted:
        centre = (time - padded[0]) / GRID_S
        cells = np.arange(max(0, int(centre) - reach), min(len(density), int(centre) + reach + 2))
        bump = np.exp(-(((cells - centre) * GRID_S) ** 2) / (2 * EVENT_SIGMA_S**2))
        density[cells] += weight * bump / (EVENT_SIGMA_S / GRID_S * np.sqrt(2 * np.pi))
    return density


_FROM, _TO = (index.ravel() for index in np.meshgrid(np.arange(len(LEVELS)), np.arange(len(LEVELS)), indexing="ij"))
_NEAR = np.abs(_FROM - _TO) <= MAX_LEVEL_CHANGE
_FROM, _TO = _FROM[_NEAR], _TO[_NEAR]
_ADVANCE = LEVELS[_FROM] + LEVELS[_TO]
_REACH = int(_ADVANCE.max()) + 2
_STEPS = round(KNOT_S / GRID_S)


def _transition_cost() -> np.ndarray:
    rate = (LEVELS[_FROM] + LEVELS[_TO]) / (2 * LEVELS_PER_UNIT)
    return RATE_COST * np.log(rate) ** 2 + BEND_COST * (_TO - _FROM) ** 2.0


class _Rewards:
    """What each segment of the warp earns: the events it covers times the nearness of the song's targets there.

    For one segment shape (rates at its two ends) this is a correlation of the event density with a short kernel, so
    all places and shapes of one song step are one matrix product.
    """

    def __init__(self, density: np.ndarray, grid: Grid, song_start: float):
        self.length = len(density)
        self._windows = np.lib.stride_tricks.sliding_window_view(np.pad(density, (0, _REACH)), _REACH)[: self.length]
        self._windows = np.ascontiguousarray(self._windows, np.float32)
        self._grid, self._start = grid, song_start
        self._level = self._mean_nearness()
        self._shapes = _segment_shapes()

    def _mean_nearness(self) -> float:
        """The nearness that steps at random would find; rewards are relative to it."""
        if self._grid.period_s <= 0:
            return 0.0
        share = TARGET_SIGMA_S * np.sqrt(2 * np.pi) / self._grid.period_s
        return float(min(0.7, share) * np.mean(self._grid.weight))

    def at(self, step: int, first: int, last: int) -> np.ndarray:
        """(pairs, last - first) rewards of the segments from knot `step` of the song and places first to last on."""
        times = self._start + step * KNOT_S + (np.arange(_STEPS) + 0.5) * GRID_S
        near = nearness(times, self._grid, TARGET_SIGMA_S) - self._level
        return (self._shapes @ near.astype(np.float32)) @ self._windows[first:last].T


def nearness(times_s: np.ndarray, grid: Grid, sigma_s: float) -> np.ndarray:
    """exp(-d^2 / 2 sigma^2), d the distance to the nearest target, times that target's weight: (N,) in 0..1."""
    if len(grid.times_s) == 0:
        return np.zeros(len(times_s))
    after = np.clip(np.searchsorted(grid.times_s, times_s), 1, max(1, len(grid.times_s) - 1))
    best = np.zeros(len(times_s))
    for index in (after - 1, np.minimum(after, len(grid.times_s) - 1)):
        distance = times_s - grid.times_s[index]
        best = np.maximum(best, grid.weight[index] * np.exp(-(distance**2) / (2 * sigma_s**2)))
    return best


def _segment_shapes() -> np.ndarray:
    """(pairs, reach, steps) float32: how much of song step i's nearness take cell l receives in each segment shape."""
    seconds = (np.arange(_STEPS) + 0.5) * GRID_S
    start = LEVELS[_FROM, None] / LEVELS_PER_UNIT
    bend = (LEVELS[_TO, None] - LEVELS[_FROM, None]) / LEVELS_PER_UNIT / KNOT_S
    cells = (start * seconds + bend * seconds**2 / 2) / GRID_S
    rate = start + bend * seconds
    shapes = np.zeros((len(_FROM), _REACH, _STEPS), np.float32)
    pair, step = np.indices(cells.shape)
    low = cells.astype(int)
    np.add.at(shapes, (pair, low, step), rate * (1 - (cells - low)))
    np.add.at(shapes, (pair, low + 1, step), rate * (cells - low))
    return shapes


def _best_path(rewards: _Rewards, count: int) -> tuple[np.ndarray, int]:
    """Viterbi over (rate level, place in the take): the levels at the knots and the first place, in grid steps."""
    cost = _transition_cost().astype(np.float32)[:, None]
    places = rewards.length
    value = np.full((len(LEVELS), places), -np.inf, np.float32)
    first, last = 0, min(places, _LEAD + 1)
    value[:, first:last] = 0.0
    came_from = np.full((count, len(LEVELS), places), -1, np.int8)
    best, best_score = (0, 0, 0), -np.inf
    for step in range(count):
        gain = rewards.at(step, first, last) - cost
        fresh = np.full_like(value, -np.inf)
        for pair, (level, after, advance) in enumerate(zip(_FROM, _TO, _ADVANCE, strict=True)):
            stop = min(last, places - advance)
            if stop <= first:
                continue
            candidate = value[level, first:stop] + gain[pair, : stop - first]
            reached = slice(first + advance, stop + advance)
            better = candidate > fresh[after, reached]
            np.copyto(fresh[after, reached], candidate, where=better)
            np.copyto(came_from[step, after, reached], level, where=better)
        value = fresh
        # Only places between the slowest and the fastest way here are worth a look.
        first, last = first + 2 * int(LEVELS[0]), min(places, last + 2 * int(LEVELS[-1]))
        # The dance may end once all of the take is danced, and does where the song does if that never was.
        end = 0 if step == count - 1 and best_score == -np.inf else max(0, places - _TAIL)
        if last > end and (score := float(value[:, end:].max())) > best_score:
            level, place = np.unravel_index(int(np.argmax(value[:, end:])), (len(LEVELS), places - end))
            best, best_score = (step + 1, int(place) + end, int(level)), score
        if first >= places:
            break
    return _trace_back(came_from, *best)


def _trace_back(came_from: np.ndarray, step: int, place: int, level: int) -> tuple[np.ndarray, int]:
    levels = [level]
    for k in range(step - 1, -1, -1):
        before = int(came_from[k, level, place])
        place -= int(LEVELS[before] + LEVELS[level])
        level = before
        levels.append(level)
    return np.array(levels[::-1]), place


def alignment(times_s: np.ndarray, grid: Grid) -> float:
    """Mean of exp(-d^2 / (2 * 0.05^2)), d the seconds from each time to its nearest target; NaN without times."""
    flat = Grid(grid.times_s, np.ones(len(grid.times_s)), grid.period_s)
    return float(np.mean(nearness(times_s, flat, ALIGNMENT_SIGMA_S))) if len(times_s) else float("nan")


def shifted_alignment(times_s: np.ndarray, grid: Grid, beat_s: float) -> float:
    """The control: the same with every time moved by a quarter of a beat, the mean of both directions."""
    return (alignment(times_s + beat_s / 4, grid) + alignment(times_s - beat_s / 4, grid)) / 2
