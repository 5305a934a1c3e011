"""Cameras: a dance in three dimensions becomes keypoints in pixels, without the face points that the head hides.

Two kinds. `project` is orthographic, as the views of a dataset are: one scale for the whole clip. `film` is a pinhole
camera with perspective that stands, circles, follows the dancer, or cuts to another place on a bar line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from dancegen.arrays import smooth
from dancegen.errors import InputError
from dancegen.motion.anatomy import facing
from dancegen.motion.motion import Motion
from dancegen.pose.geometry import BODY_FRACTION, FLOOR_LINE, MARGIN
from dancegen.pose.skeleton import INDEX

if TYPE_CHECKING:
    from dancegen.pose.sequence import PoseSequence

DOMINANT = 0.2  # length of the mean facing vector from which a clip has a front

# Which way each face point looks, as degrees to the right of the face, and how far from the camera that may turn
# before the head is in between. A far eye goes a little before the profile, an ear once the head turns away from it;
# from behind both ears are there and nothing else: as detectors see people.
FACE_NORMALS = {"nose": (0.0, 100.0), "r_eye": (30.0, 107.0), "l_eye": (-30.0, 107.0)} | {
    "r_ear": (90.0, 112.0),
    "l_ear": (-90.0, 112.0),
}
HYSTERESIS_DEG = 5.0  # past its limit by this much before a point disappears, and short of it before it appears
SMOOTH_S = 0.05
AT_FRONT = (0.0, 0.0, 1.0)

EYE_HEIGHT_M = 1.3
FAR, NEAR = 9.0, 4.5  # metres from the dancer: a camera for the whole stage, and one that goes with the dancer
LEAST_M = 3.0  # from a camera to the dancer, at the nearest
ORBIT_S = 24.0  # seconds of a full circle
FOLLOW_S = 0.8  # how much a camera that follows smooths the dancer's path
BARS_A_SHOT = 2
SHOT_S = 4.0  # where a song has no beat
STAGE = 0.38  # how high a body is in a still camera's picture, which shows three metres of stage and arms
SMALLER, LARGEST_STEP = 0.7, 4  # of a picture that a dance leaves, and how often
CAMERAS = ("front", "side", "orbit", "follow", "cuts")


def project(
    motion: Motion, azimuth_deg: float, *, size: tuple[int, int] = (512, 512), body_fraction: float = BODY_FRACTION
) -> PoseSequence:
    """What a camera sees that stands `azimuth_deg` round the dancer: 0 in front, 90 on the dancer's left.

    Orthographic (a long lens far away: size says nothing about distance), at the height of the dancer. One scale and
    one place for the clip: the body is `body_fraction` of the canvas high, less only where the clip would not fit.
    In front is where the dancer looks on average over the clip, or at its start where no direction prevails.
    `joints3d` of the result is turned so that this front is +z. Hidden face points are (0, 0, 0).
    """
    from dancegen.pose.sequence import PoseSequence

    motion = facing_camera(motion)
    seen = motion.turned(-azimuth_deg)
    points = seen.joints3d[..., :2].astype(np.float64) * (1.0, -1.0)
    keypoints = np.ones((len(motion), motion.joints3d.shape[1], 3), dtype=np.float32)
    keypoints[..., :2] = fit(points, motion.height_m, size, body_fraction)
    for joint, visible in face_visibility(seen).items():
        keypoints[~visible, INDEX[joint]] = 0.0
    return PoseSequence(keypoints=keypoints, fps=motion.fps, size=size, joints3d=motion.joints3d)


def facing_camera(motion: Motion) -> Motion:
    """The clip turned so that its front is +z."""
    x, z = front(motion)
    return motion.turned(-float(np.rad2deg(np.arctan2(x, z))))


def front(motion: Motion) -> tuple[float, float]:
    """The direction (x, z) that the dancer faces over the clip: the mean, or the first half second's if none."""
    directions = facing(motion.joints3d)
    mean = directions.mean(axis=0)
    if np.linalg.norm(mean) < DOMINANT:
        mean = directions[: max(round(motion.fps / 2), 1)].mean(axis=0)
    if np.linalg.norm(mean) < 1e-6:
        return 0.0, 1.0
    return float(mean[0]), float(mean[1])


def face_visibility(
    motion: Motion, towards: np.ndarray | tuple[float, float, float] = AT_FRONT
) -> dict[str, np.ndarray]:
    """Which face points a camera sees: (T,) bool for each. Smoothed and with hysteresis, so nothing flickers.

    towards: unit vectors to the camera, (3,) or (T, 3); by default it stands at +z.
    """
    right = np.cross(motion.head_forward, motion.head_up)
    result = {}
    for joint, (degrees, limit) in FACE_NORMALS.items():
        angle = np.deg2rad(degrees)
        normal = np.cos(angle) * motion.head_forward + np.sin(angle) * right
        turned = (normal * towards).sum(axis=-1)
        away = np.rad2deg(np.arccos(np.clip(smooth(turned.astype(np.float64), SMOOTH_S * motion.fps), -1.0, 1.0)))
        result[joint] = _latch(away, limit)
    return result


def _latch(away: np.ndarray, limit: float) -> np.ndarray:
    """True below the limit, False above it; inside the band round it, what was decided last."""
    decided = np.where(away < limit - HYSTERESIS_DEG, 1, np.where(away > limit + HYSTERESIS_DEG, 0, -1))
    if decided[0] < 0:
        decided[0] = away[0] < limit
    last = np.maximum.accumulate(np.where(decided >= 0, np.arange(len(decided)), 0))
    return decided[last].astype(bool)


def fit(points: np.ndarray, height_m: float, size: tuple[int, int], body_fraction: float) -> np.ndarray:
    """(T, 18, 2) pixels from metres across the view (x to the right, y down): one scale and one place for all frames.

    A body of `height_m` is `body_fraction` of the canvas high, less only where the clip would not fit.
    """
    scale, offset = _placement(points, height_m, size, body_fraction)
    return scale * points + offset


def _placement(
    points: np.ndarray, height_m: float, size: tuple[int, int], body_fraction: float
) -> tuple[float, np.ndarray]:
    """Pixels a metre, and where the view's middle is in pixels (2,), of `fit`."""
    width, height = size
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    room = np.array([width, height]) * (1 - 2 * MARGIN)
    scale = min(body_fraction * height / height_m, *(room / np.maximum(high - low, 1e-6)))
    hips = (points[:, INDEX["r_hip"], 0] + points[:, INDEX["l_hip"], 0]) / 2
    wanted = np.array([width / 2 - scale * np.median(hips), FLOOR_LINE * height])
    margin = np.array([width, height]) * MARGIN
    # Everything inside the margins comes first, the dancer's usual place second.
    return scale, np.clip(wanted, margin - scale * low, margin + room - scale * high)


def _lasting_placement(
    points: np.ndarray, height_m: float, size: tuple[int, int], body_fraction: float
) -> tuple[float, np.ndarray]:
    """The same of points about the middle of a body, as a rule whatever they do, so that a dance that goes on is shown
    as before: only where they leave the picture it is made smaller, in large steps."""
    width, height = size
    low, high = points.min(axis=(0, 1)), points.max(axis=(0, 1))
    margin = np.array([width, height]) * MARGIN
    for step in range(LARGEST_STEP):
        scale = body_fraction * height / height_m * SMALLER**step
        offset = np.array([width / 2, FLOOR_LINE * height - scale * height_m / 2])
        if (scale * low + offset >= margin).all() and (scale * high + offset <= (width, height) - margin).all():
            return scale, offset
    return _placement(points, height_m, size, body_fraction)


@dataclass(frozen=True)
class Shot:
    """Where a camera stands: degrees round the dancer (0 in front of the stage, 90 on the left of who looks to the
    front), metres away and up, and whether it goes with the dancer."""

    azimuth_deg: float
    distance_m: float = FAR
    height_m: float = EYE_HEIGHT_M
    follows: bool = False
    body_fraction: float = BODY_FRACTION


@dataclass(frozen=True, eq=False)
class Lens:
    """How a camera shows each frame: the pinhole at `eye` (T, 3) looks at `target` (T, 3), metres.

    A point that is `distance` (T,) metres ahead is shown at `scale` (T,) pixels a metre; the picture's middle is at
    `offset` (T, 2) pixels.
    """

    eye: np.ndarray
    target: np.ndarray
    distance: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    def __getitem__(self, frames: slice | np.ndarray) -> Lens:
        return Lens(*(getattr(self, each.name)[frames] for each in fields(self)))

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """(T, J, 2): where points (T, J, 3) in metres are in the picture."""
        across = perspective(points.astype(np.float64), self.eye, self.target) * self.distance[:, None, None]
        return self.scale[:, None, None] * across + self.offset[:, None]

    @classmethod
    def concatenate(cls, parts: Sequence[Lens]) -> Lens:
        """One behind the other."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


FRONT, SIDE, FOLLOW = Shot(0), Shot(90), Shot(0, NEAR, follows=True)
CUTS = (
    FRONT,
    Shot(-40, NEAR, 1.1, True, 0.72),
    Shot(60, 6.0, 1.8, True),
    Shot(15, NEAR, 0.5, True, 0.72),
    Shot(-90, 6.0, follows=True),
    Shot(35, 7.0, 2.4),
)


def film(
    motion: Motion,
    camera: str,
    *,
    size: tuple[int, int] = (512, 512),
    bars_s: np.ndarray | None = None,
    start_s: float = 0.0,
    lasting: bool = False,
) -> PoseSequence:
    """The dance as a camera sees it: keypoints in pixels of `size`, and its joints in metres as they are.

    camera: front, side (both stand still and see the whole stage), orbit, follow, or cuts, whose shots change on every
    other of the bar lines `bars_s`, seconds from the first frame: they are the `cuts` of what is returned. One scale
    for a shot, that of all it shows; lasting: as a rule one that is known beforehand, so that a dance that goes on is
    shown as before. Face points that the head hides are (0, 0, 0). Raises InputError for another camera.
    """
    from dancegen.pose.sequence import PoseSequence

    keypoints = np.ones((len(motion), motion.joints3d.shape[1], 3), np.float32)
    shots = shots_of(motion, camera, bars_s)
    for first, last, shot in shots:
        part = _part(motion, first, last)
        keypoints[first:last] = _through(part, _lens(part, shot, first, size, camera, lasting))
    cuts = np.array([first for first, _, _ in shots[1:]], int)
    return PoseSequence(
        keypoints, motion.fps, size, start_s=start_s, joints3d=motion.joints3d, cuts=cuts if len(cuts) else None
    )


def lens_of(
    motion: Motion,
    camera: str,
    *,
    size: tuple[int, int] = (512, 512),
    bars_s: np.ndarray | None = None,
    lasting: bool = False,
) -> Lens:
    """The lens through which `film` sees a dance, with which others can be seen as that one is."""
    shots = shots_of(motion, camera, bars_s)
    return Lens.concatenate(
        [_lens(_part(motion, a, b), shot, a, size, camera, lasting) for a, b, shot in shots]
    )  # fmt: skip


def _part(motion: Motion, first: int, last: int) -> Motion:
    return motion.slice(first / motion.fps, (last - first) / motion.fps)


def shots_of(motion: Motion, camera: str, bars_s: np.ndarray | None) -> list[tuple[int, int, Shot]]:
    """(first frame, frame after the last, shot) of each shot of a camera. Raises InputError for another camera."""
    single = {"front": FRONT, "side": SIDE, "orbit": Shot(0, NEAR, follows=True), "follow": FOLLOW}
    if camera in single:
        return [(0, len(motion), single[camera])]
    if camera not in CAMERAS:
        raise InputError(f"--camera {camera}: choose one of {', '.join(CAMERAS)}")
    edges = [0, *_cut_frames(motion, bars_s), len(motion)]
    return [(a, b, CUTS[i % len(CUTS)]) for i, (a, b) in enumerate(pairwise(edges))]


def _cut_frames(motion: Motion, bars_s: np.ndarray | None) -> list[int]:
    """Frames at which a new shot begins: on bar lines, none nearer than a second to the beginning or the end."""
    if bars_s is not None and len(bars_s) > 1:
        times = np.asarray(bars_s)[::BARS_A_SHOT]
    else:
        times = np.arange(SHOT_S, motion.seconds, SHOT_S)
    inside = times[(times >= 1) & (times <= motion.seconds - 1)]
    return sorted({round(time * motion.fps) for time in inside.tolist()})


def _lens(motion: Motion, shot: Shot, first: int, size: tuple[int, int], camera: str, lasting: bool) -> Lens:
    """The lens of one shot, which begins at frame `first` of the dance."""
    centre = _centre(motion, shot)
    azimuth = np.full(len(motion), np.deg2rad(shot.azimuth_deg))
    if camera == "orbit":
        azimuth = azimuth + 2 * np.pi * (first + np.arange(len(motion))) / motion.fps / ORBIT_S
    out = np.stack([np.sin(azimuth), np.zeros_like(azimuth), np.cos(azimuth)], 1)
    distance_m = shot.distance_m
    if not shot.follows:  # a stage may be deeper than the camera is far
        nearest = np.einsum("tjc,tc->tj", motion.joints3d - centre[:, None], out).max()
        distance_m = max(distance_m, float(nearest) + LEAST_M)
    eye = centre * (1, 0, 1) + distance_m * out + np.array([0, shot.height_m, 0])
    points = perspective(motion.joints3d.astype(np.float64), eye, centre) * distance_m
    if lasting and camera != "cuts":  # a shot between two cuts is as long as it is
        tall = shot.body_fraction if shot.follows else STAGE
        scale, offset = _lasting_placement(points, motion.height_m, size, tall)
    else:
        scale, offset = _placement(points, motion.height_m, size, shot.body_fraction)
    count = len(motion)
    return Lens(eye, centre, np.full(count, distance_m), np.full(count, scale), np.tile(offset, (count, 1)))


def _through(motion: Motion, lens: Lens) -> np.ndarray:
    """(T, 18, 3) keypoints of one shot."""
    keypoints = np.ones((len(motion), motion.joints3d.shape[1], 3), np.float32)
    keypoints[..., :2] = lens.pixels(motion.joints3d)
    head = (motion.joints3d[:, INDEX["r_ear"]] + motion.joints3d[:, INDEX["l_ear"]]) / 2
    towards = lens.eye - head
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    for joint, visible in face_visibility(motion, towards).items():
        keypoints[~visible, INDEX[joint]] = 0.0
    return keypoints


def _centre(motion: Motion, shot: Shot) -> np.ndarray:
    """(T, 3): what the camera looks at, half a body high: the dancer's way, smoothed, or the middle of the stage."""
    hips = (motion.joints3d[:, INDEX["r_hip"]] + motion.joints3d[:, INDEX["l_hip"]]).astype(np.float64) / 2
    hips = smooth(hips, FOLLOW_S * motion.fps) if shot.follows else np.zeros_like(hips)
    hips[:, 1] = motion.height_m / 2
    return hips


def axes(eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(T, 3, 3): right, down and ahead of a camera at `eye` (T, 3) that looks at `target` and stands upright."""
    ahead = target - eye
    ahead = ahead / np.linalg.norm(ahead, axis=1, keepdims=True)
    right = np.cross(ahead, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(ahead, right), ahead], 1)


def perspective(points: np.ndarray, eye: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Where points (T, J, 3) lie in the picture of a pinhole camera at `eye` (T, 3) that looks at `target` (T, 3).

    (T, J, 2), x to the right and y down, in units of the focal length. The camera stands upright.
    """
    seen = np.einsum("tij,tkj->tki", axes(eye, target), points - eye[:, None])
    return seen[..., :2] / np.maximum(seen[..., 2:], 0.1)
