"""Many channels become one that is never silent where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.audio.mono import WINDOW, to_mono


def tone(hertz: float, seconds: float = 4.0) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * 44_100)) / 44_100).astype(np.float32)


def mixed(samples: np.ndarray, block: int = 10_000) -> tuple[np.ndarray, int]:
    """The mono sound, and how often it was said that channels cancel."""
    said = []
    blocks = (samples[first : first + block] for first in range(0, len(samples), block))
    return np.concatenate(list(to_mono(blocks, lambda: said.append(1)))), len(said)


def test_channels_that_cancel_out_leave_the_loudest():
    heard, said = mixed(np.stack([0.5 * tone(440), -0.52 * tone(440)], 1))
    assert np.allclose(heard, -0.52 * tone(440)) and said == 1


def test_other_songs_are_the_mean_of_their_channels():
    wide = np.stack([tone(440), 0.3 * tone(660), np.zeros_like(tone(1))], 1)
    heard, said = mixed(wide)
    assert np.allclose(heard, wide.mean(axis=1), atol=1e-6) and said == 0
    assert np.array_equal(mixed(wide[:, :1])[0], wide[:, 0])
    faint = 1e-4 * np.stack([tone(440), -tone(440)], 1)
    assert mixed(faint)[1] == 0


def test_a_song_that_cancels_from_some_moment_on_is_heard_from_there():
    late = np.stack([tone(440), np.concatenate([tone(440)[: 2 * WINDOW], -tone(440)[2 * WINDOW :]])], 1)
    heard, said = mixed(late)
    assert said == 1 and np.allclose(np.abs(heard), np.abs(tone(440)), atol=1e-6)


@pytest.mark.parametrize("block", [1, 999, WINDOW, 100_000])
def test_the_blocks_it_comes_in_make_no_difference(block):
    samples = np.stack([tone(440, 2.0), -tone(440, 2.0)], 1)[: WINDOW * 2 + 77]
    assert np.array_equal(mixed(samples, block)[0], mixed(samples, 5000)[0])
