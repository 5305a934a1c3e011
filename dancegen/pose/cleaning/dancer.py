"""One dancer in the pictures of a shot: body, hands and face, which the steps of cleaning change together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dancegen.errors import PoseError
from dancegen.pose.cleaning.gaps import fill_gaps
from dancegen.pose.cleaning.likeness import extent, points_of
from dancegen.pose.cleaning.outliers import drop_doubles, drop_long_limbs, drop_outliers
from dancegen.pose.cleaning.smoothing import smooth_joints
from dancegen.pose.cleaning.swaps import exchanged, find_swaps
from dancegen.pose.detections import N_FACE, N_HAND, People
from dancegen.pose.geometry import body_height
from dancegen.pose.sequence import PoseSequence
from dancegen.pose.skeleton import INDEX, N_JOINTS

_WRISTS = (INDEX["l_wrist"], INDEX["r_wrist"])  # hands are left, then right
_NOSE = INDEX["nose"]
_ARMS = 1
"""The place of the arms in what `find_swaps` gives."""


@dataclass(frozen=True, eq=False)
class Dancer:
    """body: (T, 18, 3) keypoints. hands: (T, 2, 21, 3), left then right, and face: (T, 70, 3), where the detector
    looked for them. All in pixels; what is missing is (0, 0, 0)."""

    body: np.ndarray
    hands: np.ndarray | None = None
    face: np.ndarray | None = None

    @classmethod
    def of(cls, people: Sequence[People], chosen: Sequence[int | None]) -> Dancer:
        """Who was chosen of the people of each picture."""
        return cls(
            _taken([each.body for each in people], chosen, (N_JOINTS, 3)),
            _taken_if_any([each.hands for each in people], chosen, (2, N_HAND, 3)),
            _taken_if_any([each.face for each in people], chosen, (N_FACE, 3)),
        )

    def __len__(self) -> int:
        return len(self.body)

    def __getitem__(self, frames: slice) -> Dancer:
        return Dancer(
            self.body[frames],
            None if self.hands is None else self.hands[frames],
            None if self.face is None else self.face[frames],
        )

    def height(self) -> float:
        """Pixels that the dancer is tall; as good as it can be said where no frame shows the legs."""
        try:
            return body_height(self.body)
        except PoseError:
            extents = [extent(points_of(body)) for body in self.body if body.any()]
            return float(np.percentile(extents, 95)) if extents else 1.0

    def sides_repaired(self, height: float) -> tuple[Dancer, np.ndarray]:
        """With left and right where they belong, and the frames (T,) bool in which they were not."""
        swaps = find_swaps(self.body, height)
        hands = self.hands
        if hands is not None:
            hands = np.where(swaps[:, _ARMS, None, None, None], hands[:, ::-1], hands)
        return replace(self, body=exchanged(self.body, swaps), hands=hands), np.any(swaps, axis=1)

    def without_outliers(self, fps: float, height: float) -> Dancer:
        """Without joints that jump or are the other side's, and without limbs that are much too long."""
        body = drop_long_limbs(drop_doubles(self.body, height), height)
        return self._each(lambda points: drop_outliers(points, fps, height), body=drop_outliers(body, fps, height))

    def filled(self, max_gap: int) -> Dancer:
        """With gaps of up to so many frames filled: hands go along with the wrists, the face with the nose."""
        return self._each(
            lambda points: fill_gaps(points, max_gap, range(points.shape[1])), body=fill_gaps(self.body, max_gap)
        )

    def smoothed(self, fps: float, smooth_s: float) -> Dancer:
        """Without trembling (`smoothing.smooth_joints`)."""
        return self._each(
            lambda points: smooth_joints(points, fps, smooth_s), body=smooth_joints(self.body, fps, smooth_s)
        )

    def poses(self, fps: float, size: tuple[int, int], start_s: float) -> PoseSequence:
        """As a sequence, in the pixels of pictures of `size`."""
        return PoseSequence(self.body, fps, size, start_s, hands=self.hands, face=self.face)

    def _each(self, change, body: np.ndarray) -> Dancer:
        """With another body, and hands and face changed beside what they hang on, as that was and as it is now."""
        hands, face = self.hands, self.face
        if hands is not None:
            hands = np.stack(
                [_beside(hands[:, k], self.body[:, wrist], body[:, wrist], change) for k, wrist in enumerate(_WRISTS)],
                axis=1,
            )
        if face is not None:
            face = _beside(face, self.body[:, _NOSE], body[:, _NOSE], change)
        return Dancer(body, hands, face)


def _beside(points: np.ndarray, before: np.ndarray, after: np.ndarray, change) -> np.ndarray:
    """(T, J, 3) points after a change of where they are from a joint (T, 3) that was itself moved; points in frames
    without the joint stay as they are, and nothing new is put there."""
    held = (before[:, 2] > 0) & (after[:, 2] > 0)
    known = after[:, 2] > 0
    near = points.copy()
    near[..., :2] -= before[:, None, :2]
    near[(points[..., 2] <= 0) | ~held[:, None]] = 0
    changed = change(near)
    moved = changed.copy()
    moved[..., :2] += after[:, None, :2]
    moved[(changed[..., 2] <= 0) | ~known[:, None]] = 0
    return np.where(held[:, None, None] | (moved[..., 2:] > 0), moved, points).astype(np.float32)


def _taken(arrays: Sequence[np.ndarray], chosen: Sequence[int | None], shape: tuple[int, ...]) -> np.ndarray:
    nobody = np.zeros(shape, np.float32)
    taken = [nobody if who is None else array[who] for array, who in zip(arrays, chosen, strict=True)]
    return np.stack(taken).astype(np.float32) if taken else np.zeros((0, *shape), np.float32)


def _taken_if_any(
    arrays: Sequence[np.ndarray | None], chosen: Sequence[int | None], shape: tuple[int, ...]
) -> np.ndarray | None:
    """None where nobody's were looked for."""
    if all(array is None for array in arrays):
        return None
    there = [None if array is None else who for array, who in zip(arrays, chosen, strict=True)]
    return _taken([np.zeros((0, *shape)) if array is None else array for array in arrays], there, shape)
