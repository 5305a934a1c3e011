"""AnimateDiff's windows, noise and settings."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.windows import frame_noise, pyramid, settled, windows

SHAPE = (4, 3, 2)


@pytest.mark.parametrize("frames, size, stride", [(1, 16, 12), (16, 16, 12), (17, 16, 4), (136, 16, 12), (40, 32, 31)])
def test_windows_overlap_and_see_every_frame(frames, size, stride):
    found = windows(frames, size, stride)
    seen = np.zeros(frames)
    for first, stop in found:
        assert stop - first == min(size, frames)
        seen[first:stop] += pyramid(stop - first)
    assert (seen > 0).all()
    parts = settled(frames, size, stride)
    assert [frame for part in parts for frame in range(frames)[part]] == list(range(frames))
    for part, later in zip(parts, found[1:], strict=False):  # what is settled is seen by no later window
        assert part.stop <= later[0]
    assert all(later[0] - earlier[0] <= stride for earlier, later in pairwise(found))


def test_noise_is_a_function_of_seed_and_frame_whatever_the_film_is_cut_into():
    whole = frame_noise(7, 0, 90, SHAPE, window=16, stride=6)
    part = frame_noise(7, 41, 66, SHAPE, window=16, stride=6)
    assert (whole[41:66] == part).all()
    assert not (frame_noise(8, 0, 90, SHAPE, window=16, stride=6) == whole).any()


def test_noise_is_the_first_windows_shuffled_within_strides():
    noise = frame_noise(3, 0, 160, SHAPE, window=16, stride=6).numpy()
    first = noise[:16]
    assert abs(first.mean()) < 0.2 and abs(first.std() - 1) < 0.2
    orders = []
    for turn in range(1, 10):
        block = noise[16 * turn : 16 * (turn + 1)]
        order = [int(np.flatnonzero((first == frame).all(axis=(1, 2, 3)))[0]) for frame in block]
        for unit in (order[:6], order[6:12], order[12:]):
            assert sorted(unit) == list(range(min(unit), min(unit) + len(unit)))
        assert sorted(order) == list(range(16))
        orders.append(tuple(order))
    assert len(set(orders)) > 5


def test_fast_mode_fills_in_what_is_not_chosen():
    usual, fast = Settings().completed(), Settings(fast=True).completed()
    assert (usual.sampler, usual.steps, usual.guidance) == ("dpm++", 20, 7.5) and usual.lora == ()
    assert (fast.sampler, fast.steps) == ("lcm", 6) and "AnimateLCM" in fast.motion_adapter and fast.lora
    own = Settings(fast=True, motion_adapter="me/mine", steps=4, lora=["me/l=0.5"]).completed()
    assert (own.motion_adapter, own.steps, own.lora) == ("me/mine", 4, ("me/l=0.5",))
