"""Features and Frechet distances, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dancegen.metrics.features import (
    GEOMETRIC,
    KINETIC,
    FeatureStatistics,
    diversity,
    frechet_distance,
    geometric_features,
    kinetic_features,
    movement_windows,
)
from dancegen.metrics.motion import body_positions
from helpers.pendulum import noisy, pendulum, sequence


def normal(mean: float, deviation: float, windows: int = 20_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, deviation, (windows, 5))


def test_the_distance_of_two_normal_sets_is_the_formulas():
    real, made = FeatureStatistics.of(normal(0, 2)), FeatureStatistics.of(normal(4, 6, seed=1))
    # In real standard deviations the means are 2 apart and the deviations 1 and 3: 5 * (2^2 + (3 - 1)^2).
    assert frechet_distance(made, real) == pytest.approx(40, rel=0.03)
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)


def test_correlated_features_are_not_taken_for_independent_ones():
    rng = np.random.default_rng(0)
    independent = rng.normal(size=(20_000, 2))
    correlated = independent @ np.array([[1, 0.9], [0, np.sqrt(1 - 0.81)]])
    found = frechet_distance(FeatureStatistics.of(correlated), FeatureStatistics.of(independent))
    # tr(C1 + I - 2 C1^(1/2)) with the eigenvalues 1.9 and 0.1 of C1.
    assert found == pytest.approx(4 - 2 * (np.sqrt(1.9) + np.sqrt(0.1)), rel=0.05)


def test_diversity_is_the_mean_distance_of_pairs():
    real = FeatureStatistics(np.zeros(2), np.diag([4.0, 1.0]), 100)
    assert diversity(np.array([[0.0, 0.0], [6.0, 4.0]]), real) == 5
    assert np.isnan(diversity(np.zeros((1, 2)), real))
    assert diversity(np.ones((10, 2)), real) == 0


def test_windows_are_three_seconds_and_overlap_by_half():
    positions = body_positions(sequence(pendulum(10.0)))
    assert movement_windows(positions).shape == (5, 90, 13, 2)
    assert kinetic_features(positions).shape == (5, KINETIC)
    assert geometric_features(positions).shape == (5, GEOMETRIC)
    assert len(kinetic_features(positions[:80])) == len(geometric_features(positions[:80])) == 0


def test_kinetic_features_are_speeds_and_acceleration_in_body_heights():
    times = np.arange(90) / 30
    positions = np.zeros((90, 13, 2))
    positions[..., 0] = times[:, None]  # one body height a second sideways, all of it
    positions[:, 5, 1] = times**2  # and one wrist falls with 2 a second squared
    (found,) = kinetic_features(positions)
    assert found[:13] == pytest.approx(1) and found[13:26][[0, 6]] == pytest.approx(0)
    assert found[26:][5] == pytest.approx(2, rel=1e-3) and found[26:][4] == pytest.approx(0, abs=1e-6)


def test_geometric_features_know_an_elbows_angle_wherever_the_dancer_is():
    positions = np.zeros((90, 13, 2))
    positions[:, 1], positions[:, 2], positions[:, 3] = (0, 0), (0, 0.2), (0.2, 0.2)  # a right angle at the elbow
    (found,) = geometric_features(positions)
    assert found[22] == pytest.approx(np.pi / 2) and found[30] == pytest.approx(0, abs=1e-9)
    (moved,) = geometric_features(positions + 5.0)
    assert moved == pytest.approx(found)


def test_where_no_feature_is_seen_there_is_no_distance():
    keypoints = pendulum(30.0)
    real = FeatureStatistics.of(geometric_features(body_positions(sequence(keypoints))))
    keypoints[:, 8] = 0  # without a hip nothing can be said relative to the mid-hip
    features = geometric_features(body_positions(sequence(keypoints)))
    assert np.isnan(frechet_distance(FeatureStatistics.of(features), real)) and np.isnan(diversity(features, real))


def test_noise_moves_a_dance_away_from_itself_and_more_noise_further():
    clean = kinetic_features(body_positions(sequence(pendulum(120.0))))
    real = FeatureStatistics.of(clean)
    found = [
        frechet_distance(
            FeatureStatistics.of(kinetic_features(body_positions(sequence(noisy(pendulum(120.0), sigma))))), real
        )
        for sigma in (0.001, 0.004, 0.016)
    ]
    assert 0 <= found[0] < found[1] / 3 < found[2] / 9


def test_a_joint_that_is_never_seen_does_not_spoil_the_rest():
    keypoints = pendulum(30.0)
    real = FeatureStatistics.of(kinetic_features(body_positions(sequence(keypoints))))
    keypoints[:, 4] = 0
    features = kinetic_features(body_positions(sequence(keypoints)))
    # The joint's three features are constant now: each costs its variance, which is 1; the others nothing.
    assert frechet_distance(FeatureStatistics.of(features), real) == pytest.approx(3, abs=1e-3)
