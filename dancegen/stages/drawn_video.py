"""A drawn video on disk: its frames with their sound, and a poster; and how large it is where nobody says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.errors import InputError
from dancegen.progress import Progress

if TYPE_CHECKING:
    import numpy as np

VIDEO, POSTER = "video.mp4", "poster.png"
DRAWN_SIZE = (1280, 720)


def write_drawn(
    directory: Path,
    frames: Iterable[np.ndarray],
    total: int,
    *,
    size: tuple[int, int],
    fps: float,
    audio: Path | None,
    tags: dict[str, str],
    label: str,
    progress: Progress,
) -> dict:
    """Write (H, W, 3) uint8 RGB frames as they come, and one of them as the poster; returns the summary.

    total: how many there will be.
    """
    import cv2

    from dancegen.video import VideoWriter

    with (
        VideoWriter(directory / VIDEO, size, fps, audio=audio, metadata=tags) as video,
        progress.task(label, total) as advance,
    ):
        for number, frame in enumerate(frames):
            if number == total // 3:
                cv2.imwrite(str(directory / POSTER), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
            video.write(frame)
            advance(1)
    return {"seconds": round(video.frames / fps, 3), "frames": video.frames, "fps": fps, "size": list(size)}


def rate_in_words(fps: float) -> str:
    """Frames a second as a command states them: 30, 12.5, and that of NTSC in full, so that it is read as the same."""
    return f"{fps:g}" if float(f"{fps:g}") == fps else repr(fps)


def even_size(size: tuple[int, int]) -> tuple[int, int]:
    """A size in pixels that a person asked for. InputError for one that no video can have."""
    width, height = size
    if width % 2 or height % 2:
        raise InputError(f"--size {width}x{height}: H.264 needs even sides")
    return width, height


def shaped_like(shown: tuple[int, int], area: tuple[int, int], step: int = 2) -> tuple[int, int]:
    """(width, height) in the proportions of a picture, with about the area of a size, in multiples of `step` pixels."""
    wide = (shown[0] / shown[1]) ** 0.5
    side = (area[0] * area[1]) ** 0.5
    return max(step, round(side * wide / step) * step), max(step, round(side / wide / step) * step)
