"""Drift of colour over a chain of eight segments, measured on the real classes: with matching less than without."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

import dancegen
from dancegen.store import Store, open_store
from helpers.tiny_film import dance
from helpers.tiny_wan import tiny_wan

SMALL = {"engine": "wan-vace", "size": "32x48", "fps": 16, "segment": 9, "overlap": 2, "steps": 2, "device": "cpu"}
SEGMENTS = 8


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return open_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def distances(store, tmp_path_factory) -> dict[bool, np.ndarray]:
    """(SEGMENTS,) levels by which the mean colour of each segment is off the first one's; by whether it is matched."""
    base, poses = tiny_wan(tmp_path_factory.mktemp("wan")), dance(store, (9 + 7 * (SEGMENTS - 1)) / 16)
    found = {}
    for matching in (True, False):
        made = dancegen.render(
            poses, prompt="a dancer", **SMALL, base=base, no_colour_match=not matching, frames=True, store=store
        )  # fmt: skip
        assert made.summary["segments_total"] == SEGMENTS
        found[matching] = drift_of(made)
    return found


def drift_of(made) -> np.ndarray:
    import cv2

    files = sorted((made.path / "frames").iterdir())
    means = np.array([cv2.imread(str(file)).reshape(-1, 3).mean(axis=0) for file in files])
    borders = [0, *range(9, len(means) + 1, 7)]
    each = np.array([means[first:stop].mean(axis=0) for first, stop in pairwise(borders)])
    return np.linalg.norm(each - each[0], axis=1)


def test_eight_segments_drift_less_with_matching(distances):
    matched, plain = distances[True], distances[False]
    assert len(matched) == len(plain) == SEGMENTS
    assert matched[-3:].mean() < 0.7 * plain[-3:].mean(), (matched.round(2), plain.round(2))
