"""Drift of colour over a chain of eight segments, measured on the real classes, with matching and without.

Weights that have learnt nothing jump once, from the segment that goes on from nothing to those that go on from frames:
that is more than drift can be, and is left alone. What is measured is whether anything creeps in behind it. What
matching takes out of a drift that is known, `test_colour` measures.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import dancegen
from dancegen.store import open_store
from helpers.tiny_film import dance
from helpers.tiny_wan import tiny_wan

SHORT = {
    "engine": "wan-vace", "size": "32x48", "fps": 16, "segment": 9, "overlap": 2, "steps": 1, "guidance": 1,
    "device": "cpu", "frames": True,
}  # fmt: skip
SEGMENTS, OWN = 8, 7
"""A segment has 9 frames, of which 2 are those of the one before."""


@pytest.fixture(scope="module")
def distances(tmp_path_factory) -> dict[bool, np.ndarray]:
    """(SEGMENTS,) levels of 255 by which the mean colour of each segment is off the first; by whether it is matched."""
    store, base = open_store(tmp_path_factory.mktemp("store")), tiny_wan(tmp_path_factory.mktemp("wan"))
    poses = dance(store, (9 + OWN * (SEGMENTS - 1)) / 16)
    found = {}
    for matching in (True, False):
        made = dancegen.render(
            poses, prompt="a dancer", **SHORT, base=base, no_colour_match=not matching, store=store
        )  # fmt: skip
        assert made.summary["segments_total"] == SEGMENTS
        found[matching] = off_the_first(sorted((made.path / "frames").iterdir()))
    return found


def off_the_first(files) -> np.ndarray:
    import cv2

    means = np.array([cv2.imread(str(file)).mean(axis=(0, 1)) for file in files])
    borders = [0, *range(9, len(means) + 1, OWN)]
    each = np.array([means[first:stop].mean(axis=0) for first, stop in pairwise(borders)])
    return np.linalg.norm(each - each[0], axis=1)


@pytest.mark.slow
def test_nothing_creeps_in_over_eight_segments(distances):
    for found in distances.values():
        assert len(found) == SEGMENTS and np.ptp(found[1:]) < 0.5, found.round(2)
    assert (distances[True] < distances[False] + 0.1).all()  # and matching puts nothing in
