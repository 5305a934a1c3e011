"""PoseSequence: a dance as keypoints over time, and its file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import PoseError, reading
from dancegen.files import MOST_PIXELS, load_arrays
from dancegen.pose.geometry import place, to_canvas
from dancegen.pose.resampling import resample_points, resample_shots
from dancegen.pose.shots import find_cuts, shot_starts, within_shots
from dancegen.pose.skeleton import MIRROR, N_JOINTS

#: Swaps left and right of OpenPose's 70 face points: jaw, brows, nose, eyes, mouth, pupils.
_FACE_MIRROR = np.r_[
    np.r_[16:-1:-1, 26:16:-1, 27:31, 35:30:-1],
    [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
    [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65, 69, 68],
]


_NEEDED, _OPTIONAL = ("keypoints", "fps", "size"), ("start_s", "joints3d", "hands", "face", "cuts")
SLOWEST, FASTEST = 0.1, 1000.0
"""Frames a second of a pose file."""
FARTHEST = 1e6
"""Pixels or metres, beyond which nothing lies that anybody has seen."""


@dataclass(frozen=True, eq=False)
class PoseSequence:
    """A dance: one person's joints in every frame.

    keypoints: (T, 18, 3) float32, x and y in pixels of ``size``, confidence 0..1; a missing joint is (0, 0, 0).
    fps: frames a second. size: (width, height) of the canvas. start_s: frame i is the pose at start_s + i / fps
    seconds of the song. joints3d: (T, 18, 3) float32, metres, y up, right-handed. hands: (T, 2, 21, 3), left then
    right, face: (T, 70, 3), both as OpenPose gives them and in the same pixels as keypoints. cuts: (C,) int, frames
    with which a new shot begins, where they are known of footage; those that joints3d tell need not be among them.

    Raises PoseError where the arrays are not that.
    """

    keypoints: np.ndarray
    fps: float
    size: tuple[int, int] = (512, 512)
    start_s: float = 0.0
    joints3d: np.ndarray | None = None
    hands: np.ndarray | None = None
    face: np.ndarray | None = None
    cuts: np.ndarray | None = None

    def __post_init__(self) -> None:
        keypoints = _checked("keypoints", self.keypoints, (N_JOINTS, 3), None)
        frames = len(keypoints)
        values = {
            "keypoints": _tidied("keypoints", keypoints),
            "fps": _checked_number("fps", self.fps),
            "size": _checked_size(self.size),
            "start_s": _checked_number("start_s", self.start_s, positive=False),
        }
        if self.joints3d is not None:
            values["joints3d"] = _checked("joints3d", self.joints3d, (N_JOINTS, 3), frames)
        if self.hands is not None:
            values["hands"] = _tidied("hands", _checked("hands", self.hands, (2, 21, 3), frames))
        if self.face is not None:
            values["face"] = _tidied("face", _checked("face", self.face, (70, 3), frames))
        if self.cuts is not None:
            values["cuts"] = _checked_cuts(self.cuts, frames)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.keypoints)

    @property
    def seconds(self) -> float:
        """How long the dance lasts, its last frame included."""
        return len(self) / self.fps

    @property
    def times_s(self) -> np.ndarray:
        """(T,) float64: the second of the song that each frame belongs to."""
        return self.start_s + np.arange(len(self)) / self.fps

    @property
    def shots(self) -> np.ndarray:
        """(C,) int, ascending: the frames that show the dancer from elsewhere than the frame before."""
        told = find_cuts(self.keypoints, self.joints3d)
        return told if self.cuts is None else np.union1d(self.cuts, told)

    def save(self, path: str | Path) -> None:
        """Write the sequence as a .npz file (no pickles in it)."""
        arrays = {
            "keypoints": self.keypoints,
            "fps": np.float64(self.fps),
            "start_s": np.float64(self.start_s),
            "size": np.array(self.size, dtype=np.int64),
        }
        optional = {"joints3d": self.joints3d, "hands": self.hands, "face": self.face, "cuts": self.cuts}
        arrays.update({name: array for name, array in optional.items() if array is not None})
        # An open file, because given a bare name savez would append .npz to it.
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> PoseSequence:
        """Read what save wrote. Raises PoseError if the file is missing, damaged or something else."""
        arrays: dict[str, Any] = load_arrays(
            path, "pose file (poses.npz)", PoseError, needed=_NEEDED, optional=_OPTIONAL
        )
        with reading(path, "pose file (poses.npz)", PoseError):
            try:
                sequence = cls(**arrays)
            except PoseError as error:
                raise PoseError(f"{path}: {error}") from error
            if not SLOWEST <= sequence.fps <= FASTEST:
                raise PoseError(f"{path}: fps is {sequence.fps:g}; it must be from {SLOWEST:g} to {FASTEST:g}")
            return sequence

    def slice(self, start: int, stop: int | None = None) -> PoseSequence:
        """Frames start to stop, as Python counts them; start_s moves along."""
        first, last, _ = slice(start, stop).indices(len(self))
        part = slice(first, last)
        return self._with(
            keypoints=self.keypoints[part],
            start_s=self.start_s + first / self.fps,
            joints3d=None if self.joints3d is None else self.joints3d[part],
            hands=None if self.hands is None else self.hands[part],
            face=None if self.face is None else self.face[part],
            cuts=None if self.cuts is None else self.cuts[(self.cuts > first) & (self.cuts < last)] - first,
        )

    def resample(self, fps: float) -> PoseSequence:
        """The same dance at another rate, by cubic splines in time; where a joint is missing, it stays missing."""
        fps = _checked_number("fps", fps)
        return self if fps == self.fps else self.at(self._frames_at(fps), fps)

    def at(self, frames: np.ndarray, fps: float) -> PoseSequence:
        """The dance at fractional frame numbers (M,), which ascend, shown at a rate of `fps`.

        Between two of the `shots` nothing is interpolated: the nearer one stands still.
        """
        cuts = self.shots
        frames = within_shots(frames, cuts)
        return self._with(
            keypoints=resample_shots(self.keypoints, frames, cuts),
            fps=fps,
            joints3d=None if self.joints3d is None else resample_points(self.joints3d, frames),
            hands=None if self.hands is None else resample_shots(self.hands, frames, cuts),
            face=None if self.face is None else resample_shots(self.face, frames, cuts),
            cuts=None if self.cuts is None else _starts(frames, self.cuts),
        )

    def cuts_at(self, fps: float) -> np.ndarray:
        """The frames (C,) int of `resample(fps)` that show the dancer from elsewhere than the frame before."""
        return _starts(self._frames_at(fps), self.shots)

    def _frames_at(self, fps: float) -> np.ndarray:
        count = max(1, round(len(self) * fps / self.fps)) if len(self) else 0
        return np.arange(count) * (self.fps / fps)

    def mirror(self) -> PoseSequence:
        """The dance as a mirror shows it: flipped about the canvas's middle, left and right swapped."""
        joints3d, hands, face = self.joints3d, self.hands, self.face
        return self._with(
            keypoints=_flipped(self.keypoints[:, MIRROR], self.size[0]),
            joints3d=None if joints3d is None else joints3d[:, MIRROR] * np.array([-1, 1, 1], np.float32),
            hands=None if hands is None else _flipped(hands[:, ::-1], self.size[0]),
            face=None if face is None else _flipped(face[:, _FACE_MIRROR], self.size[0]),
        )

    def fitted(self, size: tuple[int, int], *, margin: float = 0.1, grid: float = 0.0) -> PoseSequence:
        """The dance on another canvas: the dancer, wherever the whole clip takes them, fills it but for the margin.

        One scale and one shift for the clip, so the dancer is never stretched and never changes size between frames.
        margin: share of each side that stays free; joints end at the ears and ankles, so head and feet reach into it.
        grid: the dancer's extent is widened to multiples of so many pixels, so that a clip that goes on a little longer
        is mostly fitted as it was.
        """
        size = _checked_size(size)
        present = self.keypoints[..., 2] > 0
        if not present.any():
            return self.on_canvas(size)
        points = self.keypoints[present][:, :2].astype(np.float64)
        low, high = points.min(axis=0), points.max(axis=0)
        if grid:
            low, high = np.floor(low / grid) * grid, np.ceil(high / grid) * grid
        room = np.array(size) * (1 - 2 * margin)
        # A dancer of no extent (a single joint) keeps the canvas's own scale.
        extent = np.maximum(high - low, 1e-6)
        scale = float(min((room / extent).min(), 8 * min(np.array(size) / np.array(self.size))))
        middle = ((low + high) / 2 + 0.5) * scale
        offset = tuple(np.array(size) / 2 - middle)
        return self._on_canvas(size, lambda array: place(array, scale, offset))

    def on_canvas(self, size: tuple[int, int]) -> PoseSequence:
        """The dance on another canvas as it lies on its own: one scale, in the middle, never stretched."""
        size = _checked_size(size)
        return self._on_canvas(size, lambda array: to_canvas(array, self.size, size))

    @classmethod
    def concatenate(cls, chunks: Iterable[PoseSequence]) -> PoseSequence:
        """One sequence from consecutive chunks of one rate and canvas; it starts where the first one does.

        3D joints, hands and face are kept where every chunk has them, and the cuts of those that have some.
        """
        chunks = list(chunks)
        if not chunks:
            raise PoseError("there are no poses to put together")
        first = chunks[0]
        for chunk in chunks[1:]:
            if chunk.fps != first.fps or chunk.size != first.size:
                raise PoseError(
                    f"cannot put poses of {chunk.fps:g} fps on {chunk.size} behind poses of {first.fps:g} fps "
                    f"on {first.size}: resample and fit them first"
                )
        arrays = {
            name: np.concatenate([getattr(chunk, name) for chunk in chunks])
            for name in ("keypoints", "joints3d", "hands", "face")
            if all(getattr(chunk, name) is not None for chunk in chunks)
        }
        begins = np.cumsum([0, *(len(chunk) for chunk in chunks)]).tolist()
        cuts = [at + chunk.cuts for at, chunk in zip(begins, chunks, strict=False) if chunk.cuts is not None]
        known = np.concatenate(cuts) if cuts else None
        return cls(fps=first.fps, size=first.size, start_s=first.start_s, cuts=known, **arrays)

    def _on_canvas(self, size: tuple[int, int], move) -> PoseSequence:
        return self._with(
            keypoints=move(self.keypoints),
            size=size,
            hands=None if self.hands is None else move(self.hands),
            face=None if self.face is None else move(self.face),
        )

    def _with(self, **changes) -> PoseSequence:
        return replace(self, **changes)


def _starts(frames: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Which of the ascending fractional frame numbers (M,) are the first of the shots that begin at `cuts`."""
    starts = np.unique(shot_starts(frames, cuts))
    return starts[(starts > 0) & (starts < len(frames))]


def _flipped(keypoints: np.ndarray, width: int) -> np.ndarray:
    flipped = keypoints.copy()
    flipped[..., 0] = (width - 1) - flipped[..., 0]
    return np.where(flipped[..., 2:] > 0, flipped, 0)


def _checked(name: str, array, shape: tuple[int, ...], frames: int | None) -> np.ndarray:
    try:
        array = np.array(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise PoseError(f"{name} are not numbers in a regular array") from error
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        wanted = ", ".join(map(str, shape))
        raise PoseError(f"{name} have the shape {array.shape}, not (frames, {wanted})")
    if frames is not None and len(array) != frames:
        raise PoseError(f"{name} have {len(array)} frames, the keypoints {frames}")
    if not np.isfinite(array).all():
        raise PoseError(f"{name} hold numbers that are not finite; a missing joint is (0, 0, 0)")
    if array.size and np.abs(array).max() > FARTHEST:
        raise PoseError(f"{name} hold numbers out of all bounds")
    return array


def _tidied(name: str, keypoints: np.ndarray) -> np.ndarray:
    """Confidence within 0..1, and nothing but zeros where it is 0."""
    confidence = keypoints[..., 2]
    if confidence.size and (confidence.min() < -1e-3 or confidence.max() > 1 + 1e-3):
        raise PoseError(
            f"{name} have confidences from {confidence.min():g} to {confidence.max():g}; they must lie in 0..1"
        )
    keypoints[..., 2] = np.clip(confidence, 0, 1)
    keypoints[keypoints[..., 2] == 0] = 0
    return keypoints


def _checked_cuts(cuts, frames: int) -> np.ndarray:
    """(C,) int64, ascending, each once: the frame that everything begins with is none."""
    cuts = np.asarray(cuts)
    if cuts.ndim != 1 or (cuts.size and cuts.dtype.kind not in "iu"):
        raise PoseError("cuts are not a list of frames' numbers")
    if cuts.size and not (cuts.min() >= 0 and cuts.max() < max(frames, 1)):
        raise PoseError(f"cuts lie at frames {cuts.min()} to {cuts.max()}, and there are {frames}")
    return np.unique(cuts[cuts > 0]).astype(np.int64)


def _checked_number(name: str, value, *, positive: bool = True) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise PoseError(f"{name} is not a number: {value!r}") from error
    if not np.isfinite(number) or (positive and number <= 0):
        raise PoseError(f"{name} is {number:g}; it must be {'more than 0' if positive else 'finite'}")
    return number


def _checked_size(size) -> tuple[int, int]:
    try:
        width, height = (int(side) for side in size)
    except (TypeError, ValueError, OverflowError) as error:
        raise PoseError(f"size is {size!r}; it must be a width and a height in pixels") from error
    if width < 1 or height < 1:
        raise PoseError(f"size is {width}x{height}; both sides must be at least 1 pixel")
    if width * height > MOST_PIXELS:
        raise PoseError(f"size is {width}x{height}; at most {MOST_PIXELS // 1_000_000} million pixels are drawn")
    return width, height
