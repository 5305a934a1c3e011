"""The frame rates that there are: a header rounds them, in frames a second or in seconds a frame."""

from __future__ import annotations

WHOLE_RATES = (
    12.0, 15.0, 24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 72.0, 75.0, 90.0, 100.0, 120.0, 144.0, 150.0, 180.0, 200.0, 240.0,
    250.0, 300.0, 360.0, 480.0, 500.0,
)  # fmt: skip
"""Frames a second. Not among them are 10, 20 and 40, which as milliseconds are the more usual 100, 50 and 25."""
TELEVISION_RATES = tuple(rate * 1000 / 1001 for rate in (12.0, 15.0, 24.0, 30.0, 48.0, 60.0, 120.0, 240.0))
KNOWN_RATES = tuple(sorted((*WHOLE_RATES, *TELEVISION_RATES)))
NEAR = 0.002
"""Of a rate, by which a header may round or miscount it.

29.97 and 30 are half as far apart: the nearer one is meant.
"""


def known_rate(stated: float, rounding: float = 0.0) -> float:
    """The known rate that a stated one (frames a second) is a rounding of; the stated one where it is none.

    rounding: the share of it that the digits it was written with leave open: 0.033 s a frame is any rate from 29.85 to
    30.77. Where that is more than what tells 29.97 from 30, the whole rate is meant.
    """
    rates = KNOWN_RATES if rounding <= NEAR else WHOLE_RATES
    nearest = min(rates, key=lambda rate: abs(rate - stated))
    return nearest if abs(nearest - stated) <= max(NEAR, rounding) * stated else stated


def rounding_of(number: str) -> float:
    """What share of a number its last written digit leaves open, half of that digit: 0.015 of "0.033", 0 of "60"."""
    digits = number.lower().partition("e")[0].partition(".")[2]
    try:
        value = abs(float(number))
    except ValueError:
        return 0.0
    return 0.5 * 10.0 ** -len(digits) / value if digits and value else 0.0
