"""Diagnosis: what is right and wrong with a dance, in words, from its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite

# Real salsa and modern dance, from all around: speed 0.19 to 0.25, acceleration 2 to 3, freeze 0.01 to 0.07, longest
# limb 0.32, skating 0.08, variety 0.06 to 0.1, footfall lead 0.42. Of 101 half minutes of ten genres, the
# worst but one skates by 0.13 from the front; the worst, a dance of whirls, by 0.21.
REAL_ACCELERATION, REAL_LIMB, REAL_SKATING, REAL_LEAD = 3.0, 0.32, 0.08, 0.42
_MOST_MISSING, _MOST_FROZEN, _LEAST_SPEED = 0.05, 0.3, 0.08
_MOST_TREMBLE, _LONGEST_LIMB, _MOST_SKATING = 2.5, 0.42, 0.16
_LEAST_VARIETY, _FEW_SECONDS = 0.015, 8.0
_ON_THE_BEAT, _LOOSE, _LEAST_LEAD = 0.75, 0.4, 0.25
"""Of real dancers' footfall lead."""
_FEWEST_BEATS = 2
NO_BEAT = "no steady beat was heard in the music"


def faults(figures: Mapping[str, float]) -> list[str]:
    """What a person would call wrong with a dance of these figures (`dance.measure`), worst first; [] where nothing is.

    A figure that is nan or not there says nothing. Missing the beat is said of dances of eight seconds or more.
    """
    value = _known(figures)
    if value("shown", 1) == 0:
        return ["nobody is shown: no frame has a neck with hips or ankles, so there is nothing to measure"]
    said = [NO_BEAT] if is_beatless(figures) else []
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
        times = skating / REAL_SKATING
        said.append(f"the feet slide over the floor {times:.1f} times as much as in real dance")
    if value("variety", 1) < _LEAST_VARIETY and frozen < 0.9:
        said.append("the dancer does the same over and over")
    if frozen < 0.9 and value("seconds", 0) >= _FEW_SECONDS:
        said.extend(_off_beat(value))
    return said


def is_beatless(figures: Mapping[str, float]) -> bool:
    """Whether there is music, but no beat was heard in it."""
    return figures.get("beats", float("nan")) < _FEWEST_BEATS


def timing(figures: Mapping[str, float]) -> str:
    """How well the steps of a dance of these figures (`dance.measure`) meet the beat, in a sentence for musicians."""
    value = _known(figures)
    lead = value("footfall_lead", float("nan"))
    if is_beatless(figures):
        return "no steady beat was heard, so there is none to meet"
    if not isfinite(lead):
        return "no steps or no beats to compare"
    share = lead / REAL_LEAD
    if share >= _ON_THE_BEAT:
        return "the steps fall on the beat, as real dancers' steps do"
    if share >= _LOOSE:
        return "the steps follow the beat, more loosely than real dancers' steps do"
    if share >= _LEAST_LEAD:
        return "some steps meet the beat, many fall beside it"
    return "the steps do not keep time"


def _off_beat(value: Callable[[str, float], float]) -> list[str]:
    unknown = float("nan")
    steps, shifted = value("footfall", unknown), value("footfall_shifted", unknown)
    if value("footfall_lead", REAL_LEAD) < _LEAST_LEAD * REAL_LEAD:
        return [f"the steps do not keep time: {steps:.2f} on the beat, {shifted:.2f} a quarter of a beat off it"]
    if isfinite(value("bas_music", unknown)) and not isfinite(steps):
        return ["the dancer takes no step that could fall on a beat"]
    return []


def _known(figures: Mapping[str, float]) -> Callable[[str, float], float]:
    """A figure by its name, or something else where it is nan or not there."""

    def value(name: str, otherwise: float) -> float:
        found = figures.get(name)
        return found if found is not None and isfinite(found) else otherwise

    return value
