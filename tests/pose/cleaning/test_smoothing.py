"""Trembling goes, beats stay."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import find_peaks

from dancegen.arrays import smooth
from dancegen.pose.cleaning.settings import CleaningSettings
from dancegen.pose.cleaning.smoothing import smooth_joints
from helpers.footage import HEIGHT, seen_by, shaken, take
from helpers.pose_examples import dancing

SMOOTH = CleaningSettings().smooth
TAKES = (
    ("cmu-salsa", "60_01_scaled"), ("cmu-salsa", "61_06_scaled"), ("g1-moves", "B_DadDance"),
    ("g1-moves", "J_Dance11_Gnarly"), ("g1-moves", "J_Dance4_Broadway"),
)  # fmt: skip


def beats(keypoints: np.ndarray, fps: float) -> np.ndarray:
    """Seconds of the kinematic beats: minima of the smoothed mean speed of the joints, between frames."""
    points = keypoints[:, 1:14, :2].astype(np.float64) / HEIGHT
    speed = smooth(np.linalg.norm(np.gradient(points, axis=0), axis=-1).mean(axis=1) * fps, 0.083 * fps)
    minima, _ = find_peaks(-speed, prominence=0.05)
    before, at, after = speed[minima - 1], speed[minima], speed[minima + 1]
    return (minima + (before - after) / (2 * (before - 2 * at + after))) / fps


def shifts(keypoints: np.ndarray, truth: np.ndarray, fps: float) -> np.ndarray:
    """Seconds from each true beat to the nearest one, where there is one within 0.15 s."""
    found = beats(keypoints, fps)
    nearest = np.array([np.abs(found - beat).min() for beat in beats(truth, fps)])
    return nearest[nearest < 0.15]


def trembling(keypoints: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(keypoints[:, 1:14, :2], 2, axis=0), axis=-1).mean())


@pytest.fixture(scope="module", params=[30.0, 60.0])
def dances(shared_data, request):
    fps = request.param
    truths = [
        seen_by(take(shared_data / folder / f"{name}.bvh", 3, 10, fps), azimuth)
        for folder, name in TAKES
        for azimuth in (0, 60)
    ]
    return fps, truths, [shaken(truth, number) for number, truth in enumerate(truths)]


def test_beats_stay_within_20_ms_though_the_trembling_goes(dances):
    fps, truths, seen = dances
    cleaned = [smooth_joints(each, fps, SMOOTH) for each in seen]
    raw, kept = (
        np.concatenate([shifts(one, truth, fps) for one, truth in zip(them, truths, strict=True)])
        for them in (seen, cleaned)
    )
    assert np.median(kept) < 0.010 and np.median(kept) < np.median(raw)
    assert np.mean(kept < 0.020) > max(0.75, np.mean(raw < 0.020))
    assert len(kept) >= len(raw)  # and more of them are found
    true, before, after = (np.mean([trembling(each) for each in them]) for them in (truths, seen, cleaned))
    assert before > 4 * true and after < 1.8 * true


def test_what_does_not_tremble_keeps_its_beats(dances):
    fps, truths, _ = dances
    moved = np.concatenate([shifts(smooth_joints(truth, fps, SMOOTH), truth, fps) for truth in truths])
    assert np.percentile(moved, 90) < 0.020 and len(moved) > 0.95 * sum(len(beats(truth, fps)) for truth in truths)


def test_joints_come_nearer_to_where_they_are(dances):
    fps, truths, seen = dances

    def error(one, truth):
        return np.linalg.norm((one - truth)[:, 1:14, :2], axis=-1).mean()

    for one, truth in zip(seen, truths, strict=True):
        assert error(smooth_joints(one, fps, SMOOTH), truth) < 0.95 * error(one, truth)


def test_a_swing_of_twice_the_time_comes_out_half_as_large():
    fps, time = 30.0, np.arange(300) / 30.0
    for smooth_s in (0.1, 0.25):
        track = np.ones((300, 1, 3), np.float32)
        track[:, 0, 0] = 100 * np.sin(np.pi * time / smooth_s)
        swing = smooth_joints(track, fps, smooth_s)[100:200, 0, 0]
        assert np.abs(swing).max() / np.abs(track[100:200, 0, 0]).max() == pytest.approx(0.5, abs=0.02)


def test_nothing_is_smoothed_over_a_gap_or_where_it_is_not_wanted():
    seen = dancing(40)
    seen[:20, 4, :2] = 100
    seen[20, 4] = 0
    seen[21:, 4, :2] = 300
    smoothed = smooth_joints(seen, 30, 0.2)
    np.testing.assert_allclose(smoothed[:20, 4, :2], 100, atol=1e-3)
    np.testing.assert_allclose(smoothed[21:, 4, :2], 300, atol=1e-3)
    assert not smoothed[20, 4].any()
    np.testing.assert_array_equal(smoothed[..., 2], seen[..., 2])
    np.testing.assert_array_equal(smooth_joints(seen, 30, 0), seen)
    assert smooth_joints(seen[:2], 30, 0.2).shape == (2, 18, 3)


def test_a_joint_that_the_detector_was_unsure_of_bends_a_track_less():
    away = []
    for confidence in (0.9, 0.1):
        track = np.tile(np.array([100, 100, 0.9], np.float32), (41, 1, 1))
        track[20, 0] = (140, 100, confidence)
        away.append(smooth_joints(track, 30, 0.1)[20, 0, 0] - 100)
    assert away[1] < 0.3 * away[0]
