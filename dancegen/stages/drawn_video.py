"""A drawn video on disk: its frames with their sound, and a poster; and how large it is where nobody says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.codecs import CODECS, USUAL
from dancegen.errors import InputError
from dancegen.progress import Progress
from dancegen.renderers.film.frames import FRAMES, POSTER, frame_name, write_frame

if TYPE_CHECKING:
    import numpy as np

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
    codec: str = USUAL,
    keep_frames: bool = False,
    alpha: bool = False,
) -> dict:
    """Write (H, W, 3) uint8 RGB frames as they come, and one of them as the poster; returns the summary.

    Frames of which none is kept may be in planes, as `VideoWriter.write` takes them. total: how many there will be.
    keep_frames: as PNG files, too; with `alpha` clear where they are black.
    """
    from dancegen.video import VideoWriter
    from dancegen.video.frames import planes_to_rgb

    form = CODECS[codec]
    if keep_frames:
        (directory / FRAMES).mkdir()
    with (
        VideoWriter(directory / form.file, size, fps, audio=audio, metadata=tags, codec=form) as video,
        progress.task(label, total) as advance,
    ):
        for number, frame in enumerate(frames):
            if number == total // 3:
                write_frame(directory / POSTER, frame if frame.ndim == 3 else planes_to_rgb(frame))
            if keep_frames:
                write_frame(directory / FRAMES / frame_name(number), cut_out(frame) if alpha else frame)
            video.write(frame)
            advance(1)
    return {"seconds": round(video.frames / fps, 3), "frames": video.frames, "fps": fps, "size": list(size)}


def cut_out(frame: np.ndarray) -> np.ndarray:
    """(H, W, 4) of what is drawn on black, (H, W, 3): clear where nothing is."""
    import numpy as np

    return np.dstack([frame, np.where(frame.any(axis=2), 255, 0).astype(np.uint8)])


def rate_in_words(fps: float) -> str:
    """Frames a second as a command states them: 30, 12.5, and that of NTSC in full, so that it is read as the same."""
    return f"{fps:g}" if float(f"{fps:g}") == fps else repr(fps)


def even_size(size: tuple[int, int], codec: str = USUAL) -> tuple[int, int]:
    """A size in pixels that a person asked for. InputError for one that no video of the codec can have."""
    width, height = size
    if CODECS[codec].even and (width % 2 or height % 2):
        name = "H.264" if codec.startswith("h264") else codec
        raise InputError(f"--size {width}x{height}: {name} needs even sides")
    return width, height


def shaped_like(shown: tuple[int, int], area: tuple[int, int], step: int = 2) -> tuple[int, int]:
    """(width, height) in the proportions of a picture, with about the area of a size, in multiples of `step` pixels."""
    wide = (shown[0] / shown[1]) ** 0.5
    side = (area[0] * area[1]) ** 0.5
    return max(step, round(side * wide / step) * step), max(step, round(side / wide / step) * step)
