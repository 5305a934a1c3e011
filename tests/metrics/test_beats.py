"""Time-keeping: a pendulum on the beat, late, shaken and frozen scores in the order a person would put them."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.beats import (
    KinematicBeats,
    beat_figures,
    beats_inside,
    footfalls,
    shifted_figures,
    speed_minima,
    with_half_beats,
)
from dancegen.metrics.dance import Dance, measure
from dancegen.metrics.motion import body_positions
from helpers.pendulum import BEAT_S, beats, frozen, noisy, pendulum, sequence

BEATS = beats(30.0)


def figures(keypoints, beats_s=BEATS):
    return measure(Dance.of(sequence(keypoints), beats_s), [beats(30.0, 0.43)])


def test_on_the_beat_everything_is_aligned_and_the_controls_are_not():
    found = figures(pendulum())
    # NumPy's, not Python's: a figure that is nan fails them.
    assert np.min([found["bas_music"], found["bas_motion"], found["footfall"]]) > 0.9
    assert np.max([found["bas_shifted"], found["bas_motion_shifted"], found["footfall_shifted"]]) < 0.15
    assert np.max([found["bas_other"], found["bas_motion_other"], found["footfall_other"]]) < 0.6


def test_a_quarter_of_a_beat_late_is_not_aligned_and_the_control_tells_that_it_is_late():
    found = figures(pendulum(late_s=BEAT_S / 4))
    assert np.max([found["bas_music"], found["bas_motion"], found["footfall"]]) < 0.15
    assert found["bas_shifted"] > 0.4 and found["footfall_shifted"] > 0.5


def test_a_twentieth_of_a_second_late_costs_what_the_kernel_says():
    found = figures(pendulum(late_s=0.05))
    assert found["bas_music"] == pytest.approx(np.exp(-0.5), abs=0.1)


def test_noise_shows_in_the_jitter_and_not_in_the_time_keeping():
    clean, shaken = figures(pendulum()), figures(noisy(pendulum()))
    assert shaken["accel_mean"] > 4 * clean["accel_mean"] and shaken["jerk_mean"] > 8 * clean["jerk_mean"]
    assert shaken["bas_music"] > 0.9


def test_who_stands_still_for_a_third_misses_a_third_of_the_beats():
    found = figures(frozen(pendulum()))
    assert found["freeze_ratio"] == pytest.approx(1 / 3, abs=0.04)
    assert found["bas_music"] == pytest.approx(2 / 3, abs=0.04) and found["bas_motion"] > 0.9
    assert figures(pendulum())["freeze_ratio"] == 0


def test_only_beats_inside_the_dance_count():
    around = np.concatenate([[-3.0, -0.5, 31.0, 47.0], BEATS])
    assert list(beats_inside(np.sort(around), 900)) == list(BEATS)
    positions = body_positions(sequence(pendulum()))
    assert beat_figures(positions, np.sort(around)) == beat_figures(positions, BEATS)


def test_the_rate_of_the_poses_does_not_change_the_figures():
    twice = sequence(pendulum()).resample(60.0)
    one, other = measure(Dance.of(sequence(pendulum()), BEATS)), measure(Dance.of(twice, BEATS))
    for name in ("bas_music", "bas_motion", "footfall", "speed_median"):
        assert other[name] == pytest.approx(one[name], abs=0.03), name


def test_minima_and_footfalls_are_where_they_were_made():
    positions = body_positions(sequence(pendulum()))
    inner = BEATS[1:-1]
    for events in (speed_minima(positions), footfalls(positions)):
        apart = np.abs(inner[:, None] - events).min(axis=1)
        assert apart.max() < 0.035


def test_without_music_or_movement_there_is_nothing_to_align():
    positions = body_positions(sequence(pendulum(5.0)))
    assert all(np.isnan(value) for value in vars(beat_figures(positions, np.empty(0))).values())
    assert all(np.isnan(value) for value in vars(shifted_figures(positions, np.empty(0))).values())
    still = beat_figures(np.repeat(positions[:1], 150, axis=0), beats(5.0))
    assert still.bas_music == 0 and np.isnan(still.bas_motion) and np.isnan(still.footfall)


def test_against_several_other_songs_the_mean_counts():
    others = [beats(30.0, 0.43), beats(30.0, 0.61)]
    one, other = (measure(Dance.of(sequence(pendulum()), BEATS), [song]) for song in others)
    both = measure(Dance.of(sequence(pendulum()), BEATS), others)
    for name in ("bas_other", "bas_motion_other", "footfall_other"):
        assert both[name] == pytest.approx((one[name] + other[name]) / 2) and one[name] != other[name]


def test_a_single_beat_has_no_control():
    positions = body_positions(sequence(pendulum(5.0)))
    assert beat_figures(positions, np.array([2.0])).bas_music > 0.9
    assert all(np.isnan(value) for value in vars(shifted_figures(positions, np.array([2.0]))).values())


def test_half_beats_count_at_every_tempo():
    assert list(with_half_beats(np.array([0.0, 0.5, 1.0]))) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert list(with_half_beats(np.array([0.0, 0.4, 0.8]))) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])


def test_a_foot_that_is_not_shown_does_not_fall():
    keypoints = pendulum()
    keypoints[300:600, [10, 13]] = 0
    found = footfalls(body_positions(sequence(keypoints)))
    assert not ((found > 10.1) & (found < 19.9)).any() and len(found) > 30
    keypoints[:, [10, 13]] = 0
    assert len(footfalls(body_positions(sequence(keypoints)))) == 0


@pytest.mark.parametrize("beat_s", [0.34, 0.5, 0.85])
def test_the_lead_of_a_dancer_over_chance_does_not_depend_on_the_tempo(beat_s):
    music = np.arange(1, 60) * beat_s
    rng = np.random.default_rng(1)
    on_time = KinematicBeats(np.empty(0), music, 10_000)
    human = KinematicBeats(np.empty(0), music + rng.normal(0, 0.02, len(music)), 10_000)
    anywhere = KinematicBeats(np.empty(0), np.sort(rng.uniform(0, music[-1], 4000)), 10_000)
    against = KinematicBeats(np.empty(0), music + beat_s / 4, 10_000)
    assert on_time.lead(music) == pytest.approx(1, abs=0.01) and 0.7 < human.lead(music) < 1
    assert abs(anywhere.lead(music)) < 0.06 and against.lead(music) == pytest.approx(-1, abs=0.06)
    assert np.isnan(on_time.lead(np.empty(0))) and np.isnan(anywhere.lead(music[:1]))
