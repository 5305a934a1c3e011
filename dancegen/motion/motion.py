"""Motion: a dancer's joints in three dimensions over time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError, reading
from dancegen.files import load_arrays
from dancegen.pose.skeleton import INDEX, N_JOINTS

ENDS: tuple[str, ...] = ("r_hand", "l_hand", "r_toe", "l_toe")


@dataclass(frozen=True, eq=False)
class Rotations:
    """How a dancer's own bones turn, where the source says: the arrays of a `motion.body.BodyMotion`.

    offsets: (24, 3) float32 metres, each joint of SMPL's tree from its parent in the T-pose. root: (T, 3) float32
    metres, the pelvis. local: (T, 20, 3, 3) float32, of the joints that turn (all but the tips of hands and feet)
    relative to their parents. Forward kinematics leads to the motion's limbs; its face is where the head carries it.
    """

    offsets: np.ndarray
    root: np.ndarray
    local: np.ndarray

    def __post_init__(self) -> None:
        frames = len(self.root)
        shapes = {"offsets": (24, 3), "root": (frames, 3), "local": (frames, 20, 3, 3)}
        for field, shape in shapes.items():
            values = np.asarray(getattr(self, field), np.float32)
            if values.shape != shape or not (np.abs(values) < FARTHEST_M).all():
                raise MocapError(f"a body's {field} should be finite numbers of shape {shape}.")
            object.__setattr__(self, field, values)
        if not (np.linalg.det(self.local) > 0).all():
            raise MocapError("a body's rotations should be rotations.")

    def __getitem__(self, frames: slice | np.ndarray) -> Rotations:
        return Rotations(self.offsets, self.root[frames], self.local[frames])

    def at(self, times_s: np.ndarray, fps: float, new_fps: float) -> Rotations:
        """The rotations at any rising times: cubic splines through unit quaternions, low-passed as the joints are."""
        from scipy.interpolate import CubicSpline
        from scipy.spatial.transform import Rotation

        from dancegen.motion.rotations import quaternions

        frames, joints = self.local.shape[:2]
        own = np.arange(frames) / fps
        root, turned = (
            CubicSpline(own, _lowpass(track, fps, new_fps), axis=0)(times_s)
            for track in (self.root, quaternions(self.local))
        )
        local = Rotation.from_quat(turned.reshape(-1, 4)).as_matrix().reshape(len(times_s), joints, 3, 3)
        return Rotations(self.offsets, root, local)

    def turned(self, turn: np.ndarray) -> Rotations:
        """With the whole room turned by a rotation (3, 3)."""
        local = self.local.copy()
        local[:, 0] = turn @ local[:, 0]
        return Rotations(self.offsets, self.root @ turn.T, local)


@dataclass(frozen=True, eq=False)
class Motion:
    """A dancer in motion.

    joints3d: (T, 18, 3) float32, metres, y up, right-handed, floor at 0, joints as in `dancegen.pose.skeleton`.
    head_forward, head_up: (T, 3) float32 unit vectors, where the face looks and the crown points.
    height_m: the dancer's standing height. fps: frames a second.
    ends: (T, 4, 3) float32 unit vectors, where hands and feet point, as ENDS lists them; None where the source has
    neither. rotations: of the body's bones; None where the source has joints only. gaps: (start, end) seconds in which
    the source does not say where the dancer is; what stands there leads from one side to the other, and is no dance.
    begins_s: where in the source the first frame is, so that a song of its own stays in time. No file keeps these two.
    """

    joints3d: np.ndarray
    head_forward: np.ndarray
    head_up: np.ndarray
    fps: float
    height_m: float
    name: str
    source: Path | None = None
    ends: np.ndarray | None = None
    rotations: Rotations | None = None
    gaps: tuple[tuple[float, float], ...] = ()
    begins_s: float = 0.0

    def __post_init__(self) -> None:
        frames = len(self.joints3d)
        shapes = {"joints3d": (frames, N_JOINTS, 3), "head_forward": (frames, 3), "head_up": (frames, 3)}
        if self.ends is not None:
            shapes["ends"] = (frames, len(ENDS), 3)
        if self.rotations is not None and len(self.rotations.root) != frames:
            raise MocapError(f"{self.name}: {len(self.rotations.root)} rotations belong to {frames} frames.")
        for field, shape in shapes.items():
            values = np.asarray(getattr(self, field), dtype=np.float32)
            if values.shape != shape or frames == 0 or not (np.abs(values) < FARTHEST_M).all():
                raise MocapError(f"{self.name}: {field} should be finite numbers of shape {shape}, frames above zero.")
            object.__setattr__(self, field, values)
        if not (math.isfinite(self.fps) and self.fps > 0 and math.isfinite(self.height_m) and self.height_m > 0):
            raise MocapError(f"{self.name}: fps and height should be above zero, not {self.fps} and {self.height_m}.")

    @classmethod
    def of_joints(cls, joints3d: np.ndarray, fps: float, height_m: float, name: str = "poses") -> Motion:
        """The motion of joints (T, 18, 3), metres, as a pose file brings them along; the face says where it looks."""
        joints = np.asarray(joints3d, np.float64)
        right = unit(joints[:, INDEX["r_ear"]] - joints[:, INDEX["l_ear"]])
        out = joints[:, INDEX["nose"]] - (joints[:, INDEX["r_ear"]] + joints[:, INDEX["l_ear"]]) / 2
        forward = unit(out - (out * right).sum(axis=1, keepdims=True) * right)
        return cls(joints, forward, np.cross(right, forward), fps, height_m, name)

    def __len__(self) -> int:
        return len(self.joints3d)

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def slice(self, start_s: float, seconds: float) -> Motion:
        """The frames from `start_s` on, as many as `seconds` hold; fewer where the motion ends before."""
        first = min(max(round(start_s * self.fps), 0), len(self) - 1)
        last = min(first + max(round(seconds * self.fps), 1), len(self))
        rotations = None if self.rotations is None else self.rotations[first:last]
        return self._with([values[first:last] for values in self._tracks()], self.fps, rotations)

    def resample(self, fps: float) -> Motion:
        """The same dance at another rate; it starts at the same moment and is as long, to within a frame.

        Cubic splines through the frames, after a zero-phase low-pass where the new rate is lower: what moves faster
        than the new frames can show would come back as a wobble.
        """
        if fps <= 0:
            raise MocapError(f"{self.name}: cannot resample to {fps} frames a second.")
        count = max(round(len(self) * fps / self.fps), 1)
        return self.at(np.minimum(np.arange(count) / fps, (len(self) - 1) / self.fps), fps)

    def at(self, times_s: np.ndarray, fps: float) -> Motion:
        """The poses at any rising times (seconds from the first frame), to be played at `fps`: a retimed dance."""
        times_s = np.asarray(times_s, dtype=np.float64)
        if len(self) < 4:
            nearest = np.clip(np.round(times_s * self.fps), 0, len(self) - 1).astype(int)
            rotations = None if self.rotations is None else self.rotations[nearest]
            return self._with([values[nearest] for values in self._tracks()], fps, rotations)
        from scipy.interpolate import CubicSpline

        own = np.arange(len(self)) / self.fps
        times_s = np.clip(times_s, 0.0, own[-1])
        tracks = [_lowpass(values, self.fps, fps) for values in self._tracks()]
        rotations = None if self.rotations is None else self.rotations.at(times_s, self.fps, fps)
        return self._with([CubicSpline(own, values, axis=0)(times_s) for values in tracks], fps, rotations)

    def turned(self, degrees: float) -> Motion:
        """The same dance with the whole stage turned round the vertical, to the left as seen from above."""
        from dancegen.motion.rotations import rotation

        turn = rotation("y", np.asarray(degrees))
        rotations = None if self.rotations is None else self.rotations.turned(turn)
        return self._with([values @ turn.T for values in self._tracks()], self.fps, rotations)

    def save(self, path: str | Path) -> None:
        """Writes motion.npz, no pickle. Where there are rotations, `motion.body.BodyMotion.load` reads it, too."""
        write_arrays(path, self.arrays())

    @classmethod
    def load(cls, path: str | Path) -> Motion:
        """Reads what `save` wrote. Raises MocapError where the file is missing, damaged or something else."""
        path = Path(path)
        arrays = load_arrays(path, MOTION_FILE, MocapError, needed=_NEEDED, optional=("ends", *_ROTATIONS))
        with reading(path, MOTION_FILE, MocapError), named(path):
            check_measures(float(arrays["fps"]), float(arrays["height_m"]))
            turned = [arrays[name] for name in _ROTATIONS] if "rotations" in arrays else None
            return cls(
                *(arrays[name] for name in ("joints3d", "head_forward", "head_up")),
                fps=float(arrays["fps"]),
                height_m=float(arrays["height_m"]),
                name=str(arrays["name"]),
                source=path,
                ends=arrays.get("ends"),
                rotations=None if turned is None else Rotations(*turned),
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """All there is in it by the names in its file; `ends` and the rotations only where there are any."""
        figures = {"fps": self.fps, "height_m": self.height_m, "name": self.name}
        arrays = self._named_tracks() | {name: np.asarray(value) for name, value in figures.items()}
        if self.rotations is not None:
            arrays |= {"start_s": np.asarray(0.0), "offsets": self.rotations.offsets}
            arrays |= {"root": self.rotations.root, "rotations": self.rotations.local}
        return arrays

    def _named_tracks(self) -> dict[str, np.ndarray]:
        tracks = {"joints3d": self.joints3d, "head_forward": self.head_forward, "head_up": self.head_up}
        return tracks if self.ends is None else tracks | {"ends": self.ends}

    def _tracks(self) -> list[np.ndarray]:
        return list(self._named_tracks().values())

    def _with(self, tracks: list[np.ndarray], fps: float, rotations: Rotations | None) -> Motion:
        joints, forward, up, *ends = tracks
        return replace(
            self, joints3d=joints, head_forward=unit(forward), head_up=unit(up), fps=float(fps),
            ends=unit(ends[0]) if ends else None, rotations=rotations, gaps=(),
        )  # fmt: skip


MOTION_FILE = "motion file that dancegen wrote (motion.npz)"
_NEEDED, _ROTATIONS = (
    ("joints3d", "head_forward", "head_up", "fps", "height_m", "name"),
    ("offsets", "root", "rotations"),
)
FARTHEST_M = 1e5
_RATES, _HEIGHTS_M = (0.1, 1000.0), (0.05, 50.0)
"""Between what a motion file's frames a second and its dancer's height lie."""


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Around what makes a motion of a file: MocapErrors about the motion name the file."""
    try:
        yield
    except MocapError as error:
        raise MocapError(f"{path}: {error}") from error


def check_measures(fps: float, height_m: float) -> None:
    """MocapError where a motion file states a rate or a height that no recording of a dancer has."""
    for value, (least, most), name in ((fps, _RATES, "frames a second"), (height_m, _HEIGHTS_M, "metres of height")):
        if not least <= value <= most:
            raise MocapError(f"{value:g} {name}; it must be from {least:g} to {most:g}")


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A .npz of these arrays, uncompressed."""
    # A handle, because numpy would put .npz behind any other name.
    with Path(path).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _lowpass(values: np.ndarray, fps: float, new_fps: float) -> np.ndarray:
    """Without what is faster than the new rate can show; untouched where the rate does not fall."""
    if new_fps >= 0.95 * fps:
        return values.astype(np.float64)
    from scipy.signal import butter, sosfiltfilt

    sections = butter(4, 0.42 * new_fps, fs=fps, output="sos")
    return sosfiltfilt(sections, values.astype(np.float64), axis=0, padlen=min(len(values) - 1, 30))
