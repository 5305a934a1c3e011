"""Poses to test with: a standing dancer, a dancing one, and joints strewn at random."""

from __future__ import annotations

import numpy as np

# Shares of the body height, the floor at 0 and up negative, in the order of the joints.
_STANDING = np.array(
    [
        [0, -0.89],
        [0, -0.82],
        [-0.11, -0.81],
        [-0.15, -0.63],
        [-0.16, -0.47],
        [0.11, -0.81],
        [0.15, -0.63],
        [0.16, -0.47],
        [-0.055, -0.52],
        [-0.06, -0.28],
        [-0.06, 0],
        [0.055, -0.52],
        [0.06, -0.28],
        [0.06, 0],
        [-0.025, -0.93],
        [0.025, -0.93],
        [-0.06, -0.91],
        [0.06, -0.91],
    ]
)


def standing(size: int = 512) -> np.ndarray:
    """(18, 3): someone who stands in the middle of a square canvas, 62 % of its height tall."""
    pose = np.ones((18, 3), dtype=np.float32)
    pose[:, :2] = (_STANDING * 0.62 + [0.5, 0.83]) * size - 0.5
    return pose


def dancing(frames: int = 60, size: int = 512, fps: float = 30.0) -> np.ndarray:
    """(T, 18, 3): the same person swings arms and knees once a second and sways from side to side."""
    phase = 2 * np.pi * np.arange(frames) / fps
    poses = np.repeat(standing(size)[None], frames, axis=0)
    poses[:, :, 0] += 0.04 * size * np.sin(phase / 2)[:, None]
    for joint, out, up in ((3, 0.04, 0.02), (4, 0.1, 0.03), (9, 0.03, 0.02)):
        for side, sign in ((joint, -1), (joint + 3, 1)):
            poses[:, side, 0] += sign * out * size * np.abs(np.sin(phase))
            poses[:, side, 1] -= up * size * (1 - np.cos(phase))
    return poses


def strewn(rng: np.random.Generator, count: int, size: tuple[int, int], missing: float = 0.2) -> np.ndarray:
    """(N, 18, 3): joints anywhere on the canvas and a little beyond, some missing."""
    width, height = size
    poses = np.empty((count, 18, 3), dtype=np.float32)
    poses[..., 0] = rng.uniform(-0.1 * width, 1.1 * width, (count, 18))
    poses[..., 1] = rng.uniform(-0.1 * height, 1.1 * height, (count, 18))
    poses[..., 2] = rng.uniform(0.05, 1, (count, 18))
    poses[rng.random((count, 18)) < missing] = 0
    return poses


def spread(rng: np.random.Generator, size: int, apart: float) -> np.ndarray:
    """(18, 3): joints at random, but none nearer to another than so many pixels."""
    pose = np.ones((18, 3), dtype=np.float32)
    while True:
        placed: list[np.ndarray] = []
        for candidate in rng.uniform(0.06 * size, 0.94 * size, (600, 2)):
            if all(np.hypot(*(candidate - other)) >= apart for other in placed):
                placed.append(candidate)
            if len(placed) == 18:
                pose[:, :2] = placed
                return pose
