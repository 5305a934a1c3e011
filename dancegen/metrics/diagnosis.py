"""Diagnosis: what is wrong with a dance, in words, from its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite

# Real salsa and modern dance, from all around: speed 0.19 to 0.25, acceleration 2 to 3, freeze 0.01 to 0.07, longest
# limb 0.32, skating 0.07 to 0.1, variety 0.06 to 0.1; steps on the beat 0.65 of 1, and 0.33 a quarter of a beat off.
REAL_ACCELERATION, REAL_LIMB = 3.0, 0.32
_MOST_MISSING, _MOST_FROZEN, _LEAST_SPEED = 0.05, 0.3, 0.08
_MOST_TREMBLE, _LONGEST_LIMB, _MOST_SKATING = 2.5, 0.42, 0.3
_LEAST_VARIETY, _LEAST_LEAD, _FEW_SECONDS = 0.015, 0.05, 8.0


def faults(figures: Mapping[str, float]) -> list[str]:
    """What a person would call wrong with a dance of these figures (`dance.measure`), worst first; [] where nothing is.

    A figure that is nan or not there says nothing. Being no better than its control on the beat is said of dances of
    eight seconds or more.
    """

    def value(name: str, otherwise: float) -> float:
        found = figures.get(name)
        return found if found is not None and isfinite(found) else otherwise

    if value("shown", 1) == 0:
        return ["nobody is shown: no frame has a neck with hips or ankles, so there is nothing to measure"]
    said = []
    if (missing := value("missing", 0)) > _MOST_MISSING:
        said.append(f"{missing:.0%} of the joints were not shown by any image, and are guessed or missing")
    frozen, speed = value("freeze_ratio", 0), value("speed_median", 1)
    if frozen > _MOST_FROZEN:
        said.append(f"the dancer stands still for {frozen:.0%} of the time")
    elif speed < _LEAST_SPEED:
        said.append(f"the dancer hardly moves: {speed:.2f} body heights a second, real dance 0.2")
    if (times := value("accel_mean", 0) / REAL_ACCELERATION) > _MOST_TREMBLE:
        said.append(f"the dancer trembles: joints accelerate {times:.1f} times as much as in real dance")
    if (limb := value("limb_p99_max", 0)) > _LONGEST_LIMB:
        said.append(f"limbs stretch to {limb:.2f} body heights, real ones to {REAL_LIMB}")
    if (skating := value("skating", 0)) > _MOST_SKATING:
        said.append(f"feet slide over the floor: {skating:.2f} body heights a second, real ones 0.1")
    if value("variety", 1) < _LEAST_VARIETY and frozen < 0.9:
        said.append("the dancer does the same over and over")
    if frozen < 0.9 and value("seconds", 0) >= _FEW_SECONDS:
        said.extend(_off_beat(value))
    return said


def _off_beat(value: Callable[[str, float], float]) -> list[str]:
    steps, shifted = value("footfall", float("nan")), value("footfall_shifted", float("nan"))
    if isfinite(steps) and isfinite(shifted):
        if steps - shifted < _LEAST_LEAD:
            return [f"the steps do not keep time: {steps:.2f} on the beat, {shifted:.2f} a quarter of a beat off it"]
    elif isfinite(value("bas_music", float("nan"))):
        return ["the dancer takes no step that could fall on a beat"]
    return []
