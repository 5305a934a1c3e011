"""A dancer as a solid body in front of a camera, from keypoints and joints in space: the mannequin in the same pose.

Poses do not say which camera filmed them, and a picture may show a part of their canvas. So the camera of every frame
is found from joints that are known in both, and the body stands where the keypoints are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dancegen.arrays import unit
from dancegen.motion.anatomy import body_height
from dancegen.motion.body import AT, NAMES, Body
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.motion import Motion
from dancegen.motion.retarget import measure_body, retarget
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, INDEX

_AROUND_S = 0.3
"""A frame's camera is found from the frames so near to it: one alone may show a body that is flat."""
_FLAT = 0.05
"""Relative singular value under which a body counts as flat."""
_NECK, _HIPS, _EARS = INDEX["neck"], (INDEX["r_hip"], INDEX["l_hip"]), (INDEX["r_ear"], INDEX["l_ear"])
_HEAD = (INDEX["nose"], INDEX["r_eye"], INDEX["l_eye"], *_EARS)
_LIMBS = tuple(
    f"{side}_{joint}" for side in "rl" for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)  # fmt: skip
_TAKES = {
    "shoulder": ("shoulder", "elbow"), "elbow": ("elbow", "wrist"), "wrist": ("elbow", "wrist"), "hip": ("hip", "knee"),
    "knee": ("knee", "ankle"), "ankle": ("knee", "ankle"),
}  # fmt: skip
"""The joints of a side without which what a joint moves is not there."""
_TURN_STEPS, _SCALE_STEPS, _PIXEL_STEPS = 256, 64, 4
"""What nobody sees makes no other picture: steps in which numbers are kept."""


@dataclass(frozen=True, eq=False)
class Solid:
    """The mannequin before a camera, T frames.

    body: its measures, metres. places: (T, 24, 3) its joints: x, y and the depth z, in pixels; z grows away from the
    camera and is 0 in the middle of the hips. turned: (T, 24, 3, 3) how they are turned, to the right, down and away.
    scale: (T,) pixels a metre. shown: (T, 18) 1 for joints that are there, 0 for others.
    """

    body: Body
    places: np.ndarray
    turned: np.ndarray
    scale: np.ndarray
    shown: np.ndarray

    @classmethod
    def of(cls, dance: PoseSequence, body: Body | None = None) -> Solid:
        """The mannequin where the keypoints are. body: its measures; else those of the dance's joints.

        Raises ValueError where there are no joints in space.
        """
        found, cameras, body = seen_joints(dance), cameras_of(dance), body or body_of(dance)
        danced = retarget(_motion(dance), body)
        right, ahead = unit(cameras[:, 0]), unit(np.cross(cameras[:, 0], cameras[:, 1]))
        axes = np.stack([right, np.cross(ahead, right), ahead], axis=1)
        scale = np.sqrt(np.linalg.norm(np.cross(cameras[:, 0], cameras[:, 1]), axis=1))
        about_hips = np.einsum("tik,tjk->tji", axes, danced.positions - danced.root[:, None])
        middle = found[:, _HIPS, :3].mean(axis=1, keepdims=True) * (1, 1, 0)
        places = _where_seen(middle + scale[:, None, None] * about_hips, found)
        turns = axes[:, None] @ danced.orientations
        return cls(
            body,
            _rounded(places, _PIXEL_STEPS),
            _rounded(turns, _TURN_STEPS),
            _rounded(scale, _SCALE_STEPS),
            found[..., 3].astype(np.float32),
        )

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, frames: slice | np.ndarray) -> Solid:
        return replace(self, **{name: values[frames] for name, values in self._tracks().items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """All that it is, by name."""
        measures = np.append(self.body.offsets.ravel(), self.body.height_m)
        return {"body": measures, **self._tracks()}

    def enlarged(self, factor: np.ndarray) -> Solid:
        """The same where a picture is stretched by factors (2,) to a larger one."""
        across = np.array([*factor, factor.mean()], np.float32)
        shift = np.array([*(factor - 1) / 2, 0.0], np.float32)  # whole numbers are the middles of pixels
        return replace(self, places=self.places * across + shift, scale=self.scale * across[2])

    @cached_property
    def mannequin(self) -> Mannequin:
        """Of its body."""
        return Mannequin.of(self.body)

    def is_there(self, frame: int) -> bool:
        """Whether there is a trunk to draw."""
        return bool(self.shown[frame, [_NECK, *_HIPS]].all() and self.scale[frame] > 0)

    def hidden(self, frame: int) -> np.ndarray:
        """(V,) bool: the mannequin's vertices on limbs of which a joint is not there."""
        gone = np.zeros(len(NAMES), bool)
        for name in _LIMBS:
            side, _, joint = name.partition("_")
            gone[AT[name]] = not all(self.shown[frame, INDEX[f"{side}_{each}"]] for each in _TAKES[joint])
        return gone[self.mannequin.joints[:, 0]]

    def _tracks(self) -> dict[str, np.ndarray]:
        return {"places": self.places, "turned": self.turned, "scale": self.scale, "shown": self.shown}


def body_of(dance: PoseSequence) -> Body:
    """The measures of a dancer whose joints in space are known, to a tenth of a millimetre. Raises ValueError."""
    body = measure_body([_motion(dance)])
    return Body(body.offsets.round(4), round(body.height_m, 4))


def _motion(dance: PoseSequence) -> Motion:
    if dance.joints3d is None:
        raise ValueError("a dance without joints in space has no depth")
    return Motion.of_joints(dance.joints3d, dance.fps, body_height(dance.joints3d))


def _where_seen(places: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The mannequin's joints (T, 24, 3) where those of limbs and head were seen (T, 18, 4); tips go along."""
    places = places.copy()
    for name in _LIMBS:
        there = found[:, INDEX[name], 3:] > 0
        shift = np.where(there, found[:, INDEX[name], :3] - places[:, AT[name]], 0)
        side, _, joint = name.partition("_")
        tip = {"wrist": "hand", "ankle": "toe"}.get(joint)
        for each in (name, *([f"{side}_{tip}"] if tip else [])):
            places[:, AT[each]] += shift
    places[:, AT["head"]] = found[:, _EARS, :3].mean(axis=1)
    return places


def seen_joints(dance: PoseSequence) -> np.ndarray:
    """(T, 18, 4) float32: joints as the camera sees them: x, y and the depth z, all in pixels, and whether they are
    there (1 or 0).

    z grows away from the camera and is 0 in the middle of the hips. The camera of a frame, taken as affine, is found by
    least squares from keypoints and `joints3d` of the frames around it in the same shot. Points of the head that the
    camera does not see are where the head has them. Raises ValueError where there are no joints in space.
    """
    if dance.joints3d is None:
        raise ValueError("a dance without joints in space has no depth")
    shown = np.asarray(dance.keypoints[..., 2] > 0)
    shares = shown[..., None] / np.maximum(shown.sum(1), 1)[:, None, None]
    points, body = dance.keypoints[..., :2].astype(np.float64), dance.joints3d.astype(np.float64)
    middle = (points * shares).sum(1, keepdims=True)
    seen, cameras = shown[..., None], cameras_of(dance)
    ahead = np.cross(cameras[:, 0], cameras[:, 1])
    scale = np.sqrt(np.linalg.norm(ahead, axis=1))
    depth = np.einsum("tjk,tk->tj", body - body[:, _HIPS].mean(1, keepdims=True), unit(ahead)) * scale[:, None]
    # The head from the neck, the rest from the middle of what is seen.
    flat = np.einsum("tjk,tik->tji", body - body[:, _NECK, None], cameras)
    neck = np.where(shown[:, _NECK, None], points[:, _NECK], middle[:, 0] + (flat * -shares).sum(1))
    found = np.where(seen, points, neck[:, None] + flat)
    found[:, _HEAD] = neck[:, None] + flat[:, _HEAD]
    there = shown.copy()
    there[:, _HEAD] = shown[:, BODY].any(axis=1, keepdims=True)
    return (np.concatenate([found, depth[..., None], np.ones((*depth.shape, 1))], axis=2) * there[..., None]).astype(
        np.float32
    )


def _rounded(values: np.ndarray, steps: float) -> np.ndarray:
    """The nearest multiples of 1 / steps."""
    return np.round(values * steps).astype(np.float32) / steps


def cameras_of(dance: PoseSequence) -> np.ndarray:
    """(T, 2, 3): right and down of each frame's camera, taken as affine, in pixels a metre."""
    if dance.joints3d is None:
        raise ValueError("a dance without joints in space has no depth")
    shown = np.asarray(dance.keypoints[..., 2:] > 0)
    shares = shown / np.maximum(shown.sum(1, keepdims=True), 1)
    points, body = dance.keypoints[..., :2].astype(np.float64), dance.joints3d.astype(np.float64)
    points, body = ((each - (each * shares).sum(1, keepdims=True)) * shown for each in (points, body))
    return _cameras(points, body, dance.shots, round(_AROUND_S * dance.fps))


def _cameras(points: np.ndarray, body: np.ndarray, cuts: np.ndarray, around: int) -> np.ndarray:
    """(T, 2, 3): right and down of each frame's camera, in pixels a metre, from joints about their middle."""
    inner, outer = np.einsum("tjk,tjl->tkl", body, body), np.einsum("tjk,tji->tki", body, points)
    cameras = np.zeros((len(points), 2, 3))
    for first, stop in pairwise([0, *np.asarray(cuts).tolist(), len(points)]):
        frames = np.arange(first, stop)
        low, high = np.maximum(frames - around, first) - first, np.minimum(frames + around + 1, stop) - first
        ours, theirs = (
            np.concatenate([np.zeros((1, *each.shape[1:])), np.cumsum(each[first:stop], axis=0)])
            for each in (inner, outer)
        )
        solved = np.linalg.pinv(ours[high] - ours[low], rcond=_FLAT**2, hermitian=True) @ (theirs[high] - theirs[low])
        cameras[first:stop] = solved.transpose(0, 2, 1)
    return cameras
