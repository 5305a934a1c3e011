"""Repetition, and what a body cannot do: each figure shown a dance that fails it and one that does not."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.motion import body_positions
from dancegen.metrics.physics import (
    foot_skating,
    longest_limb,
    physical_foot_contact,
    side_swaps,
    stretched_limbs,
    twisted,
)
from dancegen.metrics.repetition import SEARCH_HOP_S, Repertoire, copying, nearest_training, repetition_windows, variety
from dancegen.pose.skeleton import MIRROR
from helpers.pendulum import FPS, HEIGHT, noisy, pendulum, sequence


def positions(keypoints):
    return body_positions(sequence(keypoints))


def wandering(seconds: float = 30.0, seed: int = 0) -> np.ndarray:
    """Arms and legs that never do the same again."""
    from scipy.ndimage import gaussian_filter1d

    keypoints = pendulum(seconds)
    ways = np.random.default_rng(seed).normal(size=(len(keypoints), 18, 2))
    ways = gaussian_filter1d(ways, 12, axis=0)
    keypoints[..., :2] += ways / ways.std() * 0.15 * HEIGHT
    return keypoints


def test_a_loop_has_no_variety_and_a_wandering_dance_has():
    loop = np.concatenate([wandering(5.0)] * 6)
    assert variety(positions(loop)) < 0.01
    assert variety(positions(wandering())) > 0.05
    assert np.isnan(variety(positions(wandering(5.5))))


def test_a_copy_is_found_wherever_it_begins_and_a_new_dance_is_none():
    training = Repertoire.of(positions(wandering(20.0, seed)) for seed in range(4))
    copied = positions(wandering(20.0, 2)[:-150])[7:]
    fresh = positions(wandering(20.0, 9))
    found = [copying(nearest_training(repetition_windows(dance), training.windows())) for dance in (copied, fresh)]
    assert found[0] < 0.02 < 0.08 < found[1]
    assert np.isnan(copying(nearest_training(repetition_windows(fresh), Repertoire.of([]).windows())))


def test_a_repertoire_keeps_every_dance_to_a_hundredth_and_is_read_as_it_was_written():
    dances = [positions(wandering(seconds, seed)) for seed, seconds in enumerate((12.0, 1.0, 5.0))]
    kept = Repertoire.of(dances)
    assert kept.poses.dtype == np.int8 and kept.lengths.tolist() == [120, 10, 50]
    whole = [repetition_windows(dance, SEARCH_HOP_S) for dance in dances if len(dance) > 60]
    for exact, found in zip(whole, kept.windows(), strict=True):
        assert np.abs(found[: len(exact)] - exact).max() < 0.0051 and len(found) - len(exact) <= 1
    again = Repertoire.unpacked(*kept.packed().values())
    assert np.array_equal(again.poses, kept.poses) and np.array_equal(again.lengths, kept.lengths)
    with pytest.raises(ValueError, match="repertoire"):
        Repertoire.unpacked(kept.packed()["repertoire"], kept.lengths[:2])


def test_a_dancer_whose_hip_is_never_seen_is_no_loop_and_no_copy():
    keypoints = wandering(20.0)
    keypoints[:, 8] = 0
    assert np.isnan(variety(positions(keypoints)))
    training = [repetition_windows(positions(wandering(20.0)), SEARCH_HOP_S)]
    assert np.isnan(copying(nearest_training(repetition_windows(positions(keypoints)), training)))


def test_a_dance_is_looked_through_piece_by_piece_with_the_same_result(monkeypatch):
    windows = repetition_windows(positions(wandering(20.0)))
    training = [repetition_windows(positions(wandering(12.0, 5)), SEARCH_HOP_S)]
    whole = variety(positions(wandering(20.0))), nearest_training(windows, training)
    monkeypatch.setattr("dancegen.metrics.repetition._ROWS", 7)
    assert variety(positions(wandering(20.0))) == pytest.approx(whole[0], rel=1e-4)
    assert nearest_training(windows, training) == pytest.approx(whole[1], rel=1e-4)


def test_the_distance_is_the_root_mean_square_of_coordinates_in_body_heights():
    here = np.zeros((1, 520), np.float32)
    assert copying(nearest_training(here, [here + 0.05, here + 0.5])) == pytest.approx(0.05)


def test_a_foot_that_slides_skates_and_one_that_steps_does_not():
    assert foot_skating(positions(pendulum())) < 0.01
    sliding = pendulum()
    sliding[:, :, 0] += (0.2 * HEIGHT * np.sin(2 * np.pi * np.arange(len(sliding)) / FPS / 4))[:, None]
    # 0.2 sin(2 pi t / 4): the mean of |speed| is 0.2 * 4 / 4.
    assert foot_skating(positions(sliding)) == pytest.approx(0.2, rel=0.1)


def test_a_jump_is_no_slide():
    flying = pendulum()
    times = np.arange(len(flying)) / FPS
    airborne = times % 2 < 0.6
    flying[airborne, :, 1] -= (0.3 * HEIGHT * np.sin(np.pi * (times % 2) / 0.6))[airborne, None]
    flying[:, :, 0] += (0.5 * HEIGHT * np.cumsum(airborne) / FPS)[:, None]
    assert foot_skating(positions(flying)) < 0.05


def test_a_limb_that_stretches_is_longer_than_its_own_length():
    found = positions(pendulum())
    assert stretched_limbs(found) == 0
    keypoints = pendulum()
    keypoints[::20, 4, 1] += 0.5 * HEIGHT  # a wrist that shoots away in a frame of twenty
    assert stretched_limbs(positions(keypoints)) == pytest.approx(1 / 12 / 20, rel=0.2)
    assert longest_limb(positions(keypoints)) > longest_limb(found) + 0.05


def test_shoulders_the_other_way_round_than_the_hips_are_twisted():
    assert twisted(positions(pendulum())) == 0
    keypoints = pendulum()
    upper = [2, 3, 4, 5, 6, 7]
    keypoints[:225, upper] = keypoints[:225][:, MIRROR[upper]]
    assert twisted(positions(keypoints)) == pytest.approx(0.25, abs=0.01)


def test_sides_that_change_places_are_counted():
    keypoints = pendulum()
    assert side_swaps(positions(keypoints)) == 0
    keypoints[300:, [9, 12]] = keypoints[300:][:, [12, 9]]
    assert side_swaps(positions(keypoints)) == pytest.approx(1 / 30, rel=0.01)
    assert side_swaps(positions(noisy(pendulum()))) == 0


def test_pfc_is_nought_for_a_standing_foot_and_its_formula_for_flying_ones():
    frames = 91
    times = np.arange(frames) / 30
    joints = np.zeros((frames, 18, 3))
    joints[:, (8, 11), 0] = np.sin(3 * times)[:, None]
    joints[:, 10, 0] = times  # one foot moves, the other stands
    assert physical_foot_contact(joints, 30.0) == 0
    joints[:, 13, 1] = 2 * times  # straight up: EDGE counts what a foot slides, not what it is lifted
    assert physical_foot_contact(joints, 30.0) == 0
    joints[:, 13, 2] = times**2
    size, later = np.abs(np.diff(np.sin(3 * times), 2)), np.diff(times**2)[1:]
    assert physical_foot_contact(joints, 30.0) == pytest.approx((size * later).mean() / size.max() / 30 * 1e4, 1e-4)
    joints[:, (8, 11)] = 0
    joints[:, (8, 11), 1] = -(times**2)[:, None]  # falling asks no foot for help
    assert physical_foot_contact(joints, 30.0) == 0
