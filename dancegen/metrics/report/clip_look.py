"""What the page about a pose dataset shows of one clip: numbers, and skeletons over its pictures at a few moments.

Made where the clip is cleaned, and small, so that it travels from the process that does that to the one that writes
the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dancegen.metrics.report.pictures import sheet_of
from dancegen.pose.cleaning import Cleaned, Piece, Rejected
from dancegen.pose.drawing import draw_pose
from dancegen.pose.geometry import to_canvas

TALL = 200
"""Pixels of a picture."""
MOMENTS, MOST_EXAMPLES = 6, 3
"""Pictures of a clip's pieces, and of its parts that were left out."""
_FEWEST = 5
"""Frames of an example: shorter parts say little."""
_DIMMED = 0.55
"""How bright footage is under a skeleton."""
_STROKE = 1 / 70


@dataclass(frozen=True)
class PieceLook:
    """A piece of a clip, in seconds. steps: see `pose.cleaning.pipeline.STEPS`. joints: of its frames together."""

    start_s: float
    seconds: float
    quality: float
    steps: Mapping[str, int]
    frames: int
    joints: int


@dataclass(frozen=True)
class RejectedLook:
    """A part that was left out, in seconds. picture: a data URL; empty where none was taken."""

    start_s: float
    seconds: float
    kind: str
    reason: str
    quality: float | None
    picture: str = ""


@dataclass(frozen=True)
class ClipLook:
    """sheet: a data URL of pictures of the pieces at a few moments in a row; empty where there are none."""

    name: str
    seconds: float
    pieces: tuple[PieceLook, ...]
    rejected: tuple[RejectedLook, ...]
    cuts_s: tuple[float, ...]
    sheet: str = ""

    def without_pictures(self) -> ClipLook:
        """The numbers alone."""
        return replace(self, sheet="", rejected=tuple(replace(each, picture="") for each in self.rejected))


def look_at_clip(
    name: str, cleaned: Cleaned, fps: float, size: tuple[int, int], video: Path | None = None, pictures: bool = True
) -> ClipLook:
    """What to show of a clip of pictures of `size` (width, height). video: its footage, pictures that cannot be had
    are black. pictures: False for the numbers alone."""
    pieces = tuple(
        PieceLook(
            each.first / fps, len(each.poses) / fps, each.quality, dict(each.steps), len(each.poses),
            int((each.poses.keypoints[..., 2] > 0).sum()),
        )
        for each in cleaned.pieces
    )  # fmt: skip
    moments = _moments(cleaned.pieces) if pictures else []
    examples = {k: _middle_of(cleaned.rejected[k]) for k in _examples(cleaned.rejected)} if pictures else {}
    wanted = [frame for frame, _ in (*moments, *examples.values())]
    small = max(1, round(size[0] * TALL / size[1])), TALL
    under = _pictures(video, sorted(set(wanted)), fps, small)

    def overlay(moment: tuple[int, np.ndarray | None]) -> np.ndarray:
        frame, pose = moment
        return under[frame] if pose is None else _overlay(under[frame], to_canvas(pose, size, small))

    rejected = tuple(
        RejectedLook(
            each.first / fps, each.frames / fps, each.kind, each.reason, each.quality,
            sheet_of([overlay(examples[k])]) if k in examples else "",
        )
        for k, each in enumerate(cleaned.rejected)
    )  # fmt: skip
    sheet = sheet_of(overlay(moment) for moment in moments) if moments else ""
    return ClipLook(name, cleaned.frames / fps, pieces, rejected, tuple(cut / fps for cut in cleaned.cuts), sheet)


def _moments(pieces: Sequence[Piece]) -> list[tuple[int, np.ndarray]]:
    """Frames of the clip, evenly spread over its pieces, with their poses (18, 3); none without pieces."""
    if not pieces:
        return []
    every = [(piece.first + k, pose) for piece in pieces for k, pose in enumerate(piece.poses.keypoints)]
    # Not the very first and last: they say least.
    return [every[round((k + 0.5) * len(every) / MOMENTS - 0.5)] for k in range(MOMENTS)]


def _examples(rejected: Sequence[Rejected]) -> list[int]:
    """The longest part that was left out, of each kind."""
    longest: dict[str, int] = {}
    for k, each in enumerate(rejected):
        if each.frames < _FEWEST:
            continue
        if each.frames > rejected[longest.setdefault(each.kind, k)].frames:
            longest[each.kind] = k
    return sorted(longest.values(), key=lambda k: -rejected[k].frames)[:MOST_EXAMPLES]


def _middle_of(part: Rejected) -> tuple[int, np.ndarray | None]:
    """The frame in which most is seen of those round the middle of a part that was left out."""
    if part.keypoints is None or not len(part.keypoints):
        return part.first + part.frames // 2, None
    shown = (part.keypoints[..., 2] > 0).sum(axis=1)
    middle = np.abs(np.arange(part.frames) - part.frames // 2)
    best = int(np.lexsort((middle, -shown))[0])
    return part.first + best, part.keypoints[best]


def _overlay(picture: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(H, W, 3): a skeleton over a dimmed picture."""
    skeleton = draw_pose(pose, (picture.shape[1], picture.shape[0]), stroke=_STROKE)
    over = np.minimum(skeleton.max(axis=-1, keepdims=True).astype(np.float32) / 128, 1)
    return np.round(picture * _DIMMED * (1 - over) + skeleton * over).astype(np.uint8)


def _pictures(video: Path | None, wanted: Sequence[int], fps: float, size: tuple[int, int]) -> dict[int, np.ndarray]:
    """Pictures of a video by their numbers, ascending, in one pass and small; black ones where they cannot be had."""
    import cv2

    from dancegen.errors import InputError
    from dancegen.video.source import VideoFile

    found: dict[int, np.ndarray] = dict.fromkeys(wanted, np.zeros((size[1], size[0], 3), np.uint8))
    if video is None or not found:
        return found
    first = wanted[0]
    try:
        passing = VideoFile(video).frames(fps, first / fps, (wanted[-1] - first + 1) / fps)
        for frame, picture in enumerate(passing, first):
            if frame in found:
                found[frame] = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    except InputError:
        pass  # the page is not what a damaged video is told by
    return found
