"""What a detector saw in a filmed dance: everybody in every picture, before anything of it is cleaned or chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dancegen.errors import PoseError, reading
from dancegen.files import load_arrays
from dancegen.pose.skeleton import N_JOINTS

N_HAND, N_FACE = 21, 70
_WHAT = "file of detections"
_SHAPES = {"body": (N_JOINTS, 3), "hands": (2, N_HAND, 3), "face": (N_FACE, 3)}


@dataclass(frozen=True, eq=False)
class People:
    """Everybody in one picture, in its pixels, pixels' centres being whole numbers.

    body: (P, 18, 3) float32 keypoints, x, y and confidence; a missing joint is (0, 0, 0). hands: (P, 2, 21, 3), left
    then right, and face: (P, 70, 3), as OpenPose, where the detector looks for them. Counts and iterates as `body`.
    """

    body: np.ndarray
    hands: np.ndarray | None = None
    face: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.body)

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.body)

    def __getitem__(self, person: int) -> np.ndarray:
        return self.body[person]

    def scaled(self, scale: np.ndarray) -> People:
        """The same people in a picture that is `scale` (2,) times as wide and high."""
        return People(**{name: _scaled(array, scale) for name, array in self._arrays().items()})

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: array for name in _SHAPES if (array := getattr(self, name)) is not None}

    @classmethod
    def nobody(cls) -> People:
        return cls(np.zeros((0, N_JOINTS, 3), np.float32))


@dataclass(frozen=True, eq=False)
class Detections:
    """A filmed dance as a detector saw it.

    people: those of every picture. fps: pictures a second. size: (width, height) of the pictures, upright. cuts: (C,)
    int, pictures with which a new shot begins, ascending. detector: the name of who saw it.
    """

    people: tuple[People, ...]
    fps: float
    size: tuple[int, int]
    cuts: np.ndarray
    detector: str

    def __len__(self) -> int:
        return len(self.people)

    @property
    def bodies(self) -> list[np.ndarray]:
        """(P, 18, 3) keypoints of every picture."""
        return [people.body for people in self.people]

    def save(self, path: str | Path) -> None:
        """Write .npz: `counts` (T,) people a picture, their keypoints one after the other, and the other fields."""
        arrays: dict[str, Any] = {
            name: joined for name in _SHAPES if (joined := _joined(self.people, name)) is not None
        }
        counts = np.array([len(people) for people in self.people], np.int64)
        with open(path, "wb") as file:
            np.savez_compressed(
                file, counts=counts, fps=np.float64(self.fps), size=np.array(self.size, np.int64),
                cuts=np.asarray(self.cuts, np.int64), detector=np.array(self.detector), **arrays,
            )  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> Detections:
        """Read what `save` wrote. Raises PoseError for a file that is missing, damaged or something else."""
        needed = ("counts", "body", "fps", "size", "cuts", "detector")
        arrays = load_arrays(path, _WHAT, PoseError, needed=needed, optional=("hands", "face"))
        with reading(path, _WHAT, PoseError):
            counts = arrays["counts"]
            for name, shape in _SHAPES.items():
                if name in arrays and arrays[name].shape != (int(counts.sum()), *shape):
                    raise PoseError(f"{path} is damaged: its {name} do not belong to the people it counts")
            ends = np.cumsum(counts)
            spans = [slice(end - count, end) for end, count in zip(ends.tolist(), counts.tolist(), strict=True)]
            people = tuple(People(**{n: arrays[n][span] for n in _SHAPES if n in arrays}) for span in spans)
            width, height = (int(side) for side in arrays["size"])
            return cls(people, float(arrays["fps"]), (width, height), arrays["cuts"], str(arrays["detector"]))


def _joined(people: Iterable[People], name: str) -> np.ndarray | None:
    """The keypoints of one kind of everybody, one after the other; None where nobody's were looked for."""
    found = [array for each in people if (array := getattr(each, name)) is not None and len(each)]
    if not found:
        return np.zeros((0, *_SHAPES[name]), np.float32) if name == "body" else None
    return np.concatenate(found).astype(np.float32)


def _scaled(keypoints: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Keypoints in a picture `scale` times as large: pixels' centres are whole numbers, missing joints stay missing."""
    scaled = keypoints.astype(np.float32)
    scaled[..., :2] = (keypoints[..., :2] + 0.5) * scale - 0.5
    return np.where(keypoints[..., 2:] > 0, scaled, 0).astype(np.float32)
