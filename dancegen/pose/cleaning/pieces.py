"""What cleaning a clip gives: its pieces, and the parts of it that were left out, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from dancegen.pose.sequence import PoseSequence


@dataclass(frozen=True, eq=False)
class Piece:
    """Pictures `first` and on of a clip, in which one dancer is seen throughout.

    poses: in the video's own pixels, at its rate; `start_s` is where in the clip the piece begins. quality: 0..1, see
    `quality.quality_of`. steps: what each step of cleaning changed, in numbers: see `pipeline.STEPS`.
    """

    first: int
    poses: PoseSequence
    quality: float
    steps: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Rejected:
    """Pictures `first` to `first + frames` of a clip that are left out. reason: in words, for people; kind: the same
    in two or three words, to count by. quality: None where nothing was there to be judged. keypoints: (frames, 18, 3)
    of whoever was seen, in the video's own pixels.
    """

    first: int
    frames: int
    reason: str
    quality: float | None = None
    kind: str = "other"
    keypoints: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A clip after cleaning, in the order of its pictures. cuts: where shots begin, those in pictures and those seen
    from the people alone."""

    pieces: tuple[Piece, ...]
    rejected: tuple[Rejected, ...]
    frames: int
    cuts: tuple[int, ...] = field(default=())

    @property
    def kept_frames(self) -> int:
        """Pictures of the clip that its pieces show."""
        return sum(len(piece.poses) for piece in self.pieces)
