"""Dancers whose every figure is known: a body that sways, steps and swings its arms, a swing a beat."""

from __future__ import annotations

import numpy as np

from dancegen.pose.sequence import PoseSequence

FPS, HEIGHT = 30.0, 300.0
BEAT_S = 0.5
# COCO-18 joints of someone who stands, in body heights from between the hips, y down.
STANDING = np.array(
    [(0, -0.40), (0, -0.34), (-0.10, -0.34), (-0.13, -0.18), (-0.14, -0.02), (0.10, -0.34), (0.13, -0.18),
     (0.14, -0.02), (-0.06, 0.0), (-0.06, 0.24), (-0.06, 0.48), (0.06, 0.0), (0.06, 0.24), (0.06, 0.48),
     (-0.02, -0.43), (0.02, -0.43), (-0.04, -0.41), (0.04, -0.41)]
)  # fmt: skip
_UPPER = [0, 1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17]


def beats(seconds: float, beat_s: float = BEAT_S) -> np.ndarray:
    return np.arange(beat_s, seconds - 1e-9, beat_s)


def pendulum(seconds: float = 30.0, *, late_s: float = 0.0, seed: int = 0) -> np.ndarray:
    """(T, 18, 3) keypoints of an upper body that swings sideways and rests for a moment on every beat, `late_s` after
    it; feet step in turn, and stand from the beat on. Each swing is a little different from the others.
    """
    times = np.arange(round(seconds * FPS)) / FPS - late_s
    rng = np.random.default_rng(seed)
    swings = rng.uniform(0.08, 0.16, int(seconds / BEAT_S) + 4)
    number, phase = np.divmod(times / BEAT_S + 2, 1)
    ease = phase - np.sin(2 * np.pi * phase) / (2 * np.pi)  # from rest to rest
    number = number.astype(int)
    ends = np.where(np.arange(len(swings)) % 2, swings, -swings)
    sway = ends[number] + (ends[number + 1] - ends[number]) * ease
    body = np.tile(STANDING, (len(times), 1, 1))
    body[:, _UPPER, 0] += sway[:, None]
    arms = np.abs(sway)[:, None] * np.array([0.5, 1.0, 0.5, 1.0])
    body[:, [3, 4, 6, 7], 1] -= arms
    for foot, turn in ((10, 0), (13, 1)):
        # One step out, the next one back in, at full speed until the foot lands.
        step, outwards = number % 2 == turn, number % 4 < 2
        way = np.where(step, np.where(outwards, phase, 1 - phase), (number - turn) % 4 < 2)
        side = -1 if foot == 10 else 1
        body[:, foot, 0] += side * 0.25 * way
        body[:, foot - 1, 0] += side * 0.10 * way
        body[:, foot, 1] -= np.where(step, 0.05 * np.sin(np.pi * phase), 0.0)
    pixels = body * HEIGHT + 256
    return np.concatenate([pixels, np.ones((len(times), 18, 1))], -1).astype(np.float32)


def dancer(seed: int = 0, late_s: float = 0.0, seconds: float = 30.0) -> np.ndarray:
    """The pendulum as someone of flesh: every joint also wanders, slowly and each by an amount of its own."""
    from scipy.ndimage import gaussian_filter1d

    keypoints = pendulum(seconds, late_s=late_s, seed=seed)
    rng = np.random.default_rng(seed)
    ways = gaussian_filter1d(rng.normal(size=(len(keypoints), 18, 2)), FPS / 2, axis=0)
    keypoints[..., :2] += ways / ways.std() * rng.uniform(0.015, 0.045, (18, 1)) * HEIGHT
    return keypoints


def noisy(keypoints: np.ndarray, sigma: float = 0.01, seed: int = 0) -> np.ndarray:
    """The same with noise of `sigma` body heights on every joint of every frame."""
    shaken = keypoints.copy()
    shaken[..., :2] += np.random.default_rng(seed).normal(0, sigma * HEIGHT, shaken[..., :2].shape)
    return shaken


def frozen(keypoints: np.ndarray, start_s: float = 10.0, seconds: float = 10.0) -> np.ndarray:
    """The same, standing still for a while."""
    still = keypoints.copy()
    first, last = round(start_s * FPS), round((start_s + seconds) * FPS)
    still[first:last] = still[first]
    return still


def sequence(keypoints: np.ndarray, **options) -> PoseSequence:
    return PoseSequence(keypoints, FPS, **options)
