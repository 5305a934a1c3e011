"""A picture that follows the dancer: where it lies on the poses' canvas at each moment, of its proportions throughout.

It is a cameraman's work, who knows what comes for `LOOK_AHEAD_S` seconds and no longer, so that a dance that goes on is
framed as before. Three tracks, each smooth by how it is made:

- sideways the middle goes with the dancer, averaged over a second on either side (Hann window);
- the line that soles stand on is as low as any foot within half a second, averaged likewise: a jump is seen as one;
- how much is seen, the picture's height on the canvas, is such that a standing body takes `BODY_SHARE` of it, and more
  where limbs would leave the picture. Its logarithm changes by at most `RATE` a second, begun as early as can be seen.

A body that takes more room than can be made at that rate within the look-ahead, as one that drops to the floor, is kept
in the picture all the same: then the camera draws back faster, in all the time there is (`Framing.hurried`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from dancegen.pose.figure import reach_of, seen_height, standing_height
from dancegen.pose.geometry import place
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX

BODY_SHARE = 0.76
"""How high a standing body is in the picture, where nothing needs more room."""
TOP, SOLES, SIDE = 0.025, 0.955, 0.01
"""Where raised hands and soles may be, from the top, and what stays free at each side; shares of height and width."""
RATE = 0.048
"""By how much the logarithm of the scale changes, at most, a second."""
SIDEWAYS_S, FLOOR_S, SCALE_S = 0.9, 0.45, 0.25
"""Half the width of the averages over the middle's, the floor's and the scale's tracks."""
AHEAD_S = 2.6
"""From when it can be seen that more room is needed, to when it is needed: time to make room for arms that spread."""
HELD_S = 4.0
"""For so long room that was needed is kept, in case limbs reach out again."""
LOOK_AHEAD_S = SIDEWAYS_S + SCALE_S + AHEAD_S + SCALE_S
"""What the picture shows depends on nothing later than this."""
_HIPS = (INDEX["r_hip"], INDEX["l_hip"])


@dataclass(frozen=True, eq=False)
class Framing:
    """size: (width, height) of the picture. height: (T,) of what it shows, in pixels of the canvas. corner: (T, 2) its
    upper left corner there. hurried: (T,) bool, where the scale changes faster than `RATE`. cuts: (C,) frames with
    which a new framing begins."""

    size: tuple[int, int]
    height: np.ndarray
    corner: np.ndarray
    hurried: np.ndarray
    cuts: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        """(T,): pixels of the picture for one of the canvas."""
        return self.size[1] / self.height

    def shown(self, poses: PoseSequence) -> PoseSequence:
        """The dance in the picture."""
        scale, offset = self.scale, -self.corner * self.scale[:, None]

        def moved(array: np.ndarray) -> np.ndarray:
            between = (1,) * (array.ndim - 2)
            return place(array, scale.reshape(-1, *between, 1), offset.reshape(-1, *between, 2))

        parts = {name: getattr(poses, name) for name in ("keypoints", "hands", "face")}
        return replace(
            poses, size=self.size, **{name: moved(array) for name, array in parts.items() if array is not None}
        )


@dataclass(frozen=True, eq=False)
class FramingFigures:
    """height: (T,) the dancer from crown to sole, as a share of the picture's, NaN where head or feet are hidden.
    inside: (T,) bool, all of them is in the picture, hands and feet included. rate: (T,) by how much the logarithm of
    the scale changes, a second, from the frame before of the same shot."""

    height: np.ndarray
    inside: np.ndarray
    rate: np.ndarray

    @classmethod
    def of(cls, framing: Framing, poses: PoseSequence) -> FramingFigures:
        """Of a dance on the canvas that the framing is of."""
        edges = [0, *framing.cuts.tolist(), len(poses)]
        shots = [poses.keypoints[first:stop] for first, stop in pairwise(edges)]
        body = np.concatenate([standing_height(shot, poses.fps) for shot in shots])
        tall = np.concatenate([seen_height(shot, poses.fps) for shot in shots])
        low, high = reach_of(poses.keypoints, body)
        span = np.array(framing.size) / framing.scale[:, None]
        inside = ~np.any((low < framing.corner) | (high > framing.corner + span), axis=1)
        rate = np.abs(np.diff(np.log(framing.scale), prepend=np.log(framing.scale[:1]))) * poses.fps
        rate[framing.cuts] = 0
        return cls(tall / framing.height, inside, rate)


def follow(poses: PoseSequence, size: tuple[int, int], cuts: Iterable[int] | None = None) -> Framing:
    """The picture of (width, height) pixels that follows the dancer; each shot is framed by itself.

    cuts: the frames with which shots begin; else those that the poses tell. Where nobody is seen it stays as it was;
    a shot that shows nobody is the canvas.
    """
    cuts = np.asarray(poses.shots if cuts is None else sorted(cuts), int)
    edges = [0, *cuts.tolist(), len(poses)]
    shots = [_shot(poses.keypoints[first:stop], poses.fps, size, poses.size) for first, stop in pairwise(edges)]
    height, corner, hurried = (np.concatenate(track) for track in zip(*shots, strict=True))
    return Framing(size, height, corner, hurried, cuts)


def _shot(
    keypoints: np.ndarray, fps: float, size: tuple[int, int], canvas: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Height, corner and hurry of one shot."""
    aspect = size[0] / size[1]
    seen = np.asarray((keypoints[..., 2] > 0).any(axis=1))
    if not seen.any():
        height = max(canvas[1], canvas[0] / aspect)
        corner = (np.array(canvas) - (height * aspect, height)) / 2 - 0.5
        return np.full(len(seen), height), np.tile(corner, (len(seen), 1)), np.zeros(len(seen), bool)
    body = standing_height(keypoints, fps)
    low, high = _kept(reach_of(keypoints, body), seen)
    middle = _averaged(_middle(keypoints, low, high, seen), SIDEWAYS_S * fps)
    floor = _averaged(_widest(high[:, 1], FLOOR_S * fps, FLOOR_S * fps), FLOOR_S * fps)
    upright = (floor - low[:, 1]) / (SOLES - TOP)
    across = 2 * np.maximum(high[:, 0] - middle, middle - low[:, 0]) / (aspect * (1 - 2 * SIDE))
    height, hurried = _height(np.maximum(upright, across), body, fps)
    corner = np.stack([middle - height * aspect / 2, floor - SOLES * height], axis=1)
    return height, corner, hurried


def _height(needed: np.ndarray, body: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """(T,) how high a picture is that has room for what is needed (T,) at each moment, as steady as can be."""
    near = SCALE_S * fps
    room = _widest(needed / body, HELD_S * fps, near)
    wanted = np.maximum(np.maximum(room, 1 / BODY_SHARE) * body, _widest(needed, near, near))
    level = _led(np.log(wanted), RATE / fps, round(AHEAD_S * fps))
    level = _averaged(level, near, flat=True)
    change = np.abs(np.diff(level, prepend=level[:1])) * fps
    return np.exp(level), change > RATE * 1.001


def _led(wanted: np.ndarray, rate: float, ahead: int) -> np.ndarray:
    """(T,) never under what is wanted (T,), changing by `rate` a frame at most, with `ahead` frames to see it come.

    It rises as late as will do. More than the rate allows is made good evenly in all the frames that there are.
    """
    far = np.arange(ahead + 1)
    padded = np.append(wanted, np.full(ahead, -np.inf))
    level, path = -np.inf, np.empty(len(wanted))
    for frame in range(len(wanted)):
        coming = padded[frame : frame + ahead + 1]
        least = (coming - rate * far).max()
        if frame == 0 or least <= level + rate:
            level = max(least, level - rate)
        else:
            level += max(rate, ((coming - level) / (far + 1)).max())
        path[frame] = level
    return path


def _middle(keypoints: np.ndarray, low: np.ndarray, high: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(T,): halfway between the hips, or the box where they are hidden, and the middle of all that is seen."""
    box = (low[:, 0] + high[:, 0]) / 2
    hips = keypoints[:, _HIPS]
    both = np.all(hips[..., 2] > 0, axis=1)
    return _filled(np.where(both, (hips[..., 0].mean(axis=1) + box) / 2, box), seen)


def _kept(box: tuple[np.ndarray, np.ndarray], seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _filled(box[0], seen), _filled(box[1], seen)


def _filled(track: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A track (T, ...) that keeps its last value where nobody is seen; before that, the first."""
    last = np.maximum.accumulate(np.where(seen, np.arange(len(seen)), -1))
    return track[np.where(last < 0, np.argmax(seen), last)]


def _widest(track: np.ndarray, before: float, after: float) -> np.ndarray:
    """(T,) the largest value from `before` frames before each to `after` frames after it."""
    from numpy.lib.stride_tricks import sliding_window_view

    before, after = round(before), round(after)
    padded = np.pad(track, (before, after), constant_values=-np.inf)
    return sliding_window_view(padded, before + after + 1).max(axis=1)


def _averaged(track: np.ndarray, reach: float, flat: bool = False) -> np.ndarray:
    """(T,) weighed means over `reach` frames on either side (Hann's window, or all alike), the ends repeated."""
    from scipy.ndimage import convolve1d

    half = round(reach)
    window = np.ones(2 * half + 1) if flat else np.hanning(2 * half + 3)[1:-1]
    return convolve1d(track, window / window.sum(), mode="nearest")
