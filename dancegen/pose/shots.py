"""Shots: where the camera cuts in a dance whose joints in space are known, and frames that stay inside one shot."""

from __future__ import annotations

import numpy as np

from dancegen.pose.geometry import NECK_TO_ANKLE
from dancegen.pose.skeleton import INDEX

_LEAST = 0.022
"""Body heights. A frame that differs more than this from what the previous camera would show begins a new shot."""
_NECK = INDEX["neck"]
_HIPS = [INDEX["r_hip"], INDEX["l_hip"]]
_LEGS = [[INDEX[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle")] for side in "rl"]
_FLAT = 0.05
"""Relative singular value under which a body counts as flat: its turn out of the picture cannot be told."""


def find_cuts(keypoints: np.ndarray, joints3d: np.ndarray | None) -> np.ndarray:
    """Frames (C,) int that show the dancer from elsewhere than the frame before, from (T, 18, 3) keypoints and the
    same joints in space (T, 18, 3); none where only the plane is known.

    The camera of a frame, taken as affine, is found from its joints by least squares, and what it would show of the
    next frame's joints is held against that frame, wherever in the picture: cameras may pan and come nearer.
    """
    if joints3d is None or len(keypoints) < 2:
        return np.zeros(0, int)
    shown = (keypoints[1:, :, 2] > 0) & (keypoints[:-1, :, 2] > 0)
    picture = _centred(keypoints[..., :2], shown)
    body = _centred(joints3d, shown)
    cameras = np.linalg.pinv(body[0], rcond=_FLAT) @ picture[0]  # (T - 1, 3, 2)
    off = np.linalg.norm(body[1] @ cameras - picture[1], axis=-1).sum(1) / np.maximum(shown.sum(1), 1)
    enlarged = np.linalg.svd(cameras, compute_uv=False)[:, 0]  # pixels a metre
    tall = enlarged * _bones(joints3d[:-1]) / NECK_TO_ANKLE
    return np.flatnonzero(off > _LEAST * np.maximum(tall, 1e-6)) + 1


def shot_starts(frames: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(C,) places in the ascending `frames` (M,) from which on the shots show that begin at the frames `cuts` (C,)."""
    return np.searchsorted(frames, np.asarray(cuts) - 0.5)


def within_shots(frames: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Fractional frame numbers (M,): those between two shots at the last frame of the one or the first of the other."""
    frames = np.array(frames, dtype=np.float64)
    for cut in cuts:
        frames[(frames > cut - 1) & (frames < cut - 0.5)] = cut - 1
        frames[(frames >= cut - 0.5) & (frames < cut)] = cut
    return frames


def _bones(joints3d: np.ndarray) -> np.ndarray:
    """(T,) metres from the neck to the ankles along the bones, of the longer leg."""
    trunk = np.linalg.norm(joints3d[:, _NECK] - joints3d[:, _HIPS].mean(axis=1), axis=1)
    legs = [np.linalg.norm(np.diff(joints3d[:, leg], axis=1), axis=2).sum(axis=1) for leg in _LEGS]
    return trunk + np.maximum(*legs)


def _centred(places: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Joints (T, J, D) about the mean of those that are shown (T - 1, J), 0 where they are not: of all frames but
    the last, and of all but the first."""
    weight = shown[..., None] / np.maximum(shown.sum(1), 1)[:, None, None]
    both = (places[:-1].astype(np.float64), places[1:].astype(np.float64))
    one, other = ((x - (x * weight).sum(1, keepdims=True)) * shown[..., None] for x in both)
    return one, other
