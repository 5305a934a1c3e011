"""Beat-locking: steps come to fall on beats, and time bends only gently."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.motion.footfalls import active_span, find_footfalls, find_lulls, merge_near, step_period
from dancegen.motion.time_warp import (
    DanceEvents,
    alignment,
    shifted_alignment,
    target_grid,
    tempo_distance,
    warp_to_beats,
)

FPS = 60.0


def stepping(period_s: float, seconds: float, *, jitter_s: float = 0.0, wait_s: float = 0.0, seed: int = 0):
    """A body 1.7 m tall whose feet swing in turn, each coming to stand at the returned times. (T, 18, 3), (F,)."""
    rng = np.random.default_rng(seed)
    lands = wait_s + np.arange(period_s, seconds - 2 * wait_s, period_s)
    lands = lands + rng.uniform(-jitter_s, jitter_s, len(lands))
    times = np.arange(int(seconds * FPS)) / FPS
    joints = np.zeros((len(times), 18, 3))
    joints[:, :, 1] = np.linspace(1.6, 0.1, 18)
    for number, land in enumerate(lands):
        # A swing of 0.3 s that moves the ankle 0.35 m and ends at rest (a raised-cosine speed profile).
        phase = np.clip((times - land + 0.3) / 0.3, 0, 1)
        joints[:, (10, 13)[number % 2], 2] += 0.35 * (phase - np.sin(2 * np.pi * phase) / (2 * np.pi))
    return joints, lands


@pytest.mark.parametrize("fps_factor", [1, 2])
def test_footfalls_are_found_once_a_step_where_the_foot_comes_to_rest(fps_factor):
    joints, lands = stepping(0.5, 12.0)
    found = find_footfalls(joints[::fps_factor], FPS / fps_factor, 1.7)
    assert len(found) == len(lands)
    # The threshold is crossed shortly before rest, by the same time in each swing.
    lag = lands - found
    assert 0 < lag.mean() < 0.08 and lag.std() < 0.005


def test_a_shiver_is_no_footfall():
    joints, _ = stepping(0.5, 3.0)
    still = np.repeat(joints[-1:], 120, axis=0)
    still[60:63, 10, 2] += 0.05  # fast, but for less than a tenth of a second
    assert len(find_footfalls(still, FPS, 1.7)) == 0


def test_a_body_at_rest_has_no_beats_and_no_step_period():
    still = np.repeat(stepping(0.5, 3.0)[0][-1:], 200, axis=0)
    assert len(find_footfalls(still, FPS, 1.7)) == len(find_lulls(still, FPS, 1.7)) == 0
    assert step_period(np.array([])) == 0.0
    assert active_span(still, FPS, 1.7) == (0.0, 199 / FPS)


def test_lulls_lie_between_the_sways_of_a_body():
    times = np.arange(int(8 * FPS)) / FPS
    joints = np.repeat(stepping(0.5, 3.0)[0][-1:], len(times), axis=0)
    joints[:, :, 0] += 0.3 * np.sin(2 * np.pi * times / 1.6)[:, None]  # at rest each 0.8 s, from 0.4 s on
    lulls = find_lulls(joints, FPS, 1.7)
    inside = lulls[(lulls > 0.3) & (lulls < 7.7)]
    np.testing.assert_allclose(inside, 0.4 + 0.8 * np.arange(len(inside)), atol=0.03)
    assert len(inside) == 10


def test_waiting_before_and_after_a_dance_is_told_from_the_dance():
    joints, lands = stepping(0.4, 14.0, wait_s=3.0)
    times = np.arange(len(joints)) / FPS
    joints[..., 0] += 0.3 * np.sin(4 * np.clip(times, 3, 11))[:, None]
    start, end = active_span(joints, FPS, 1.7)
    assert 1.7 < start < lands[0] - 0.5 and lands[-1] + 0.5 < end < 12.3


def test_slow_movement_at_the_start_and_the_end_is_no_waiting():
    joints = np.repeat(stepping(0.5, 3.0)[0][-1:], 600, axis=0)
    joints[:, 7, 1] += 0.35 * np.arange(600) / 600  # a hand that takes ten seconds to rise by 35 cm
    joints[:, 4, 1] += 0.35 * np.arange(600) / 600
    joints[..., 2] += 0.03 * np.sin(2 * np.pi * np.arange(600) / FPS / 3)[:, None]
    assert active_span(joints, FPS, 1.7) == pytest.approx((0.0, 599 / FPS))


def test_steps_of_both_feet_together_are_one_step():
    assert merge_near(np.array([1.0, 1.02, 2.0, 3.0, 3.05]), 0.12) == pytest.approx([1.01, 2.0, 3.025])
    assert step_period(np.array([1.0, 1.02, 2.01, 3.0, 3.02, 4.01])) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(("step", "beat"), [(0.5, 0.5), (0.45, 0.5), (0.58, 0.5), (0.3, 0.56), (0.9, 0.46)])
def test_a_stepping_dancer_locks_to_a_click(step, beat):
    joints, _ = stepping(step, 25.0, jitter_s=0.03)
    events = DanceEvents.of(joints, FPS, 1.7)
    grid = target_grid(np.arange(0.17, 60, beat), events.step_s)
    warp = warp_to_beats(events, (0.0, 25.0), grid, (4.0, 60.0))
    steps = warp.song_time(events.footfalls)
    steps = steps[np.isfinite(steps)]
    assert len(steps) >= len(events.footfalls) - 2
    assert alignment(steps, grid) > 0.9
    assert np.mean([np.min(np.abs(grid.times_s - time)) <= 0.04 for time in steps]) > 0.9
    assert shifted_alignment(steps, grid, beat) < 0.3


def test_the_warp_is_smooth_rises_always_and_keeps_its_limits():
    rng = np.random.default_rng(3)
    falls = np.cumsum(rng.uniform(0.25, 0.9, 50))  # nothing regular: the warp has to work for each step
    grid = target_grid(np.arange(0, 60, 0.5), 0.5)
    warp = warp_to_beats(DanceEvents(falls, np.array([]), 0.5), (0.0, 30.0), grid, (2.0, 60.0))
    song = np.arange(warp.song_s[0], warp.song_s[-1], 0.01)
    rate = warp.rate_at(song)
    assert rate.min() > 0.8 - 1e-9 and rate.max() < 1.25 + 1e-9
    assert np.diff(warp.take_time(song)).min() > 0
    # At most 0.15 a knot of 0.2 s, so 0.0075 in a hundredth of a second: no jump anywhere.
    assert np.abs(np.diff(rate)).max() <= 0.0075 + 1e-9
    # The rate is the slope of the map, and the inverse undoes it.
    np.testing.assert_allclose(np.gradient(warp.take_time(song), song)[1:-1], rate[1:-1], atol=0.005)
    np.testing.assert_allclose(warp.song_time(warp.take_time(song)), song, atol=1e-3)
    assert np.isnan(warp.song_time(np.array([warp.take_s[0] - 1, warp.take_s[-1] + 1]))).all()


def test_all_of_the_take_is_danced_and_as_much_as_fits_where_the_song_is_short():
    events = DanceEvents(np.arange(10.5, 40, 0.5), np.array([]), 0.5)
    grid = target_grid(np.arange(0, 25, 0.52), 0.5)
    long_song = warp_to_beats(events, (10.0, 20.0), grid, (3.0, 25.0))
    assert (long_song.take_s[0], long_song.take_s[-1]) == (10.0, 20.0) and 3.0 <= long_song.song_s[0] <= 3.0 + 0.5 / 0.8
    tight = warp_to_beats(events, (10.0, 20.0), grid, (3.0, 3.0 + 10.75 / 1.2))
    assert (tight.take_s[0], tight.take_s[-1]) == (10.0, 20.0) and tight.rate.max() <= 1.25
    short_song = warp_to_beats(events, (10.0, 40.0), grid, (3.0, 9.0))
    assert 3.0 <= short_song.song_s[0] <= 3.7 and 8.7 < short_song.song_s[-1] <= 9.0 + 1e-9
    assert short_song.take_s[0] == 10.0


def test_a_part_of_a_warp_is_the_same_curve():
    events = DanceEvents(np.cumsum(np.random.default_rng(3).uniform(0.25, 0.9, 30)), np.array([]), 0.5)
    whole = warp_to_beats(events, (0.0, 14.0), target_grid(np.arange(0, 60, 0.5), 0.5), (2.0, 60.0))
    part = whole.within(3.333, 9.1)
    song = np.linspace(part.song_s[0], part.song_s[-1], 500)
    np.testing.assert_allclose(part.take_time(song), whole.take_time(song), atol=1e-4)
    np.testing.assert_allclose(part.rate_at(song), whole.rate_at(song), atol=1e-3)
    assert (part.take_s[0], part.take_s[-1]) == (3.333, 9.1)


def test_a_dance_in_time_already_is_hardly_bent():
    events = DanceEvents(np.arange(0.25, 20, 0.5), np.array([]), 0.5)
    grid = target_grid(np.arange(0.25, 40, 0.5), 0.5)
    warp = warp_to_beats(events, (0.0, 20.0), grid, (0.0, 40.0))
    assert np.abs(warp.rate - 1).max() < 1e-9


def test_without_footfalls_the_lulls_find_the_beats():
    events = DanceEvents(np.array([]), np.arange(0.4, 15, 0.55), 0.55)
    grid = target_grid(np.arange(0, 40, 0.5), events.step_s)
    warp = warp_to_beats(events, (0.0, 15.0), grid, (1.0, 40.0))
    lulls = warp.song_time(events.lulls)
    assert alignment(lulls[np.isfinite(lulls)], grid) > 0.9


def test_half_beats_are_used_where_the_steps_are_twice_as_fast_and_only_there():
    beats = np.arange(0, 10, 0.6)
    assert target_grid(beats, 0.58).period_s == pytest.approx(0.6)
    assert target_grid(beats, 0.31).period_s == pytest.approx(0.3)
    # At 170 beats a minute half-beats lie so close that any time is near one.
    assert target_grid(np.arange(0, 10, 60 / 170), 0.18).period_s == pytest.approx(60 / 170)


def test_tempo_distance_sees_through_octaves():
    assert tempo_distance(0.5, 0.5) == tempo_distance(0.25, 0.5) == tempo_distance(1.0, 0.5) == 0
    assert tempo_distance(0.55, 0.5) == pytest.approx(np.log(1.1))
    assert tempo_distance(0.0, 0.5) == 0.0


def test_real_salsa_meets_the_beats_far_better_than_between_them(shared_data):
    from dancegen.motion.readers.registry import load_motion

    motion = load_motion(shared_data / "cmu-salsa" / "60_06_scaled.bvh")
    events = DanceEvents.of(motion.joints3d, motion.fps, motion.height_m)
    for bpm in (96, 124):
        grid = target_grid(np.arange(0.1, 60, 60 / bpm), events.step_s)
        warp = warp_to_beats(events, (0.0, motion.seconds), grid, (1.0, 60.0))
        steps = warp.song_time(events.footfalls)
        steps = steps[np.isfinite(steps)]
        before = alignment(events.footfalls + 1.0, grid)
        assert alignment(steps, grid) > shifted_alignment(steps, grid, 60 / bpm) + 0.35
        assert alignment(steps, grid) > before + 0.2
