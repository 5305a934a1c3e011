"""Geometric features (Mueller et al., SIGGRAPH 2005), as fairmotion has them and FACT and Bailando use them.

Each of the 32 features is the share of frames in which a test on a body's joints holds, such as: the right hand moves
forward fast. Lengths are held against those of SMPL's male body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dancegen.motion.body import AT

UPPER_ARM, SHOULDERS, HIPS = 0.25683811, 0.39084836, 0.11924707
"""Metres: "humerus", "shoulder width" and "hip width" of the published code."""
STEPS_A_SECOND = 120
"""The published code takes frames to be 1/120 s apart, at 60 a second too: its speeds are twice the true ones."""
GEOMETRIC = 32


@dataclass(frozen=True, eq=False)
class _Frames:
    """Joints (T, 24, 3) at each frame but the first, and at the frame before."""

    now: np.ndarray
    before: np.ndarray

    def between(self, start: str, end: str) -> np.ndarray:
        """(T, 3) from one joint to another."""
        return self.now[:, AT[end]] - self.now[:, AT[start]]

    def step(self, start: str, end: str) -> np.ndarray:
        """(T, 3): how fast that changes, metres a (published) second."""
        return (self.between(start, end) - (self.before[:, AT[end]] - self.before[:, AT[start]])) * STEPS_A_SECOND


Test = Callable[[_Frames], np.ndarray]
"""Gives a (T,) truth value."""


def geometric_features(joints: np.ndarray) -> np.ndarray:
    """(32,) float64 of a dance of (T, 24, 3) metres, T at least 2: shares of frames, the first left out."""
    places = joints.astype(np.float64)
    frames = _Frames(places[1:], places[:-1])
    return np.array([test(frames).mean() for test in _TESTS])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _along(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    return (vectors * _unit(directions)).sum(axis=-1)


def _normal(frames: _Frames, a: str, b: str, c: str) -> np.ndarray:
    return np.cross(frames.between(a, c), frames.between(a, b))


def _moves(a: str, b: str, c: str, least: float) -> Test:
    """Joint c moves from a in the direction of b, faster than `least`."""
    return lambda f: _along(f.step(a, c), f.between(a, b)) > least


def _moves_off(a: str, b: str, c: str, d: str, least: float) -> Test:
    """Joint d moves off the plane of a, b and c, faster than `least`."""
    return lambda f: _along(f.step(a, d), _normal(f, a, b, c)) > least


def _off(a: str, b: str, c: str, joint: str, least: float) -> Test:
    """A joint is further off the plane of a, b and c than `least`."""
    return lambda f: _along(f.between(a, joint), _normal(f, a, b, c)) > least


def _beyond(a: str, b: str, c: str, joint: str, least: float) -> Test:
    """A joint is further from c, in the direction from a to b, than `least`."""
    return lambda f: _along(f.between(c, joint), f.between(a, b)) > least


def _bent(a: str, b: str, c: str, d: str, least: float, most: float) -> Test:
    """The angle between a to b and c to d lies between two numbers of degrees."""
    return lambda f: _within(_along(_unit(f.between(a, b)), f.between(c, d)), least, most)


def _leans(a: str, b: str, least: float, most: float) -> Test:
    """The angle between a to b and upwards does."""
    return lambda f: _within(_unit(f.between(a, b))[:, 1], least, most)


def _within(cosines: np.ndarray, least: float, most: float) -> np.ndarray:
    degrees = np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    return (degrees > least) & (degrees < most)


def _fast(joint: str, least: float) -> Test:
    def test(frames: _Frames) -> np.ndarray:
        steps = (frames.now[:, AT[joint]] - frames.before[:, AT[joint]]) * STEPS_A_SECOND
        return np.linalg.norm(steps, axis=-1) > least

    return test


def _height(frames: _Frames, joint: str) -> np.ndarray:
    """(T,) metres above the lowest joint of the frame."""
    return frames.now[:, AT[joint], 1] - frames.now[..., 1].min(axis=1)


def _high(joint: str, least: float) -> Test:
    return lambda f: _height(f, joint) > least


def _low(joint: str, most: float) -> Test:
    return lambda f: _height(f, joint) < most


_RAISED = 1.8 * UPPER_ARM
_TESTS: tuple[Test, ...] = (
    _moves_off("neck", "r_hip", "l_hip", "r_wrist", _RAISED),
    _moves_off("neck", "l_hip", "r_hip", "l_wrist", _RAISED),
    _beyond("spine3", "neck", "neck", "r_wrist", 0.2 * UPPER_ARM),
    _beyond("spine3", "neck", "neck", "l_wrist", 0.2 * UPPER_ARM),
    # Both of these are meant for the hands; the published code asks for the spine, twice.
    _moves("spine1", "spine3", "spine3", _RAISED),
    _moves("spine1", "spine3", "spine3", _RAISED),
    _bent("r_elbow", "r_shoulder", "r_elbow", "r_wrist", 0, 110),
    _bent("l_elbow", "l_shoulder", "l_elbow", "l_wrist", 0, 110),
    _beyond("l_shoulder", "r_shoulder", "l_wrist", "r_wrist", 2.5 * SHOULDERS),
    _moves("l_wrist", "r_wrist", "r_wrist", 1.4 * UPPER_ARM),
    _moves("r_wrist", "pelvis", "l_wrist", 1.4 * UPPER_ARM),
    _moves("l_wrist", "pelvis", "r_wrist", 1.4 * UPPER_ARM),
    _fast("r_wrist", 2.5 * UPPER_ARM),
    _fast("l_wrist", 2.5 * UPPER_ARM),
    _off("pelvis", "l_hip", "l_toe", "r_ankle", 0.38 * UPPER_ARM),
    _off("pelvis", "r_hip", "r_toe", "l_ankle", 0.38 * UPPER_ARM),
    _high("r_ankle", 1.2 * UPPER_ARM),
    _high("l_ankle", 1.2 * UPPER_ARM),
    _beyond("l_hip", "r_hip", "l_ankle", "r_ankle", 2.1 * HIPS),
    _bent("r_knee", "r_hip", "r_knee", "r_ankle", 0, 110),
    _bent("l_knee", "l_hip", "l_knee", "l_ankle", 0, 110),
    _fast("r_ankle", 2.5 * UPPER_ARM),
    _fast("l_ankle", 2.5 * UPPER_ARM),
    _bent("neck", "pelvis", "r_shoulder", "r_elbow", 25, 180),
    _bent("neck", "pelvis", "l_shoulder", "l_elbow", 25, 180),
    _bent("neck", "pelvis", "r_hip", "r_knee", 50, 180),
    _bent("neck", "pelvis", "l_hip", "l_knee", 50, 180),
    _off("r_ankle", "neck", "l_ankle", "pelvis", 0.5 * UPPER_ARM),
    _leans("neck", "pelvis", 70, 110),
    _low("r_wrist", 1.2 * UPPER_ARM),
    _low("l_wrist", 1.2 * UPPER_ARM),
    _fast("pelvis", 2.3 * UPPER_ARM),
)
