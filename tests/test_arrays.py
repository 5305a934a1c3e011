"""Operations on arrays that every part of the package shares."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.arrays import local_maxima


@pytest.mark.parametrize("seed", range(20))
def test_local_maxima_are_those_that_scipy_finds(seed):
    from scipy.signal import find_peaks

    values = np.random.default_rng(seed).integers(0, 4 + seed, 300).astype(float)  # with many flat tops
    np.testing.assert_array_equal(local_maxima(values), find_peaks(values)[0])


def test_ends_flat_lines_and_next_to_nothing_have_none():
    for values in ([], [1], [1, 1, 1], [2, 1], [3, 1, 2], [1, 2, 2]):
        assert len(local_maxima(np.array(values, float))) == 0
    assert local_maxima(np.array([0, 2, 2, 2, 1])).tolist() == [2]
