"""Legs that reach for a place: two bones of known lengths, a knee that never pops, and bones that keep their twist.

A leg that is nearly straight bends a great deal for a few millimetres: of a shank and a thigh of 42 cm, 2 mm less from
hip to ankle put the knee 3 cm out. So where its foot is moved, a knee comes and goes over some frames, as far as the
foot is missed by next to nothing for it.
"""

from __future__ import annotations

import numpy as np

from dancegen.arrays import smooth, unit
from dancegen.motion.body import AT, BodyMotion
from dancegen.motion.retarget import bend_leg

STRAIGHT = 0.999
"""Share of its length to which a leg that is moved is stretched at most, unless it was straighter before."""
SIDED_M = 0.03
"""How far a knee is out of the line from hip to ankle whose side is its own; else it is the thigh's front."""
KNEE_S = 0.07
"""A knee comes and goes by a Gaussian of so many seconds."""
MISSED_M = 0.003
"""A foot is missed by at most half of this for it."""


def moved_leg(motion: BodyMotion, side: str, shift: np.ndarray) -> np.ndarray:
    """Rotations (T, 3, 3, 3) of hip, knee and ankle, with the ankle of one side ("l", "r") moved by `shift` (T, 3).

    Metres. The foot stays turned as it was, thigh and shank keep their twist. Frames that are not moved, nor near one
    that is, stay as they were.
    """
    hip, knee, ankle = (motion.positions[:, AT[f"{side}_{joint}"]] for joint in ("hip", "knee", "ankle"))
    thigh, shank = (float(np.linalg.norm(motion.body.offsets[AT[f"{side}_{joint}"]])) for joint in ("knee", "ankle"))
    line, length = _reach(ankle + shift - hip, np.linalg.norm(ankle - hip, axis=1), thigh, shank)
    bend = _across(knee - hip, line)
    wanted = _knee_out(length, thigh, shank)[:, None] * _side(
        bend, motion.orientations[:, AT[f"{side}_hip"], :, 2], line
    )
    moves = np.abs(shift).max(axis=1, keepdims=True) > 1e-9
    bend = bend + _gentle(np.where(moves, wanted - bend, 0), bend, length, (thigh, shank), motion.fps)
    bend = _across(bend, line)
    along = [np.sqrt(np.maximum(bone**2 - (bend**2).sum(1), 0))[:, None] * line for bone in (thigh, shank)]
    turned = motion.orientations[:, [AT[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")]]
    return bend_leg(motion.orientations[:, AT["pelvis"]], turned, unit(along[0] + bend), unit(along[1] - bend))


def _reach(way: np.ndarray, before: np.ndarray, thigh: float, shank: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (T, 3) from hip to foot and how far it is (T,), as far as bones of these lengths go."""
    length = np.linalg.norm(way, axis=1)
    line = way / np.maximum(length, 1e-9)[:, None]
    return line, np.clip(length, abs(thigh - shank) + 1e-3, np.maximum(before, STRAIGHT * (thigh + shank)))


def _knee_out(length: np.ndarray, thigh: float, shank: float) -> np.ndarray:
    """(T,) metres from the knee to the line between hip and ankle, which are `length` (T,) apart (law of cosines)."""
    along = (thigh**2 - shank**2 + length**2) / (2 * length)
    return np.sqrt(np.maximum(thigh**2 - along**2, 0))


def _side(bend: np.ndarray, thigh_ahead: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Unit vectors (T, 3) across the line, to the side where the knee is; to the thigh's front where it is at none."""
    size = np.linalg.norm(bend, axis=1, keepdims=True)
    own = np.clip(size / SIDED_M, 0, 1)
    return unit(own * bend / np.maximum(size, 1e-9) + (1 - own) * unit(_across(thigh_ahead, line)))


def _gentle(
    change: np.ndarray, bend: np.ndarray, length: np.ndarray, bones: tuple[float, float], fps: float
) -> np.ndarray:
    """A change (T, 3) of how knees are bent that comes and goes over some frames, where the leg stays about so long."""
    smoothed = smooth(change, KNEE_S * fps)
    out = ((bend + smoothed) ** 2).sum(axis=1)
    reached = sum(np.sqrt(np.maximum(bone**2 - out, 0)) for bone in bones)
    missed = np.abs(reached - length) / MISSED_M
    return change + (smoothed - change) / (1 + missed**2)[:, None]


def _across(vectors: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Vectors (T, 3) without their part along unit vectors (T, 3)."""
    return vectors - (vectors * line).sum(axis=1, keepdims=True) * line
