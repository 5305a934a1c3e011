"""Motion: a dancer's joints in three dimensions over time."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.arrays import unit
from dancegen.errors import MocapError
from dancegen.pose.skeleton import N_JOINTS

ENDS = ("r_hand", "l_hand", "r_toe", "l_toe")


@dataclass(frozen=True, eq=False)
class Motion:
    """A dancer in motion.

    joints3d: (T, 18, 3) float32, metres, y up, right-handed, floor at 0, joints as in `dancegen.pose.skeleton`.
    head_forward, head_up: (T, 3) float32 unit vectors, where the face looks and the crown points.
    height_m: the dancer's standing height. fps: frames a second.
    ends: (T, 4, 3) float32 unit vectors, where hands and feet point, as ENDS lists them; None where the source has
    neither.
    """

    joints3d: np.ndarray
    head_forward: np.ndarray
    head_up: np.ndarray
    fps: float
    height_m: float
    name: str
    source: Path | None = None
    ends: np.ndarray | None = None

    def __post_init__(self) -> None:
        frames = len(self.joints3d)
        shapes = {"joints3d": (frames, N_JOINTS, 3), "head_forward": (frames, 3), "head_up": (frames, 3)}
        if self.ends is not None:
            shapes["ends"] = (frames, len(ENDS), 3)
        for field, shape in shapes.items():
            values = np.asarray(getattr(self, field), dtype=np.float32)
            if values.shape != shape or frames == 0 or not np.isfinite(values).all():
                raise MocapError(f"{self.name}: {field} should be finite numbers of shape {shape}, frames above zero.")
            object.__setattr__(self, field, values)
        if not (math.isfinite(self.fps) and self.fps > 0 and math.isfinite(self.height_m) and self.height_m > 0):
            raise MocapError(f"{self.name}: fps and height should be above zero, not {self.fps} and {self.height_m}.")

    def __len__(self) -> int:
        return len(self.joints3d)

    @property
    def seconds(self) -> float:
        return len(self) / self.fps

    def slice(self, start_s: float, seconds: float) -> Motion:
        """The frames from `start_s` on, as many as `seconds` hold; fewer where the motion ends before."""
        first = min(max(round(start_s * self.fps), 0), len(self) - 1)
        last = min(first + max(round(seconds * self.fps), 1), len(self))
        return self._with([values[first:last] for values in self._tracks()], self.fps)

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
            return self._with([values[nearest] for values in self._tracks()], fps)
        from scipy.interpolate import CubicSpline

        own = np.arange(len(self)) / self.fps
        times_s = np.clip(times_s, 0.0, own[-1])
        tracks = [_lowpass(values, self.fps, fps) for values in self._tracks()]
        return self._with([CubicSpline(own, values, axis=0)(times_s) for values in tracks], fps)

    def turned(self, degrees: float) -> Motion:
        """The same dance with the whole stage turned round the vertical, to the left as seen from above."""
        from dancegen.motion.rotations import rotation

        turn = rotation("y", np.asarray(degrees))
        return self._with([values @ turn.T for values in self._tracks()], self.fps)

    def save(self, path: str | Path) -> None:
        """Writes motion.npz: the arrays and figures of this class, no pickle."""
        fields = self.arrays()
        # A handle, because numpy would put .npz behind any other name.
        with Path(path).open("wb") as file:
            np.savez(file, fps=self.fps, height_m=self.height_m, name=self.name, **fields)

    @classmethod
    def load(cls, path: str | Path) -> Motion:
        """Reads what `save` wrote. Raises MocapError where the file is missing, damaged or something else."""
        path = Path(path)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ("joints3d", "head_forward", "head_up")}
                arrays["ends"] = file["ends"] if "ends" in file.files else None
                figures = {"fps": float(file["fps"]), "height_m": float(file["height_m"])}
                return cls(**arrays, **figures, name=str(file["name"]), source=path)
        except FileNotFoundError:
            raise MocapError(f"{path} does not exist.") from None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise MocapError(f"{path} is not a motion file that dancegen wrote, or it is damaged: {error}") from error

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by their names, `ends` only where there are any."""
        arrays = {"joints3d": self.joints3d, "head_forward": self.head_forward, "head_up": self.head_up}
        return arrays if self.ends is None else arrays | {"ends": self.ends}

    def _tracks(self) -> list[np.ndarray]:
        return list(self.arrays().values())

    def _with(self, tracks: list[np.ndarray], fps: float) -> Motion:
        joints, *directions = tracks
        turned = dict(zip(list(self.arrays())[1:], map(unit, directions), strict=True))
        return replace(self, joints3d=joints, fps=float(fps), **turned)


def _lowpass(values: np.ndarray, fps: float, new_fps: float) -> np.ndarray:
    """Without what is faster than the new rate can show; untouched where the rate does not fall."""
    if new_fps >= 0.95 * fps:
        return values.astype(np.float64)
    from scipy.signal import butter, sosfiltfilt

    sections = butter(4, 0.42 * new_fps, fs=fps, output="sos")
    return sosfiltfilt(sections, values.astype(np.float64), axis=0, padlen=min(len(values) - 1, 30))
