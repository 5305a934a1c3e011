"""A body on a stage before a camera: what a style needs that draws a solid figure and no keypoints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dancegen.errors import InputError
from dancegen.motion.anatomy import body_height
from dancegen.motion.body import BodyMotion
from dancegen.motion.cameras import CAMERAS, Lens, lens_of, perspective, shots_of
from dancegen.motion.mannequin import Mannequin
from dancegen.motion.retarget import measure_body, retarget
from dancegen.pose.geometry import BODY_FRACTION, FLOOR_LINE, MARGIN
from dancegen.pose.sequence import PoseSequence

if TYPE_CHECKING:
    from dancegen.motion.motion import Motion

STANDING = 0.74
"""How high a body that stands is in the picture of a usual shot, if the stage is not too wide for it."""
SAME_VIEW = 0.02
"""Of the dancer's extent: how far keypoints may be, on average, from where a camera shows joints, to be its own."""
_AT_ONCE = 256
"""Frames that are posed at a time, to see how much room a body takes."""


@dataclass(frozen=True, eq=False)
class Staged:
    """motion: the body, T frames. lens: through which each is seen. cuts: (C,) frames with which shots begin."""

    motion: BodyMotion
    lens: Lens
    cuts: np.ndarray

    @classmethod
    def filmed(cls, motion: BodyMotion, camera: str, size: tuple[int, int], bars_s: np.ndarray | None = None) -> Staged:
        """The dance seen by one of `motion.cameras`, with all of the body in a picture of (width, height) pixels.

        The camera stands where it stands for keypoints and looks there; how much it sees is told by the body's skin,
        where keypoints end at ankles, wrists and ears. One scale for a shot. Raises InputError for another camera.
        """
        joints = motion.motion()
        lens = lens_of(joints, camera, size=size, bars_s=bars_s)
        scale, offset = np.empty(len(motion)), np.empty((len(motion), 2))
        shots = shots_of(joints, camera, bars_s)
        for first, last, shot in shots:
            part = slice(first, last)
            share = STANDING * shot.body_fraction / BODY_FRACTION
            scale[part], offset[part] = _framed(motion.slice(first, last), lens[part], size, share)
        return cls(
            motion, replace(lens, scale=scale, offset=offset), np.array([first for first, _, _ in shots[1:]], int)
        )

    @classmethod
    def of(
        cls, dance: PoseSequence, size: tuple[int, int], camera: str | None = None, bars_s: np.ndarray | None = None
    ) -> Staged:
        """A dance whose joints in space are known, and no rotations: by a body with the same bones.

        camera: that which shows joints where the keypoints are, and the one in front where none does. Raises InputError
        where the joints are known in the picture only.
        """
        from dancegen.motion.motion import Motion

        if dance.joints3d is None:
            raise InputError(FLAT)
        motion = Motion.of_joints(dance.joints3d, dance.fps, body_height(dance.joints3d))
        if camera is None:
            camera = _camera_of(dance, motion, bars_s)
        return cls.filmed(retarget(motion, measure_body([motion])), camera, size, bars_s)


FLAT = (
    "--style mannequin draws a body in space, and these poses are known in the picture only: take a dance of "
    "generate-poses --model diffusion, or poses with joints3d; --style neon and openpose draw these"
)


def _framed(motion: BodyMotion, lens: Lens, size: tuple[int, int], share: float) -> tuple[float, np.ndarray]:
    """Pixels a metre, and where the middle of a shot is in pixels (2,): `share` of the height for a body that stands,
    less only where the shot would not fit."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    middles = []
    for skin, seen in _skins(motion, lens):
        at = perspective(skin, seen.eye, seen.target) * seen.distance[:, None, None]
        low, high = np.minimum(low, at.min(axis=(0, 1))), np.maximum(high, at.max(axis=(0, 1)))
        middles.append((at[..., 0].min(axis=1) + at[..., 0].max(axis=1)) / 2)
    pixels, margin = np.array(size, float), MARGIN * np.array(size)
    room = pixels - 2 * margin
    scale = float(min(share * size[1] / motion.body.height_m, *(room / np.maximum(high - low, 1e-6))))
    wanted = np.array(
        [size[0] / 2 - scale * np.median(np.concatenate(middles)), FLOOR_LINE * size[1] - scale * high[1]]
    )
    return scale, np.clip(wanted, margin - scale * low, margin + room - scale * high)


def _skins(motion: BodyMotion, lens: Lens) -> Iterator[tuple[np.ndarray, Lens]]:
    """The outermost points of the body (T, N, 3) in metres, some frames at a time, with the lens that sees them."""
    outermost = Mannequin.of(motion.body).outermost()
    for first, last in pairwise([*range(0, len(motion), _AT_ONCE), len(motion)]):
        yield outermost.placed(motion.positions[first:last], motion.orientations[first:last]), lens[first:last]


def _camera_of(dance: PoseSequence, motion: Motion, bars_s: np.ndarray | None) -> str:
    """The camera whose picture has the joints where the keypoints are, but for its scale and place."""
    there = np.asarray(dance.keypoints[..., 2] > 0)
    for camera in CAMERAS:
        seen = lens_of(motion, camera, size=dance.size, bars_s=bars_s).pixels(motion.joints3d)
        if there.any() and _apart(dance.keypoints[there, :2].astype(float), seen[there]) < SAME_VIEW:
            return camera
    return CAMERAS[0]


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far points (N, 2) are from others, on average, when these are scaled and moved to them; of their extent."""
    one, other = one - one.mean(0), other - other.mean(0)
    scale = float((one * other).sum() / max(float((other**2).sum()), 1e-9))
    extent = max(float(np.sqrt((one**2).sum(1)).max()), 1e-9)
    return float(np.linalg.norm(one - scale * other, axis=1).mean()) / extent
