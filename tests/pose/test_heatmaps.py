"""Heatmaps: joints in, the same joints out."""

from __future__ import annotations

import numpy as np

from dancegen.pose.heatmaps import decode_heatmaps, draw_heatmaps
from helpers.pose_examples import dancing


def _joints(rng: np.random.Generator, count: int = 16, size: int = 64, border: float = 5) -> np.ndarray:
    poses = np.ones((count, 18, 3), dtype=np.float32)
    poses[..., :2] = rng.uniform(border, size - 1 - border, (count, 18, 2))
    return poses


def test_a_map_is_a_gaussian_with_its_peak_at_the_joint():
    poses = np.zeros((1, 18, 3), dtype=np.float32)
    poses[0, 2] = (10.25, 20.5, 0.4)
    maps = draw_heatmaps(poses, (48, 32), sigma=1.5)
    assert maps.shape == (1, 18, 32, 48) and maps.dtype == np.float32
    rows, columns = np.mgrid[:32, :48]
    expected = np.exp(-((columns - 10.25) ** 2 + (rows - 20.5) ** 2) / (2 * 1.5**2))
    np.testing.assert_allclose(maps[0, 2], expected, atol=1e-5)
    assert not maps[0, [0, 1, *range(3, 18)]].any()


def test_clean_maps_give_joints_back_to_a_twentieth_of_a_pixel():
    poses = _joints(np.random.default_rng(0), 40)
    found = decode_heatmaps(draw_heatmaps(poses, (64, 64)))
    assert np.abs(found - poses)[..., :2].max() < 0.05
    assert found[..., 2].min() > 0.95


def test_maps_of_another_width_than_expected_decode_as_well():
    poses = _joints(np.random.default_rng(1), border=8)
    for sigma in (1.0, 2.0):
        assert np.abs(decode_heatmaps(draw_heatmaps(poses, (64, 64), sigma)) - poses)[..., :2].max() < 0.05


def test_missing_joints_stay_missing():
    poses = _joints(np.random.default_rng(2))
    poses[:, ::3] = 0
    found = decode_heatmaps(draw_heatmaps(poses, (64, 64)))
    assert not found[:, ::3].any()
    assert (found[:, 1::3, 2] > 0).all()


def test_a_second_weaker_blob_does_not_pull_at_the_first():
    rng = np.random.default_rng(3)
    poses = _joints(rng)
    others = poses.copy()
    angle = rng.uniform(0, 2 * np.pi, poses.shape[:2])
    others[..., :2] += 7 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    maps = draw_heatmaps(poses, (64, 64)) + 0.6 * draw_heatmaps(others, (64, 64))
    assert np.abs(decode_heatmaps(maps) - poses)[..., :2].max() < 0.1


def test_mild_noise_moves_joints_by_a_fraction_of_a_pixel():
    rng = np.random.default_rng(4)
    poses = _joints(rng, 40)
    maps = draw_heatmaps(poses, (64, 64)) + rng.normal(0, 0.05, (40, 18, 64, 64)).astype(np.float32)
    off = np.linalg.norm((decode_heatmaps(maps) - poses)[..., :2], axis=-1)
    assert np.percentile(off, 95) < 0.35


def test_confidence_is_the_height_of_the_blob():
    poses = _joints(np.random.default_rng(5))
    found = decode_heatmaps(0.6 * draw_heatmaps(poses, (64, 64)), threshold=0.2)
    np.testing.assert_allclose(found[..., 2], 0.6, atol=0.01)
    assert not decode_heatmaps(0.25 * draw_heatmaps(poses, (64, 64)), threshold=0.3).any()


def test_joints_at_the_very_border_are_found_near_it():
    poses = np.ones((1, 18, 3), dtype=np.float32)
    poses[0, :, :2] = [[0, 0], [63, 63], [0, 30.4], [30.4, 63], *[[63, 2]] * 14]
    assert np.abs(decode_heatmaps(draw_heatmaps(poses, (64, 64))) - poses)[..., :2].max() < 0.6


def test_maps_need_not_be_square():
    poses = dancing(4, 64)
    poses[..., 1] *= 0.5
    found = decode_heatmaps(draw_heatmaps(poses, (64, 40)))
    assert np.abs(found - poses)[..., :2].max() < 0.05
