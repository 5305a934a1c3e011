"""Joints back from a drawn picture, by colour alone.

Every joint's disc has a hue of its own, 20 degrees from the next, at full brightness; limbs share the hues at six
tenths of it. So a pixel's hue says whose disc it may belong to, and its brightness above the limbs' how much of it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.drawing import STROKE, draw_pose, joint_radii
from dancegen.pose.skeleton import N_JOINTS

#: Below this share of its disc, a joint counts as hidden or absent.
MIN_CONFIDENCE = 0.25
_LIMB_VALUE = 0.6
_HUE_STEP = 20.0  # degrees between the hues of consecutive joints
_HUE_FULL, _HUE_NONE = 6.0, 12.0  # degrees off a joint's hue within which a pixel counts fully, beyond which not at all
_MIN_SATURATION = 0.7


def decode_image(rgb: np.ndarray, *, stroke: float = STROKE) -> np.ndarray:
    """(H, W, 3) uint8 RGB, as draw_pose draws it with this stroke -> (18, 3) float32 keypoints in its pixels.

    The confidence is the share of the joint's disc that shows. A joint of which less than MIN_CONFIDENCE shows is
    missing, (0, 0, 0); one that others partly cover is found where its visible part is. Raises PoseError if the
    picture is not one.
    """
    rgb = np.asarray(rgb)
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise PoseError(f"a picture to decode is (height, width, 3), not {rgb.shape}")
    height, width = rgb.shape[:2]
    radii = joint_radii((width, height), stroke)
    points, hue, brightness = _disc_pixels(rgb)
    found = np.zeros((N_JOINTS, 3), dtype=np.float32)
    for joint, radius in enumerate(radii):
        weight = brightness * _hue_match(hue, joint * _HUE_STEP)
        own = weight > 0
        if own.any():
            centre, mass = _heaviest_disc(points[own], weight[own], radius)
            confidence = min(1.0, mass / _whole_disc(round(float(radius), 3)))
            if confidence >= MIN_CONFIDENCE:
                found[joint] = (*centre, confidence)
    return found


def _disc_pixels(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the pixels too bright for a limb: (P, 2) x and y, (P,) hue in degrees, (P,) brightness 0..1 above a limb's."""
    brightest = np.maximum(np.maximum(rgb[..., 0], rgb[..., 1]), rgb[..., 2])
    rows, columns = np.nonzero(brightest > 255 * _LIMB_VALUE + 1)
    colors = rgb[rows, columns].astype(np.float32) / 255
    high, low = colors.max(axis=1), colors.min(axis=1)
    saturated = (high - low) > _MIN_SATURATION * high
    rows, columns, colors, high, low = (array[saturated] for array in (rows, columns, colors, high, low))
    brightness = (high - _LIMB_VALUE) / (1 - _LIMB_VALUE)
    return np.stack([columns, rows], axis=1).astype(np.float32), _hue(colors, high, low), brightness


def _hue(colors: np.ndarray, high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """(P, 3) RGB -> (P,) degrees: the hexagonal hue of HSV."""
    red, green, blue = colors.T
    chroma = np.maximum(high - low, 1e-6)
    sector = np.where(
        high == red,
        (green - blue) / chroma,
        np.where(high == green, 2 + (blue - red) / chroma, 4 + (red - green) / chroma),
    )
    return (60 * sector) % 360


def _hue_match(hue: np.ndarray, target: float) -> np.ndarray:
    off = np.abs((hue - target + 180) % 360 - 180)
    return np.clip((_HUE_NONE - off) / (_HUE_NONE - _HUE_FULL), 0, 1)


def _heaviest_disc(points: np.ndarray, weight: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
    """Centre (2,) and mass of the disc of this radius that holds the most weight."""
    reach = (radius + 0.7) ** 2
    # The heaviest pixels' neighbourhoods are enough to start from, and bound the work on a large or garish picture.
    seeds = np.argsort(weight, kind="stable")[::-1][:64]
    apart = ((points[seeds, None] - points[None]) ** 2).sum(axis=2)
    centre, mass = points[seeds[np.argmax((apart <= reach) @ weight)]], 0.0
    for _ in range(4):
        near = ((points - centre) ** 2).sum(axis=1) <= reach
        mass = float(weight[near].sum())
        centre = (points[near] * weight[near, None]).sum(axis=0) / max(mass, 1e-9)
    return centre, mass


@lru_cache(maxsize=64)
def _whole_disc(radius: float) -> float:
    """The mass that an unhidden disc of this radius has in a picture."""
    side = max(8, int(np.ceil(4 * radius)))
    pose = np.zeros((N_JOINTS, 3))
    masses = []
    for shift in (0.0, 0.25, 0.5):
        pose[1] = (side / 2 + shift, side / 2 + shift, 1)
        masses.append(_disc_pixels(draw_pose(pose, (side, side), stroke=radius / side))[2].sum())
    return float(max(np.mean(masses), 0.5))
