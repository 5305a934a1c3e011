"""Rates: what a header rounds is the rate that was meant, and what is none that is known stays as it is."""

from __future__ import annotations

import pytest

from dancegen.rates import KNOWN_RATES, known_rate, rounding_of


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        (59.9999, 60.0), (59.99988, 60.0), (60.1, 60.0), (29.97, 30000 / 1001), (29.97003, 30000 / 1001),
        (30.0003, 30.0), (23.98, 24000 / 1001), (23.976, 24000 / 1001), (59.94, 60000 / 1001), (120.000048, 120.0),
        (119.88, 120000 / 1001), (1 / 0.0083333, 120.0), (1 / 0.016667, 60.0), (1 / 0.0333667, 30000 / 1001),
        (100.0, 100.0),
    ],
)  # fmt: skip
def test_a_rounding_of_a_known_rate_is_that_rate(stated, meant):
    assert known_rate(stated) == meant


@pytest.mark.parametrize("stated", [10.0, 27.5, 33.3, 58.0, 62.0, 110.0, 1000.0])
def test_other_rates_stay_as_they_are(stated):
    assert known_rate(stated) == stated


def test_every_known_rate_is_itself():
    assert [known_rate(rate) for rate in KNOWN_RATES] == list(KNOWN_RATES)


@pytest.mark.parametrize(
    ("written", "meant"), [("0.033", 30), ("0.0333", 30), ("0.017", 60), ("0.0167", 60), ("0.0083", 120), ("0.04", 25),
                           ("0.03337", 30000 / 1001), ("0.042", 24)]
)  # fmt: skip
def test_few_digits_leave_more_open(written, meant):
    found = known_rate(1 / float(written), rounding_of(written))
    assert found == meant


def test_what_digits_leave_open():
    assert rounding_of("0.033") == pytest.approx(0.0005 / 0.033)
    assert rounding_of("60") == rounding_of("0.0") == rounding_of("many") == 0
