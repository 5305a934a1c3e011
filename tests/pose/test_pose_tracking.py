"""One of several people is followed."""

from __future__ import annotations

import numpy as np

from dancegen.pose.cleaning import track_dancer


def person(x: float, height: float) -> np.ndarray:
    body = np.ones((18, 3))
    body[:, 0], body[:, 1] = x, np.linspace(0, height, 18)
    return body


def test_the_largest_is_followed_first_then_whoever_is_nearest():
    dancer, passer_by, giant = person(100, 200), person(300, 40), person(300, 400)
    assert track_dancer([[passer_by, dancer], [giant, person(110, 200)], [person(120, 190), giant]]) == [1, 1, 0]


def test_where_nobody_is_seen_nobody_is_followed_and_the_dancer_is_found_again():
    dancer, other = person(100, 200), person(250, 220)
    assert track_dancer([[dancer], [], [np.zeros((18, 3))], [other, dancer]]) == [0, None, None, 1]


def test_who_is_far_from_the_dancer_is_somebody_else():
    assert track_dancer([[person(100, 200)], [person(400, 50), person(900, 100)]]) == [0, 1]
