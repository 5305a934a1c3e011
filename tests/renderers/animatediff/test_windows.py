"""AnimateDiff's windows, noise and settings."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from dancegen.errors import InputError
from dancegen.renderers.animatediff.loading import make_scheduler
from dancegen.renderers.animatediff.settings import Settings
from dancegen.renderers.animatediff.windows import frame_noise, moved_windows, pyramid, settled, windows

SHAPE = (4, 3, 2)


LENGTHS = [(1, 16, 12), (16, 16, 12), (17, 16, 4), (136, 16, 12), (40, 32, 31), (50, 7, 7)]


@pytest.mark.parametrize("frames, size, stride", LENGTHS)
def test_windows_see_every_frame_also_where_they_move(frames, size, stride):
    moved = [moved_windows(frames, size, stride, seed=3, first=40, step=step) for step in range(25)]
    for found in (windows(frames, size, stride), *moved):
        seen = np.zeros(frames)
        for first, stop in found:
            assert stop - first == min(size, frames) and first >= 0
            seen[first:stop] += pyramid(stop - first)
        assert (seen > 0).all()
        parts = settled(found)
        assert [frame for part in parts for frame in range(frames)[part]] == list(range(frames))
        for part, later in zip(parts, found[1:], strict=False):  # what is settled is seen by no later window
            assert part.stop <= later[0]
        assert all(0 < later[0] - earlier[0] <= size for earlier, later in pairwise(found))
    assert len(windows(frames, size, stride)) == pytest.approx(np.mean([len(found) for found in moved]), rel=0.35)


@pytest.mark.parametrize("frames, size, stride", LENGTHS)
def test_static_windows_are_animatediff_evolveds(frames, size, stride):
    """Its `create_windows_static_standard` (context_length, context_overlap), written out."""
    expected = [(0, frames)] if frames <= size else []
    for start in range(0, frames, stride) if frames > size else ():
        if start + size >= frames:
            expected.append((frames - size, frames))
            break
        expected.append((start, start + size))
    assert windows(frames, size, stride) == expected


def test_windows_that_move_begin_elsewhere_at_every_step_and_in_every_segment():
    def starts(step: int, seed: int = 5, first: int = 0) -> list[int]:
        return [start for start, _ in moved_windows(160, 16, 12, seed=seed, first=first, step=step)]

    assert starts(4) == starts(4) and len({tuple(starts(step)) for step in range(20)}) == 20
    assert starts(4) != starts(4, seed=6) and starts(4) != starts(4, first=120)
    gaps = Counter(b - a for step in range(60) for a, b in pairwise(starts(step)[1:-1]))
    assert set(gaps) == set(range(8, 17))
    begun = Counter(start % 12 for step in range(60) for start in starts(step)[1:-1])
    assert len(begun) == 12 and max(begun.values()) < 2 * min(begun.values())


def test_noise_is_a_function_of_seed_and_frame_whatever_the_film_is_cut_into():
    whole = frame_noise(7, 0, 90, SHAPE, window=16)
    part = frame_noise(7, 41, 66, SHAPE, window=16)
    assert (whole[41:66] == part).all()
    assert not (frame_noise(8, 0, 90, SHAPE, window=16) == whole).any()


@pytest.mark.parametrize("window", [2, 7, 16, 32])
def test_no_two_frames_of_a_window_have_the_same_noise(window):
    noise = frame_noise(3, 0, 200, SHAPE, window=window).numpy().reshape(200, -1)
    for first in range(200 - window):
        assert len(np.unique(noise[first : first + window], axis=0)) == window, first


def test_noise_comes_again_in_another_order():
    noise = frame_noise(3, 0, 240, SHAPE, window=16).numpy()
    assert abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
    base = noise[:24]
    orders = []
    for turn in range(1, 10):
        block = noise[24 * turn : 24 * (turn + 1)]
        order = [int(np.flatnonzero((base == frame).all(axis=(1, 2, 3)))[0]) for frame in block]
        for unit in (order[:8], order[8:16], order[16:]):
            assert sorted(unit) == list(range(min(unit), min(unit) + 8))
        assert sorted(order) == list(range(24))
        orders.append(tuple(order))
    assert len(set(orders)) == len(orders)


def test_fast_mode_fills_in_what_is_not_chosen():
    usual, fast = Settings().completed(), Settings(fast=True).completed()
    assert (usual.sampler, usual.steps, usual.guidance) == ("dpm++", 20, 7.5) and usual.lora == ()
    assert (fast.sampler, fast.steps) == ("lcm", 6) and "AnimateLCM" in fast.motion_adapter and fast.lora
    own = Settings(fast=True, motion_adapter="me/mine", steps=4, lora=["me/l=0.5"]).completed()
    assert (own.motion_adapter, own.steps, own.lora) == ("me/mine", 4, ("me/l=0.5",))


def test_each_fast_way_chooses_modules_sampler_steps_and_guidance():
    lcm, lightning = (Settings(fast=way).completed() for way in ("lcm", "lightning"))
    assert Settings(fast=True).completed() == lcm
    assert (lcm.sampler, lcm.steps, lcm.guidance, lcm.motion_adapter) == ("lcm", 6, 1.5, "wangfuyun/AnimateLCM")
    assert lcm.lora == ("wangfuyun/AnimateLCM/AnimateLCM_sd15_t2v_lora.safetensors=0.8",)
    assert (lightning.sampler, lightning.steps, lightning.guidance) == ("euler", 4, 1.0) and lightning.lora == ()
    for steps in (1, 2, 4, 8):
        named = Settings(fast="lightning", steps=steps).completed()
        assert named.motion_adapter.endswith(
            f"AnimateDiff-Lightning/animatediff_lightning_{steps}step_diffusers.safetensors"
        )
        assert named.steps == steps and not named.guided
    with pytest.raises(InputError, match="1, 2, 4 or 8 steps"):
        Settings(fast="lightning", steps=3).completed()
    trailing = make_scheduler("euler")
    trailing.set_timesteps(4)  # Lightning's makers: trailing spacing, linear betas
    assert [int(t) for t in trailing.timesteps] == [999, 749, 499, 249] and trailing.config.beta_schedule == "linear"
