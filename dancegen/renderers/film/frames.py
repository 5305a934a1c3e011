"""Painted frames on disk, the seams between segments, and the way from painted frames to a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dancegen.codecs import Codec
from dancegen.errors import DancegenError
from dancegen.files import load_picture
from dancegen.progress import Progress
from dancegen.renderers.film.segments import crossfade

if TYPE_CHECKING:
    import numpy as np

POSTER, FRAMES = "poster.png", "frames"


def frame_name(number: int) -> str:
    """The file of a frame."""
    return f"{number:06d}.png"


def write_frame(path: Path, frame: np.ndarray) -> None:
    """(H, W, 3) uint8 RGB, or (H, W, 4) with alpha, as PNG. Raises OSError where the disk does not take it."""
    import cv2

    order = cv2.COLOR_RGB2BGR if frame.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
    done, data = cv2.imencode(".png", cv2.cvtColor(frame, order), [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not done:
        raise DancegenError(f"{path.name} could not be encoded")
    path.write_bytes(data.tobytes())


def read_frame(path: Path) -> np.ndarray:
    """(H, W, 3) uint8 RGB from a PNG. Raises DancegenError for what is none."""
    return load_picture(path)


def faded(earlier: Iterable[np.ndarray], later: Iterable[np.ndarray], frames: int) -> Iterator[np.ndarray]:
    """The frames that two segments share, going evenly from the earlier one's version to the later one's."""
    import cv2

    for share, old, new in zip(crossfade(frames), earlier, later, strict=True):
        yield cv2.addWeighted(old, 1 - float(share), new, float(share), 0)


@dataclass(frozen=True)
class Composition:
    """A film to be put together: its size in pixels, rate, number of frames, music and metadata.

    keys: the numbers of the frames that are painted, rising. keep_frames: as PNG files, too. audio_start_s: where in
    the music it begins.
    """

    size: tuple[int, int]
    fps: float
    frames: int
    keys: list[int]
    audio: Path
    tags: dict[str, str]
    codec: Codec
    keep_frames: bool = False
    audio_start_s: float = 0.0

    def write(self, directory: Path, painted: Iterable[np.ndarray], progress: Progress) -> float:
        """The video, with frames interpolated between the painted ones, and a poster; returns its seconds."""
        from dancegen.video import VideoWriter
        from dancegen.video.frames import interpolate

        if self.keep_frames:
            (directory / FRAMES).mkdir()
        with (
            VideoWriter(
                directory / self.codec.file,
                self.size,
                self.fps,
                audio=self.audio,
                audio_start_s=self.audio_start_s,
                metadata=self.tags,
                codec=self.codec,
            ) as video,
            progress.task("putting the film together", self.frames) as advance,
        ):
            for number, frame in enumerate(interpolate(zip(self.keys, painted, strict=True))):
                if number == 0:
                    write_frame(directory / POSTER, frame)
                if self.keep_frames:
                    write_frame(directory / FRAMES / frame_name(number), frame)
                video.write(frame)
                advance(1)
        return video.frames / self.fps
