"""From keypoints to a body that can be drawn: gaps bridged, the head found, one frame for the whole clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dancegen.arrays import smooth
from dancegen.pose.cleaning import onto_canvas
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX

NOSE, NECK = INDEX["nose"], INDEX["neck"]
HIPS = [INDEX["r_hip"], INDEX["l_hip"]]
ANKLES = [INDEX["r_ankle"], INDEX["l_ankle"]]
EARS = [INDEX["r_ear"], INDEX["l_ear"]]

# Shares of a body's height, after Winter, Biomechanics and Motor Control of Human Movement.
TORSO_SHARE, LEG_SHARE = 0.29, 0.48
HEAD_ABOVE_NECK, HEAD_REACH = 0.125, (0.105, 0.145)
SOLE_BELOW_ANKLE, CROWN_ABOVE_EAR = 0.045, 0.09

FADE_S = 0.06  # fade of a joint that goes missing, instead of a blink
STATURE, HALF_WIDTH, FLOOR, HEADROOM = 0.69, 0.46, 0.88, 0.05  # of the frame's height or width
TALLEST = 1.05  # body height, of the frame's width: upright frames keep some space around the dancer
FOLLOW = 0.8  # share of the dancer's travel that the camera follows


@dataclass(frozen=True)
class Body:
    """A dance in pixels of the frame.

    joints: (T, 18, 2), none missing. presence: (T, 18) 0 to 1, how visible each is. head: (T, 2) its centre. heading:
    (T,) -1 to 1, which way the dancer faces along the picture. ground: (T,) x of the body over the floor. camera: (T,)
    x the camera has moved by. stature, floor_y: height of the body and of the floor it stands on.
    """

    joints: np.ndarray
    presence: np.ndarray
    head: np.ndarray
    heading: np.ndarray
    ground: np.ndarray
    camera: np.ndarray
    stature: float
    floor_y: float

    def __len__(self) -> int:
        return len(self.joints)

    def scaled(self, scale: float) -> Body:
        """The same dance in a frame of another scale, by the convention that pixel centres lie at halves."""
        return replace(
            self,
            joints=((self.joints + 0.5) * scale - 0.5).astype(np.float32),
            head=((self.head + 0.5) * scale - 0.5).astype(np.float32),
            ground=(self.ground + 0.5) * scale - 0.5,
            camera=self.camera * scale,
            stature=self.stature * scale,
            floor_y=(self.floor_y + 0.5) * scale - 0.5,
        )


def on_one_stage(sequence: PoseSequence) -> PoseSequence:
    """The shots of footage as if one camera had filmed them: the dancer as large in each, on the same floor."""
    if sequence.cuts is None or not len(sequence.cuts):
        return sequence
    edges = [0, *sequence.cuts.tolist(), len(sequence)]
    shots = [onto_canvas(sequence.slice(first, stop), sequence.size) for first, stop in pairwise(edges)]
    return replace(PoseSequence.concatenate(shots), cuts=sequence.cuts)


def frame_body(sequence: PoseSequence, size: tuple[int, int]) -> Body:
    """Place a dance in a frame of `size` (width, height): one scale for the clip, the feet on the floor."""
    joints, presence = _bridged(sequence.keypoints, sequence.fps)
    stature = _stature(joints, presence)
    head = _head(joints, sequence.keypoints[..., 2] > 0, stature, sequence.fps)
    heading = _heading(joints, sequence.keypoints[..., 2] > 0, stature, sequence.fps)
    scale, floor, camera = _framing(joints, presence, stature, sequence.fps, size)
    shift = np.stack([camera, np.full(len(camera), floor)], axis=1)
    target = np.array([size[0] / 2, size[1] * FLOOR])
    placed = ((joints - shift[:, None]) * scale + target).astype(np.float32)
    ground = placed[:, [*HIPS, *ANKLES], 0].mean(axis=1)
    return Body(
        joints=placed,
        presence=presence,
        head=((head - shift) * scale + target).astype(np.float32),
        heading=heading,
        ground=smooth(ground, 0.08 * sequence.fps),
        camera=((camera - camera[:1]) * scale).astype(np.float32),
        stature=stature * scale,
        floor_y=float(target[1]),
    )


def _bridged(keypoints: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions (T, 18, 2) with gaps bridged in straight lines, and how visible each joint is, (T, 18)."""
    seen = keypoints[..., 2] > 0
    joints = keypoints[..., :2].astype(np.float64)
    frames = np.arange(len(keypoints))
    for joint in range(joints.shape[1]):
        known = np.flatnonzero(seen[:, joint])
        if len(known):
            for axis in (0, 1):
                joints[:, joint, axis] = np.interp(frames, known, joints[known, joint, axis])
    presence = np.clip(smooth(seen.astype(np.float32), FADE_S * fps), 0, 1)
    return joints, presence


def _length(joints: np.ndarray, a: int, b: int) -> np.ndarray:
    return np.linalg.norm(joints[:, a] - joints[:, b], axis=1)


def _stature(joints: np.ndarray, presence: np.ndarray) -> float:
    """The body's height in pixels, from the bones where the camera sees them at full length."""
    guesses = []
    if presence[:, [NECK, *HIPS]].max() > 0:
        torso = np.linalg.norm(joints[:, NECK] - joints[:, HIPS].mean(axis=1), axis=1)
        guesses.append(np.percentile(torso, 85) / TORSO_SHARE)
    for hip, knee, ankle in ((8, 9, 10), (11, 12, 13)):
        if presence[:, [hip, knee, ankle]].max(axis=0).min() > 0:
            leg = _length(joints, hip, knee) + _length(joints, knee, ankle)
            guesses.append(np.percentile(leg, 85) / LEG_SHARE)
    return max(float(np.mean(guesses)) if guesses else 0.0, 1.0)


def _upward(joints: np.ndarray) -> np.ndarray:
    """(T, 2) unit vectors from the hips to the neck."""
    spine = joints[:, NECK] - joints[:, HIPS].mean(axis=1)
    length = np.linalg.norm(spine, axis=1, keepdims=True)
    return np.where(length > 1e-6, spine / np.maximum(length, 1e-6), [0.0, -1.0])


def _head(joints: np.ndarray, seen: np.ndarray, stature: float, fps: float) -> np.ndarray:
    """(T, 2) centre of the head: between the ears, or near nose and one ear, or where the spine points."""
    neck, up = joints[:, NECK], _upward(joints)
    offset = up * HEAD_ABOVE_NECK * stature
    both = seen[:, EARS].all(axis=1)
    one = seen[:, EARS].any(axis=1) & ~both
    nose = seen[:, NOSE] & ~both & ~one
    offset[both] = (joints[:, EARS].mean(axis=1) - neck)[both]
    for ear in EARS:
        only = one & seen[:, ear]
        offset[only] = (joints[:, ear] - neck)[only]
    offset[nose] = ((joints[:, NOSE] - neck) * 0.5 + offset * 0.5)[nose]
    length = np.maximum(np.linalg.norm(offset, axis=1, keepdims=True), 1e-6)
    offset *= np.clip(length, HEAD_REACH[0] * stature, HEAD_REACH[1] * stature) / length
    return neck + smooth(offset, FADE_S * fps)


def _heading(joints: np.ndarray, seen: np.ndarray, stature: float, fps: float) -> np.ndarray:
    """(T,) -1 to 1: how far the nose points to the picture's left or right; 0 for face and back."""
    turned = np.where(seen[:, NOSE], (joints[:, NOSE] - joints[:, NECK])[:, 0] / (0.07 * stature), 0.0)
    return np.clip(smooth(turned, 0.15 * fps), -1, 1)


def _framing(
    joints: np.ndarray, presence: np.ndarray, stature: float, fps: float, size: tuple[int, int]
) -> tuple[float, float, np.ndarray]:
    """Scale, floor height and the camera's x (T,) in source pixels, so that the whole clip fits."""
    width, height = size
    tall = min(height * STATURE, width * TALLEST) / stature
    shown = presence.max(axis=0) > 0
    if not shown.any():
        return tall, 0.0, np.zeros(len(joints))
    floor = float(np.percentile(joints[:, ANKLES, 1].max(axis=1), 97)) + SOLE_BELOW_ANKLE * stature
    hips = joints[:, HIPS, 0].mean(axis=1)
    steady = smooth(hips, 1.2 * fps)
    middle = (steady.min() + steady.max()) / 2
    camera = middle + FOLLOW * (steady - middle)
    reach = np.abs(joints[:, shown, 0] - camera[:, None]).max() + 0.08 * stature
    rise = floor - joints[:, shown, 1].min() + CROWN_ABOVE_EAR * stature
    scale = min(tall, width * HALF_WIDTH / reach, height * (FLOOR - HEADROOM) / max(rise, 1.0))
    return float(scale), floor, camera
