"""Plots as inline SVG: a dance's speed against the beats, and where its windows lie among real ones."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from dancegen.metrics.beats import beats_inside, footfalls, mean_speed, speed_minima
from dancegen.metrics.dance import Dance
from dancegen.metrics.features import FeatureStatistics
from dancegen.metrics.motion import FPS
from dancegen.metrics.reference import REAL

COLORS = ("#d1495b", "#00798c", "#e08e1b", "#6a4c93", "#3a7d44", "#8d6a4f", "#c2579f", "#4f6d9a")
GREY = "#9aa3ad"
SHOWN_S = 12.0
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 760, 150, 34, 24
_SIDE = 360
_MOST_DOTS = 250


def speed_chart(dance: Dance) -> str:
    """Twelve seconds of mean joint speed, with the beats behind it, its minima, and the footfalls below."""
    speed = mean_speed(dance.positions)[: round(SHOWN_S * FPS)]
    if len(speed) < 2:
        return ""
    times = np.arange(len(speed)) / FPS
    top = max(0.5, float(speed.max()) * 1.1)

    def x(time_s) -> np.ndarray:
        return _LEFT + np.asarray(time_s) / SHOWN_S * (_WIDTH - _LEFT - 6)

    def y(value) -> np.ndarray:
        return 6 + (1 - np.asarray(value) / top) * (_HEIGHT - _BOTTOM - 6)

    def within(events: np.ndarray) -> np.ndarray:
        return events[(events >= times[0]) & (events <= times[-1])]

    beats = within(beats_inside(dance.beats_s if dance.beats_s is not None else np.empty(0), len(dance.positions)))
    steps, minima = within(footfalls(dance.positions)), within(speed_minima(dance.positions))
    floor = float(y(0))
    parts = [_line(x(beat), 6, x(beat), floor, "beat") for beat in beats]
    parts += [
        f'<text class="tick" x="{x(second):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{second:g} s</text>'
        for second in np.arange(0, times[-1] + 0.01, 2)
    ]
    parts += [
        f'<text class="tick" x="{_LEFT - 5}" y="{y(v) + 4:.1f}" text-anchor="end">{v:g}</text>' for v in _ticks(top)
    ]
    parts.append(_line(_LEFT, floor, _WIDTH - 6, floor, "axis"))
    parts.append(f'<polyline class="speed" points="{_points(x(times), y(speed))}"/>')
    parts += [
        f'<circle class="minimum" cx="{x(m):.1f}" cy="{y(np.interp(m, times, speed)):.1f}" r="3"/>' for m in minima
    ]
    parts += [f'<path class="step" d="M{x(s):.1f} {floor - 1:.1f} l-4 -8 h8 z"/>' for s in steps]
    return f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{"".join(parts)}</svg>'


def scatter(real: np.ndarray, statistics: FeatureStatistics, sets: Sequence[tuple[str, str, np.ndarray]]) -> str:
    """Windows on the two directions in which real ones differ most: real ones grey, (name, colour, features) sets over
    them. Dots that lie outside are drawn on the edge.
    """
    base = statistics.normalised(real)
    directions = np.linalg.svd(base - base.mean(axis=0), full_matrices=False)[2][:2]
    grey = base @ directions.T
    low, high = np.percentile(grey, 1, axis=0), np.percentile(grey, 99, axis=0)
    low, high = low - 0.35 * (high - low), high + 0.35 * (high - low)

    def dots(features: np.ndarray, color: str, name: str) -> str:
        some = features[np.linspace(0, len(features) - 1, min(len(features), _MOST_DOTS)).astype(int)]
        places = (statistics.normalised(some) @ directions.T - low) / (high - low).clip(1e-9)
        x, y = (places.clip(0, 1) * (_SIDE - 16) + 8).T
        circles = "".join(f'<circle cx="{a:.1f}" cy="{_SIDE - b:.1f}" r="3.2"/>' for a, b in zip(x, y, strict=True))
        return f'<g fill="{color}"><title>{escape(name)}</title>{circles}</g>'

    inside = dots(real, GREY, REAL)
    inside += "".join(dots(features, color, name) for name, color, features in sets if len(features))
    return f'<svg class="scatter" viewBox="0 0 {_SIDE} {_SIDE}" role="img">{inside}</svg>'


def _ticks(top: float) -> list[float]:
    step = next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 50, 1e9) if top / s <= 5)
    return [round(value, 2) for value in np.arange(0, top, step)]


def _line(x1, y1, x2, y2, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
