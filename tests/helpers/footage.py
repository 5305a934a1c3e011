"""What a detector would see of real dancers: motion capture through our cameras, with a detector's faults, and the
truth beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from dancegen.motion.cameras import facing_camera, film, lens_of, project
from dancegen.motion.motion import Motion
from dancegen.motion.readers.registry import load_motion
from dancegen.pose.detections import Detections, People
from dancegen.pose.skeleton import MIRROR

SIZE = (640, 480)
HEIGHT = 0.62 * SIZE[1]
"""Pixels of a dancer's height in these pictures."""


@cache
def _read(path: Path) -> Motion:
    return load_motion(path)


def take(path: Path, start_s: float = 0.0, seconds: float = 8.0, fps: float = 30.0) -> Motion:
    """A part of a take of motion capture."""
    return _read(path).slice(max(0, start_s - 1), seconds + 2).resample(fps).slice(min(start_s, 1), seconds)


def seen_by(motion: Motion, azimuth: float = 0.0) -> np.ndarray:
    """(T, 18, 3): one dancer as a camera at an angle sees them."""
    return project(motion, azimuth, size=SIZE).keypoints


def filmed(motion: Motion, camera: str = "front") -> np.ndarray:
    """(T, 18, 3): one dancer as a camera with a perspective sees them."""
    return film(facing_camera(motion), camera, size=SIZE).keypoints


def couple(lead: Motion, follow: Motion) -> tuple[np.ndarray, np.ndarray]:
    """Two dancers of one room, as one camera sees both."""
    lens = lens_of(lead, "front", size=SIZE)
    both = []
    for motion in (lead, follow):
        points = lens.pixels(motion.joints3d)
        both.append(np.concatenate([points, np.ones((*points.shape[:2], 1))], -1).astype(np.float32))
    return both[0], both[1]


def shaken(keypoints: np.ndarray, seed: int = 0, sigma: float = 0.006) -> np.ndarray:
    """With a detector's noise: of `sigma` body heights, half of it white and half of it slow, as networks err, and
    confidences that vary."""
    from scipy.ndimage import gaussian_filter1d

    rng = np.random.default_rng(seed)
    shape = keypoints[..., :2].shape
    slow = gaussian_filter1d(rng.normal(size=shape), 4, axis=0)
    noise = rng.normal(size=shape) + slow / slow.std()
    noisy = keypoints.copy()
    noisy[..., :2] += noise / np.sqrt(2) * sigma * HEIGHT
    noisy[..., 2] = np.clip(rng.normal(0.8, 0.08, shape[:2]), 0.2, 1) * (keypoints[..., 2] > 0)
    return np.where(noisy[..., 2:] > 0, noisy, 0).astype(np.float32)


def swapped(keypoints: np.ndarray, first: int, last: int, joints: tuple[int, ...] | None = None) -> np.ndarray:
    """With left and right exchanged from frame `first` to `last`: of all joints, or of some."""
    wrong = keypoints.copy()
    chosen = list(range(18)) if joints is None else list(joints)
    wrong[first:last, chosen] = keypoints[first:last][:, MIRROR[chosen]]
    return wrong


def moved(keypoints: np.ndarray, by: np.ndarray | tuple[float, float]) -> np.ndarray:
    """Somewhere else in the picture: by (2,) pixels or (T, 2)."""
    there = keypoints.copy()
    there[..., :2] += np.asarray(by, np.float32).reshape(-1, 1, 2)
    return np.where(keypoints[..., 2:] > 0, there, 0).astype(np.float32)


def detections(*people: np.ndarray, fps: float = 30.0, cuts: tuple[int, ...] = (), seed: int = 0) -> Detections:
    """All of them in the pictures, in an order that changes from picture to picture as a detector's does. Who has no
    joint in a frame is not seen in it."""
    rng = np.random.default_rng(seed)
    frames = []
    for bodies in zip(*people, strict=True):
        seen = [body for body in bodies if (body[:, 2] > 0).any()]
        order = rng.permutation(len(seen))
        frames.append(People(np.stack([seen[k] for k in order])) if seen else People.nobody())
    return Detections(tuple(frames), fps, SIZE, np.array(cuts, int), "made")
