"""A dancer as a solid body in front of the camera, from joints in space: what lies behind what, drawn as depth.

A ControlNet for depth is taught with maps of networks such as MiDaS: near is bright, and brightness goes with one over
the distance. Here nothing looks at pictures. The joints say where limbs are, and limbs are as thick as a person's.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from dancegen.arrays import unit
from dancegen.pose.geometry import NECK_TO_HIP
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import BODY, INDEX, N_JOINTS

CAMERA, REACH = 1.0, 0.5
"""Body heights: from the camera to the hips, and how far in front of them it is as bright as can be."""
_AROUND_S = 0.3
"""A frame's camera is found from the frames so near to it: one alone may show a body that is flat."""
_FLAT = 0.05
"""Relative singular value under which a body counts as flat."""
_NECK, _HIPS, _EARS = INDEX["neck"], (INDEX["r_hip"], INDEX["l_hip"]), (INDEX["r_ear"], INDEX["l_ear"])
_HEAD = (INDEX["nose"], INDEX["r_eye"], INDEX["l_eye"], *_EARS)

# Thickness, as shares of the body's height: half the width of each part at its two ends.
_LIMBS = (
    ("hip", "knee", 0.050, 0.036),
    ("knee", "ankle", 0.034, 0.024),
    ("shoulder", "elbow", 0.032, 0.026),
    ("elbow", "wrist", 0.025, 0.018),
    ("shoulder", "hip", 0.060, 0.060),
)
_TRUNK, _SHOULDERS, _PELVIS, _THROAT = (0.068, 0.066), 0.046, 0.058, 0.034
_HAND, _HAND_LENGTH = 0.024, 0.055
_FOOT, _FOOT_LENGTH, _FOOT_DROP = 0.024, 0.11, 0.02
_SKULL, _SKULL_RAISED = (0.045, 0.068, 0.058), 0.02
"""Half the head's width, height and length; its middle lies a little over the ears."""


def solid_joints(dance: PoseSequence) -> np.ndarray:
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
    middle, centre = ((each * shares).sum(1, keepdims=True) for each in (points, body))
    seen = shown[..., None]
    cameras = _cameras((points - middle) * seen, (body - centre) * seen, dance.shots, round(_AROUND_S * dance.fps))
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


def draw_depth(joints: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(18, 4) joints of `solid_joints`, on a canvas of size (width, height) -> (H, W, 3) uint8, near bright, alone on
    black: limbs as capsules, the head as an ellipsoid, whatever is nearer before whatever is farther.

    Nobody, and a body without neck or hips, gives a black picture.
    """
    width, height = size
    joints = np.asarray(joints, np.float64)
    if joints.shape != (N_JOINTS, 4):
        raise ValueError(f"joints in front of a camera are ({N_JOINTS}, 4) numbers, not {joints.shape}")
    nearest = np.full((height, width), np.inf)
    there = joints[:, 3] > 0
    hips = joints[list(_HIPS), :3].mean(0)
    tall = float(np.linalg.norm(joints[_NECK, :3] - hips)) / NECK_TO_HIP
    if there[[_NECK, *_HIPS]].all() and tall > 0:
        for start, end, at_start, at_end in _parts(joints, there, tall):
            _draw_capsule(nearest, start, end, at_start * tall, at_end * tall)
        _draw_head(nearest, joints[:, :3], tall)
    grey = np.rint(depth_as_grey(nearest / max(tall, 1e-6))).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def depth_as_grey(behind: np.ndarray) -> np.ndarray:
    """0 to 255, near bright, for surfaces that are so many body heights farther than the hips; inf gives 0."""
    return 255 * (CAMERA - REACH) / np.maximum(CAMERA + behind, CAMERA - REACH)


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


def _parts(
    joints: np.ndarray, there: np.ndarray, tall: float
) -> Iterator[tuple[np.ndarray, np.ndarray, float, float]]:  # fmt: skip
    """Yield each part of the body but the head: its two ends (3,), and half its width there in body heights."""
    at = {name: joints[number, :3] for name, number in INDEX.items()}
    known = {name for name, number in INDEX.items() if there[number]}
    hips = (at["r_hip"] + at["l_hip"]) / 2
    yield at["neck"], hips, *_TRUNK
    yield at["r_hip"], at["l_hip"], _PELVIS, _PELVIS
    yield at["neck"], joints[list(_EARS), :3].mean(0), _THROAT, _THROAT
    up = at["neck"] - hips
    ahead = unit(np.cross(at["l_hip"] - at["r_hip"], up))  # y points down and z away: this is where the belly is
    for side in ("r", "l"):
        for start, end, at_start, at_end in _LIMBS:
            if {f"{side}_{start}", f"{side}_{end}"} <= known:
                yield at[f"{side}_{start}"], at[f"{side}_{end}"], at_start, at_end
        if f"{side}_shoulder" in known:
            yield at["neck"], at[f"{side}_shoulder"], _SHOULDERS, _SHOULDERS
        if {f"{side}_elbow", f"{side}_wrist"} <= known:
            along = unit(at[f"{side}_wrist"] - at[f"{side}_elbow"])
            yield at[f"{side}_wrist"], at[f"{side}_wrist"] + _HAND_LENGTH * tall * along, _HAND, _HAND
        if {f"{side}_knee", f"{side}_ankle"} <= known:
            down = unit(at[f"{side}_ankle"] - at[f"{side}_knee"])
            toes = _FOOT_LENGTH * unit(ahead - (ahead @ down) * down) + _FOOT_DROP * down
            yield at[f"{side}_ankle"], at[f"{side}_ankle"] + toes * tall, _FOOT, _FOOT


def _draw_capsule(nearest: np.ndarray, start: np.ndarray, end: np.ndarray, at_start: float, at_end: float) -> None:
    """Lower `nearest` (H, W) to a part of the body: a ball at each end, and what is between them."""
    reach = max(at_start, at_end)
    box, x, y = _box(nearest, np.minimum(start, end) - reach, np.maximum(start, end) + reach)
    if not nearest[box].size:
        return
    along = end - start
    length = max(float(along[:2] @ along[:2]), 1e-9)
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / length, 0, 1)
    for place in (share, np.zeros(1), np.ones(1)):  # a limb that points at the camera is its nearer end
        radius = at_start + place * (at_end - at_start)
        across = (x - start[0] - place * along[0]) ** 2 + (y - start[1] - place * along[1]) ** 2
        inside = radius**2 - across
        surface = start[2] + place * along[2] - np.sqrt(np.maximum(inside, 0))
        nearest[box] = np.where(inside > 0, np.minimum(nearest[box], surface), nearest[box])


def _draw_head(nearest: np.ndarray, joints: np.ndarray, tall: float) -> None:
    """Lower `nearest` (H, W) to the head, an ellipsoid that is turned as the ears and the nose are."""
    ears = joints[list(_EARS)].mean(0)
    across = unit(joints[_EARS[1]] - joints[_EARS[0]])
    ahead = joints[INDEX["nose"]] - ears
    ahead = unit(ahead - (ahead @ across) * across)
    up = np.cross(ahead, across)
    up = up if up @ (ears - joints[_NECK]) >= 0 else -up
    centre, half = ears + _SKULL_RAISED * tall * up, np.array(_SKULL) * tall
    turned = np.stack([across, up, ahead])
    form = turned.T @ np.diag(1 / half**2) @ turned
    box, x, y = _box(nearest, centre - half.max(), centre + half.max())
    if not nearest[box].size or not np.isfinite(form).all():
        return
    x, y = x - centre[0], y - centre[1]
    # Where a ray along z meets the ellipsoid: a z^2 + 2 b z + c = 0.
    a, b = form[2, 2], form[0, 2] * x + form[1, 2] * y
    c = form[0, 0] * x**2 + 2 * form[0, 1] * x * y + form[1, 1] * y**2 - 1
    inside = b**2 - a * c
    surface = centre[2] - (b + np.sqrt(np.maximum(inside, 0))) / max(a, 1e-12)
    nearest[box] = np.where(inside > 0, np.minimum(nearest[box], surface), nearest[box])


def _box(
    picture: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:  # fmt: skip
    """Rows and columns of a picture that hold everything from `low` to `high`, and the x and y of their pixels."""
    height, width = picture.shape
    left, right = (int(np.clip(np.floor(each), -1, width)) for each in (low[0], high[0]))
    top, bottom = (int(np.clip(np.floor(each), -1, height)) for each in (low[1], high[1]))
    columns, rows = slice(max(left, 0), max(right + 1, 0)), slice(max(top, 0), max(bottom + 1, 0))
    columns, rows = slice(columns.start, min(columns.stop, width)), slice(rows.start, min(rows.stop, height))
    y, x = np.mgrid[rows, columns].astype(np.float64)
    return (rows, columns), x, y
