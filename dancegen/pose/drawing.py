"""Drawing poses: exactly as controlnet-aux does for ControlNet, and smoothly for everything else."""

from __future__ import annotations

import colorsys
import math

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.geometry import to_canvas
from dancegen.pose.skeleton import FACE, HAND_BONES, JOINT_COLORS, LIMB_COLORS, LIMBS, N_JOINTS

__all__ = [
    "FACE_STROKE",
    "LIMB_STROKE",
    "STROKE",
    "draw_openpose",
    "draw_pose",
    "draw_poses",
    "joint_radii",
    "to_canvas",
]

#: Radius of a joint's disc, as a share of the canvas's shorter side: 1.33 px at 64 px.
STROKE = 1 / 48
#: Half the width of a limb, as a share of a joint's radius.
LIMB_STROKE = 2 / 3
#: Face points lie close together: their discs and limbs are smaller, by this factor.
FACE_STROKE = 3 / 4

_SHIFT = 10  # fractional bits of the polygons' coordinates
# cv2 smooths an edge outwards: a shape comes out larger all round by this much, in pixels.
_BLEED = 0.6
# A canvas whose shorter side has fewer pixels is drawn finer and reduced.
_FINE_ENOUGH = 256
_CIRCLE = np.stack([np.cos(np.arange(32) * math.tau / 32), np.sin(np.arange(32) * math.tau / 32)])
_PARENTS, _CHILDREN = np.array(LIMBS).T
_JOINT_SCALE = np.array([FACE_STROKE if joint in FACE else 1.0 for joint in range(N_JOINTS)])
_LIMB_SCALE = LIMB_STROKE * np.minimum(_JOINT_SCALE[_PARENTS], _JOINT_SCALE[_CHILDREN])


def draw_openpose(
    keypoints: np.ndarray, size: tuple[int, int], *, hands: np.ndarray | None = None, face: np.ndarray | None = None
) -> np.ndarray:
    """(18, 3) keypoints in pixels of size (width, height) -> (H, W, 3) uint8 RGB, as controlnet-aux draws them.

    hands: (2, 21, 3), left first. face: (70, 3). Both in the same pixels; a point without confidence is not there.
    Pixel for pixel ``controlnet_aux.open_pose.draw_poses``: fixed stick width, whole coordinates cut off, not rounded.
    That function takes x / width and multiplies by the width again; so does this one, since the product can fall just
    short of a whole number and then lands a pixel to the left.
    """
    import cv2

    keypoints = _one_pose(keypoints)
    width, height = size
    points, present = _there_and_back(keypoints, size)
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    for (parent, child), color in zip(LIMBS, LIMB_COLORS, strict=True):
        if present[parent] and present[child]:
            (x1, y1), (x2, y2) = points[parent], points[child]
            middle = (int((x1 + x2) / 2), int((y1 + y2) / 2))
            length = ((y1 - y2) ** 2 + (x1 - x2) ** 2) ** 0.5
            angle = math.degrees(math.atan2(y1 - y2, x1 - x2))
            outline = cv2.ellipse2Poly(middle, (int(length / 2), 4), int(angle), 0, 360, 1)
            cv2.fillConvexPoly(picture, np.asarray(outline), color)
    for (x, y), shown, color in zip(points, present, JOINT_COLORS, strict=True):
        if shown:
            cv2.circle(picture, (int(x), int(y)), 4, color, thickness=-1)
    for hand in () if hands is None else hands:
        _draw_hand(picture, hand)
    if face is not None:
        for point in _drawn_points(face, size):
            cv2.circle(picture, point, 3, (255, 255, 255), thickness=-1)
    return picture


def _draw_hand(picture: np.ndarray, hand: np.ndarray) -> None:
    """Pixel for pixel ``controlnet_aux.open_pose.util.draw_handpose``: bones in the colours of the rainbow."""
    import cv2

    size = picture.shape[1::-1]
    points, shown = _there_and_back(hand, size)
    whole = points.astype(int)
    shown = shown & (whole > 0).all(axis=1)
    for number, (one, other) in enumerate(HAND_BONES):
        if shown[one] and shown[other]:
            colour = [255 * part for part in colorsys.hsv_to_rgb(number / len(HAND_BONES), 1.0, 1.0)]
            cv2.line(picture, whole[one].tolist(), whole[other].tolist(), colour, thickness=2)
    for point in _drawn_points(hand, size):
        cv2.circle(picture, point, 4, (0, 0, 255), thickness=-1)


def _drawn_points(keypoints: np.ndarray, size: tuple[int, int]) -> list[list[int]]:
    """Of points of a hand or a face those that controlnet-aux draws: in its first row and column none is."""
    points, shown = _there_and_back(keypoints, size)
    whole = points.astype(int)
    return whole[shown & (whole > 0).all(axis=1)].tolist()


def _there_and_back(keypoints: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) float64 points by way of shares of the picture, and (N,) bool: which are there."""
    scale = np.array(size, dtype=np.float64)
    return keypoints[:, :2].astype(np.float64) / scale * scale, keypoints[:, 2] > 0


def draw_pose(keypoints: np.ndarray, size: tuple[int, int], *, stroke: float = STROKE) -> np.ndarray:
    """(18, 3) keypoints in pixels of size (width, height) -> (H, W, 3) uint8 RGB, anti-aliased.

    The picture of OpenPose in the same colours and order, but at sub-pixel positions and in proportion to the canvas:
    at 64 and at 1024 px it is the same picture. stroke: radius of a joint's disc, share of the shorter side.
    """
    return draw_poses(_one_pose(keypoints)[None], size, stroke=stroke)[0]


def draw_poses(keypoints: np.ndarray, size: tuple[int, int], *, stroke: float = STROKE) -> np.ndarray:
    """draw_pose of (N, 18, 3) keypoints: (N, H, W, 3) uint8 RGB."""
    import cv2

    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (N_JOINTS, 3):
        raise PoseError(f"poses are (N, {N_JOINTS}, 3) numbers, not {keypoints.shape}")
    width, height = size
    finer = _supersampling(size)
    radius = stroke * min(size) * finer
    points = (keypoints[..., :2] + 0.5) * finer - 0.5
    present = keypoints[..., 2] > 0
    shapes = [
        (_limb_outlines(points, radius * _LIMB_SCALE), present[:, _PARENTS] & present[:, _CHILDREN], LIMB_COLORS),
        (_disc_outlines(points, radius * _JOINT_SCALE), present, JOINT_COLORS),
    ]
    pictures = np.zeros((len(keypoints), height, width, 3), dtype=np.uint8)
    canvas = np.zeros((height * finer, width * finer, 3), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        drawn = picture if finer == 1 else canvas
        for outlines, shown, colors in shapes:
            _fill(drawn, outlines[index], shown[index], colors)
        if finer > 1:
            cv2.resize(canvas, (width, height), dst=picture, interpolation=cv2.INTER_AREA)
            canvas[:] = 0
    return pictures


def joint_radii(size: tuple[int, int], stroke: float = STROKE) -> np.ndarray:
    """(18,) radius in pixels of each joint's disc on a canvas (width, height)."""
    return stroke * min(size) * _JOINT_SCALE


def _supersampling(size: tuple[int, int]) -> int:
    """How many times finer a small canvas is drawn before it is reduced: strokes of a pixel keep their width."""
    return int(np.clip(np.ceil(_FINE_ENOUGH / min(size)), 1, 4))


def _limb_outlines(points: np.ndarray, half_widths: np.ndarray) -> np.ndarray:
    """(N, 17, P, 2) fixed-point outlines of ellipses from joint to joint."""
    start, end = points[:, _PARENTS], points[:, _CHILDREN]
    along = (end - start) / 2
    length = np.linalg.norm(along, axis=-1, keepdims=True)
    direction = along / np.maximum(length, 1e-9)
    along = direction * np.maximum(length - _BLEED, 0)
    across = np.stack([-direction[..., 1], direction[..., 0]], axis=-1) * np.maximum(half_widths - _BLEED, 0.1)[:, None]
    middle = (start + end) / 2
    outline = (
        middle[..., None, :] + _CIRCLE[0][:, None] * along[..., None, :] + _CIRCLE[1][:, None] * across[..., None, :]
    )
    return _fixed_point(outline)


def _disc_outlines(points: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """(N, 18, P, 2) fixed-point outlines of the joints' discs."""
    return _fixed_point(points[..., None, :] + np.maximum(radii - _BLEED, 0.1)[:, None, None] * _CIRCLE.T)


def _fixed_point(outlines: np.ndarray) -> np.ndarray:
    # Far outside any canvas, yet within what cv2 can hold with the fractional bits.
    return np.rint(outlines.clip(-20_000, 20_000) * (1 << _SHIFT)).astype(np.int32)


def _fill(picture: np.ndarray, outlines: np.ndarray, shown: np.ndarray, colors) -> None:
    import cv2

    for outline, visible, color in zip(outlines, shown.tolist(), colors, strict=True):
        if visible:
            cv2.fillConvexPoly(picture, outline, color, lineType=cv2.LINE_AA, shift=_SHIFT)


def _one_pose(keypoints: np.ndarray) -> np.ndarray:
    keypoints = np.asarray(keypoints)
    if keypoints.shape != (N_JOINTS, 3):
        raise PoseError(f"a pose is ({N_JOINTS}, 3) numbers, not {keypoints.shape}")
    return keypoints
