"""Strengths over the time of a song."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.renderers.film.pulse import Pulse, parse_pulses

BEATS = np.arange(1.0, 5.0, 0.5)


def test_a_strength_is_highest_on_beats_and_falls_to_the_next():
    pulse = Pulse.parse("--pulse", "control=0.4-1.2")
    assert pulse.at(BEATS, BEATS) == pytest.approx(1.2)
    assert pulse.at(BEATS + 0.499, BEATS) == pytest.approx(0.4, abs=1e-3)
    falling = pulse.at(1 + np.linspace(0, 0.49, 20), BEATS)
    assert (np.diff(falling) < 0).all()
    assert pulse.at(np.array([0.0, 0.99, 9.0]), BEATS) == pytest.approx(0.4)  # before the first, after the last
    assert pulse.at(np.arange(3.0), np.zeros(0)) == pytest.approx(0.4)
    assert pulse.at(BEATS - 2e-4, BEATS) == pytest.approx(1.2, abs=1e-2)  # a frame is where a beat is, to its rounding


def test_a_curve_goes_straight_from_point_to_point():
    pulse = Pulse.parse("--pulse", "prompt=0:10 1 | 1:00 0.5 | 75s 2")
    assert pulse.at(np.array([0, 10, 35, 60, 67.5, 99]), BEATS).tolist() == [1, 1, 0.75, 0.5, 1.25, 2]


@pytest.mark.parametrize(
    "text", ["control", "control=", "control=a-b", "sound=0-1", "control=0-1-2", "control=0:10", "prompt=0:10 1|0:10 2"]
)
def test_what_is_no_pulse_is_refused(text):
    with pytest.raises(InputError, match="--pulse"):
        parse_pulses("--pulse", text)


def test_each_strength_has_one_pulse():
    with pytest.raises(InputError, match="twice"):
        parse_pulses("--pulse", ["control=0-1", "control=0.5-1"])
